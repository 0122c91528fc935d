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


def test_heartbeats_are_spread_and_never_late() -> None:
    waits = set()
    for _ in range(50):
        pacer = Pacer(heartbeat_seconds=30.0)
        pacer.sent(0.0)
        waits.add(pacer.heartbeat_wait_seconds(0.0))
    assert max(waits) <= 30.0
    assert min(waits) >= 25.5
    assert len(waits) > 10


def test_a_run_that_never_sent_anything_shows_that_it_lives() -> None:
    pacer = Pacer(heartbeat_seconds=30.0)
    first = pacer.heartbeat_wait_seconds(100.0)
    assert 25.0 <= first <= 30.0
    # Asked again later, for another reason: the time goes on running.
    assert pacer.heartbeat_wait_seconds(110.0) == pytest.approx(first - 10.0)
    pacer.sent(120.0)
    assert pacer.heartbeat_wait_seconds(120.0) == pytest.approx(first)


def test_a_shorter_silence_where_somebody_waits_for_an_answer() -> None:
    pacer = Pacer(heartbeat_seconds=30.0)
    pacer.sent(0.0)
    assert pacer.heartbeat_wait_seconds(1.0, at_most=5.0) == pytest.approx(4.0)
    assert Pacer(heartbeat_seconds=1.0).heartbeat_wait_seconds(0.0, at_most=5.0) <= 1.0
