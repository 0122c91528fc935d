"""When files are due: policies, changes, failures, the end. A clock of our own."""

from __future__ import annotations

import pytest

from asyncwb.errors import CommError
from asyncwb.sender.file_table import FileTable, RunFile, is_ignored, leads_out, rest_seconds

V1, V2, V3 = (10, 1), (20, 2), (30, 3)
MIB = 1024 * 1024


def taken(table: FileTable, now: float, *, hurry: bool = False) -> list[RunFile]:
    return table.take(now, hurry=hurry, limit=100)


def names(files: list[RunFile]) -> list[str]:
    return [file.name for file in files]


def sent(table: FileTable, name: str = "a", state: tuple[int, int] = V1) -> None:
    """Have a live file uploaded at 0."""
    table.want(name, "live", 10, -10.0)
    (file,) = taken(table, 0.0)
    table.done(file, state, state, 0.0)


def test_files_that_follow_soon_travel_together() -> None:
    table = FileTable()
    table.want("a", "now", 10, 0.0)
    table.want("b", "live", 20, 0.9)
    assert table.next_due == 1.0
    assert taken(table, 0.99) == []
    assert names(taken(table, 1.9)) == ["a", "b"]
    assert taken(table, 100.0) == []
    assert not table.idle


def test_who_flushes_does_not_wait_for_that() -> None:
    table = FileTable()
    table.want("a", "now", 10, 0.0)
    assert names(taken(table, 0.0, hurry=True)) == ["a"]


def test_a_batch_has_a_limit() -> None:
    table = FileTable()
    for n in range(5):
        table.want(str(n), "now", n, 0.0)
    assert names(table.take(9.0, hurry=False, limit=3)) == ["0", "1", "2"]
    assert names(table.take(9.0, hurry=False, limit=3)) == ["3", "4"]


def test_the_end_is_the_time_of_end_files_and_of_live_ones() -> None:
    table = FileTable()
    table.want("end", "end", 10, 0.0)
    assert (table.next_due, table.asked_from, table.idle) == (None, None, True)
    for name in ("live", "now"):
        table.want(name, name, 20, 0.0)  # type: ignore[arg-type]
    for file in taken(table, 2.0):
        table.done(file, V1, V1, 2.0)
    assert table.idle
    table.want_rest(3.0)
    # What was saved with "now" stays as it is on the server.
    assert sorted(names(taken(table, 3.0))) == ["end", "live"]


def test_a_now_file_that_never_arrived_is_due_at_the_end() -> None:
    table = FileTable()
    table.want("a", "now", 10, 0.0)
    (file,) = taken(table, 1.0)
    table.fail(file, CommError("no"), 1.0)
    table.want_rest(2.0)
    assert names(taken(table, 2.0)) == ["a"]


def test_a_changed_live_file_is_due_again_and_no_other() -> None:
    table = FileTable()
    sent(table)
    for policy in ("now", "end"):
        table.want(policy, policy, 20, 0.0)  # type: ignore[arg-type]
    for file in taken(table, 50.0):
        table.leave(file)
    for name in ("a", "now", "end", "unknown"):
        table.touch(name, 100.0)
    assert table.next_due == 101.0
    assert names(taken(table, 101.0)) == ["a"]


def test_changes_that_come_all_the_time_are_no_reason_to_wait_longer() -> None:
    table = FileTable()
    sent(table)
    for tenth in range(1000, 1010):
        table.touch("a", tenth / 10)
    assert names(taken(table, 101.0)) == ["a"]


@pytest.mark.parametrize(
    ("size", "seconds"), [(0, 2.0), (MIB, 2.0), (30 * MIB, 30.0), (50_000 * MIB, 600.0)]
)
def test_large_live_files_rest_longer(size: int, seconds: float) -> None:
    assert rest_seconds(size) == seconds
    table = FileTable()
    sent(table, state=(size, 1))
    table.touch("a", 0.5)
    assert table.next_due == seconds


