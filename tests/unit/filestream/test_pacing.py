from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from asyncwb.filestream import Pacer


def test_the_first_request_leaves_at_once_and_the_next_ones_within_a_second() -> None:
    pacer = Pacer()
    assert pacer.wait_seconds(100.0) == 0.0
    pacer.sent(100.0)
    assert 0 < pacer.wait_seconds(100.0) <= 1.0
    assert pacer.wait_seconds(100.0, hurry=True) == 0.0


def test_the_interval_grows_while_the_server_is_overloaded_and_shrinks_back() -> None:
    pacer = Pacer()
    for _ in range(10):
        pacer.refused(429)
    assert pacer.interval_seconds == 15.0
    for _ in range(60):
        pacer.answered({})
        pacer.sent(0.0)
    assert pacer.interval_seconds == 1.0


def test_a_lost_connection_does_not_slow_the_run_down() -> None:
    pacer = Pacer()
    before = pacer.interval_seconds
    pacer.refused(None)
    pacer.refused(500)
    assert pacer.interval_seconds == before


def test_a_fixed_interval_is_kept() -> None:
    pacer = Pacer(interval_seconds=7.0)
    pacer.sent(0.0)
    assert pacer.wait_seconds(1.0) == 6.0


def test_a_falling_quota_spreads_the_requests_until_it_is_filled_up() -> None:
    pacer = Pacer()
    remaining = 100
    for _ in range(20):
        pacer.sent(0.0)
        remaining -= 1
        pacer.answered({"ratelimit-remaining": str(remaining), "ratelimit-reset": "400"})
    # 80 to 85 units are left for 400 s at one unit per request: a request in about 5 s.
    assert pacer.interval_seconds == pytest.approx(5.0, rel=0.1)
    assert pacer.wait_seconds(0.0, hurry=True) > 4.0
    pacer.answered({})
    assert pacer.wait_seconds(0.0, hurry=True) == 0.0


def test_an_exhausted_quota_waits_for_the_longest_interval() -> None:
    pacer = Pacer()
    for remaining in (9, 8, 7, 6, 5, 0, 0):
        pacer.sent(0.0)
        pacer.answered({"ratelimit-remaining": str(remaining), "ratelimit-reset": "20000"})
    assert pacer.interval_seconds == 15.0


def beats(
    pacer: Pacer, now: float, count: int, *, early: float = 0.0, late: float = 0.0
) -> list[float]:
    """Times of the heartbeats of a silent run whose timer is not exact."""
    times: list[float] = []
    for _ in range(count):
        now += pacer.heartbeat_wait_seconds(now) - early + late
        pacer.sent(now)
        times.append(now)
    return times


def test_a_run_that_never_sent_anything_sends_heartbeats() -> None:
    pacer = Pacer(heartbeat_seconds=30.0)
    waits = [pacer.heartbeat_wait_seconds(now) for now in (1000.0, 1010.0, 1030.0)]
    assert 0 < waits[0] <= 30.0
    assert waits[1] == pytest.approx(waits[0] - 10)
    assert waits[2] <= 0


@pytest.mark.parametrize(("early", "late"), [(0.0, 0.0), (0.001, 0.0), (0.0, 0.3)])
def test_heartbeats_are_regular_and_never_late(early: float, late: float) -> None:
    for _ in range(30):
        pacer = Pacer(heartbeat_seconds=30.0)
        pacer.sent(1000.0)
        times = beats(pacer, 1000.0, 20, early=early, late=late)
        silences = [after - before for before, after in pairwise([1000.0, *times])]
        assert max(silences) <= 30.0
        assert min(silences[1:]) > 25.0


def test_heartbeats_of_many_runs_are_spread_evenly_and_share_their_times() -> None:
    pacers = [Pacer(heartbeat_seconds=30.0) for _ in range(1200)]
    for pacer in pacers:
        pacer.sent(1000.0)
    first = Counter(round(beats(pacer, 1000.0, 1)[0], 3) for pacer in pacers)
    assert len(first) == 60
    thirds = Counter(int((at - 1000.0) // 10) for at in first.elements())
    # A third of the time, a third of the requests.
    assert all(250 < thirds[third] < 550 for third in range(3))


def test_idle_data_goes_with_the_next_heartbeat() -> None:
    pacer = Pacer(heartbeat_seconds=30.0)
    assert pacer.wait_seconds(1000.0, idle=True) == 0.0
    pacer.sent(1000.0)
    assert pacer.wait_seconds(1000.0, idle=True) == pacer.heartbeat_wait_seconds(1000.0)
    assert pacer.wait_seconds(1000.0, idle=True, hurry=True) == 0.0
    assert pacer.wait_seconds(1031.0, idle=True) == 0.0


def test_a_shorter_silence_where_somebody_waits_for_an_answer() -> None:
    pacer = Pacer(heartbeat_seconds=30.0)
    pacer.sent(0.0)
    assert pacer.heartbeat_wait_seconds(1.0, at_most=5.0) <= 4.0
    assert Pacer(heartbeat_seconds=1.0).heartbeat_wait_seconds(0.0, at_most=5.0) <= 1.0