def test_a_file_is_never_uploaded_twice_at_a_time() -> None:
    table = FileTable()
    table.want("a", "live", 10, 0.0)
    (file,) = taken(table, 1.0)
    table.touch("a", 2.0)
    table.want("a", "live", 20, 2.0)
    assert taken(table, 50.0, hurry=True) == []
    assert table.next_due is None
    table.done(file, V1, V1, 60.0)
    assert names(taken(table, 60.0)) == ["a"]


def test_a_file_that_changed_meanwhile_is_sent_again() -> None:
    table = FileTable()
    table.want("now", "now", 10, 0.0)
    table.want("live", "live", 10, 0.0)
    now, live = taken(table, 1.0)
    table.done(now, V1, V2, 5.0)
    table.done(live, V1, V2, 5.0)
    # One of them must not stay as a mixture; the other one may change all the time.
    assert names(taken(table, 5.0)) == ["now"]
    assert table.asked_from == 10
    assert names(taken(table, 7.0)) == ["live"]


@pytest.mark.parametrize("policy", ["now", "end", "live"])
def test_a_file_that_changes_all_the_time_does_not_hold_up_the_end(policy: str) -> None:
    table = FileTable()
    table.want("a", policy, 10, 0.0)  # type: ignore[arg-type]
    table.want_rest(1.0)
    for n in range(3):
        (file,) = taken(table, 1.0)
        table.done(file, (n, n), (n + 1, n + 1), 1.0)
    assert table.idle
    assert table.uploaded == 3


def test_a_flush_waits_for_the_records_before_it_only() -> None:
    table = FileTable()
    table.want("a", "now", 10, 0.0)
    (a,) = taken(table, 1.0)
    table.want("b", "now", 20, 1.0)
    table.want("a", "now", 30, 1.0)
    assert table.asked_from == 10
    table.done(a, V1, V1, 2.0)
    assert table.asked_from == 20
    again = taken(table, 9.0)
    assert sorted(names(again)) == ["a", "b"]
    for file in again:
        table.leave(file)
    assert table.asked_from is None


def test_the_uploads_of_a_growing_file_hold_up_no_flush() -> None:
    table = FileTable()
    sent(table)
    table.touch("a", 100.0)
    taken(table, 200.0)
    assert not table.idle
    assert table.asked_from is None


def test_a_failed_file_is_named_and_tried_again_later() -> None:
    table = FileTable()
    table.want("a", "now", 10, 0.0)
    (file,) = taken(table, 1.0)
    table.fail(file, CommError("no"), 1.0)
    assert list(table.failed) == ["a"]
    assert table.asked_from is None
    assert taken(table, 60.0) == []
    (file,) = taken(table, 61.0)
    table.done(file, V1, V1, 62.0)
    assert table.failed == {}
    assert table.idle


def test_at_the_end_a_failure_is_final() -> None:
    table = FileTable()
    table.want("a", "end", 10, 0.0)
    table.want_rest(1.0)
    (file,) = taken(table, 1.0)
    table.fail(file, CommError("no"), 1.0)
    assert table.idle
    assert list(table.failed) == ["a"]


def test_waiting_counts_what_is_due_and_what_is_under_way() -> None:
    table = FileTable()
    for name in ("a", "b", "c"):
        table.want(name, "now", 10, 0.0)
    table.take(1.0, hurry=False, limit=1)
    table.want("a", "now", 10, 0.0)
    assert table.waiting == 3
    assert not table.idle


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "", ".", "a\0b"])
def test_names_that_lead_out(name: str) -> None:
    assert leads_out(name)
    assert not leads_out("a/..b/c")


@pytest.mark.parametrize(
    ("name", "glob", "ignored"),
    [
        ("a.log", "*.log", True),
        ("ig/a.log", "*.log", False),
        ("ig/a.log", "ig/*", True),
        ("ig/sub/b.log", "ig/*", False),
        ("ig/sub/b.log", "ig/*/?.log", True),
        ("ig/a.log", "ig", False),
        ("A.log", "a.log", False),
    ],
)
def test_what_is_ignored(name: str, glob: str, ignored: bool) -> None:
    assert is_ignored(name, ["no/match", glob]) == ignored
