"""Summary: the last value of every key, and what the user sets by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.run.config_sources import as_mapping
from asyncwb.run.held_rows import put
from asyncwb.run.last_rows import LastRows
from asyncwb.run.tracked import tracked, untracked
from asyncwb.run.values import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from threading import RLock

    from asyncwb.metrics import SummaryStatistics
    from asyncwb.run.media.desk import MediaDesk
    from asyncwb.run.media.jobs import MediaJob

__all__ = ["Summary"]

_PLAIN = frozenset({float, int, str, bool, type(None)})


class Summary(MutableMapping[str, Any]):
    """The summary of a run: the last logged value of every key, unless set by hand since.

    Setting a key is one record in the run's journal; it survives `kill -9` when the call returns,
    and nothing waits for the network. A row logged later replaces a value set by hand. Safe to
    use from several threads.

    Args:
        lock: The lock of the run's history, under which rows are observed.
        media: Takes images and the like out of values, and has them encoded.
        decode_row: Reads a row back from the payload of its record.
        record_set: Writes values set by hand, and removed keys.
        record_derived: Writes the whole summary, for readers that do not derive it from rows;
            also told the paths of objects that are one value.
    """

    _own = frozenset(
        {
            "_values", "_decode_row", "_record_set", "_record_derived", "_lock", "_rows",
            "_resumed", "_statistics", "_stale", "_media", "_coming",
        }
    )  # fmt: skip

    def __init__(
        self,
        *,
        lock: RLock,
        media: MediaDesk,
        decode_row: Callable[[bytes], dict[str, Any]],
        record_set: Callable[[dict[str, Any], list[str]], None],
        record_derived: Callable[[dict[str, Any], Collection[tuple[str, ...]]], None],
    ) -> None:
        self._values: dict[str, Any] = {}
        self._rows = LastRows(self._absorb, self.checkpoint)
        self._decode_row = decode_row
        self._record_set = record_set
        self._record_derived = record_derived
        self._lock = lock
        self._media = media
        # Values set by hand that are being encoded, by their job: where they belong.
        self._coming: dict[int, tuple[str, ...]] = {}
        self._resumed: Mapping[str, Any] = {}
        self._statistics: SummaryStatistics | None = None
        self._stale = False

    def attach(self, statistics: SummaryStatistics) -> None:
        """Show statistics in place of the values that they are of."""
        statistics.resume(self._resumed)
        self._statistics = statistics

    @property
    def observer(self) -> Callable[[dict[str, Any], bytes, float], None]:
        """What the history tells of every row it writes."""
        return self._rows.observe

    def checkpoint(self, now: float) -> None:
        """Write the whole summary to the journal, for readers that do not derive it."""
        with self._lock:
            self._rows.postpone(now)
            values = self.as_dict()
            shown = () if self._statistics is None else self._statistics.shown(values)
            self._record_derived(values, {path for path, _ in shown})

    def __getitem__(self, key: str) -> Any:
        with self._lock:
            self._fold()
            return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        with self._lock:
            self._fold()
            if key not in self._values:
                raise KeyError(key)
            self._record_set({}, [key])
            del self._values[key]
            self._forget_coming(key)
            if self._statistics is not None:
                self._statistics.remove((key,))

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            self._fold()
            return iter(list(self._values))

    def __len__(self) -> int:
        with self._lock:
            self._fold()
            return len(self._values)

    def __contains__(self, key: object) -> bool:
        with self._lock:
            self._fold()
            return key in self._values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in Summary._own:
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the summary has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Summary._own:
            super().__setattr__(name, value)
        else:
            self[name] = value

    def __repr__(self) -> str:
        return f"Summary({self.as_dict()!r})"

    def update(self, values: object = (), /, **kwargs: Any) -> None:
        """Set several keys, all or none of them; a nested value replaces the old one.

        Images and other media take their place as soon as they are encoded.

        Raises:
            InvalidValueError: A value cannot be stored. Nothing has changed then.
        """
        given: dict[str, Any] = {**as_mapping(values), **kwargs}
        jobs: dict[tuple[str, ...], MediaJob] = {}
        if not _PLAIN.issuperset(map(type, given.values())):
            given, jobs = self._media.take(given, "summary") or (given, jobs)
        try:
            converted = {key: self._convert(key, value) for key, value in given.items()}
            if not converted and not jobs:
                return
            with self._lock:
                self._fold()
                # Recorded first: a finished run, or one of the parent process, refuses here.
                self._record_set(converted, [])
                for key, value in converted.items():
                    self._set(key, value)
                    self._note_set(key, value)
                for key in {*converted, *(path[0] for path in jobs)}:
                    self._forget_coming(key)
                self._coming |= {id(job): path for path, job in jobs.items()}
        except BaseException:
            for job in jobs.values():
                job.drop()
            raise
        self._media.start(list(jobs.values()))

    def job_done(self, job: MediaJob) -> None:
        """Set a value that has been encoded, unless its key was set or logged meanwhile."""
        if not self._coming:
            return
        with self._lock:
            self._fold()
            path = self._coming.pop(id(job), None)
            if path is None or job.error is not None:
                return
            key = path[0]
            tree = {key: untracked(self._values[key])} if key in self._values else {}
            put(tree, path, job.value)
            self._record_set(tree, [])
            self._set(key, tree[key])
            self._note_set(key, tree[key])

    def as_dict(self) -> dict[str, Any]:
        """Return a plain, deep copy."""
        with self._lock:
            self._fold()
            return {key: untracked(value) for key, value in self._values.items()}

    def load(self, values: Mapping[str, Any]) -> None:
        """Take the summary that the server holds of a resumed run."""
        with self._lock:
            self._resumed = values
            for key, value in values.items():
                self._set(key, value)

    def refresh(self) -> None:
        """Bring the values up to the newest rows, and to what statistics are to be shown."""
        with self._lock:
            self._absorb()
            self._show_statistics()

    def _set(self, key: str, value: Any) -> None:
        if value is None:
            # The protocol has no null in a summary: a NaN set by hand arrives as one.
            self._values.pop(key, None)
        else:
            self._values[key] = tracked(value, self, key)

    def _fold(self) -> None:
        """Bring the values up to the newest rows."""
        self._absorb()
        if self._stale:
            self._show_statistics()

    def _absorb(self) -> None:
        """Take in the rows that wait; statistics are shown to whoever looks, not for each row."""
        for payload in self._rows.take():
            self._stale = self._statistics is not None
            self._take_in(self._decode_row(payload))

    def _take_in(self, row: dict[str, Any]) -> None:
        """Merge one row, nested dicts leaf by leaf."""
        for key, value in row.items():
            old = self._values.get(key)
            if key == "_step" and isinstance(old, int) and old > value:
                continue  # a row that was kept under a step behind
            if isinstance(old, dict) and isinstance(value, dict):
                value = _merged(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
            self._values[key] = tracked(value, self, key)
            self._forget_coming(key)

    def _show_statistics(self) -> None:
        self._stale = False
        if self._statistics is None:
            return
        for (key, *below), leaf in self._statistics.shown(self._values):
            value = _with_leaf(self._values.get(key), below, leaf)
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = tracked(value, self, key)

    def _note_set(self, key: str, value: object) -> None:
        if self._statistics is not None:
            self._statistics.set_by_hand((key,), value)

    def _forget_coming(self, key: str) -> None:
        """A newer value of a key is there: none that is still being encoded takes its place."""
        for job, path in list(self._coming.items()):
            if path[0] == key:
                del self._coming[job]

    def leave_to_parent(self, lock: RLock) -> None:
        """In a forked child: use a lock that nobody holds."""
        self._lock = lock
        self._coming = {}

    def _before_change(self) -> None:
        """Nested values of a summary may always change."""

    def _convert(self, key: object, value: object) -> Any:
        return plain_value(key, value, "summary", InvalidValueError)

    def _after_change(self, key: str) -> None:
        with self._lock:
            if key in self._values:
                value = untracked(self._values[key])
                self._record_set({key: value}, [])
                self._note_set(key, value)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Merge leaf by leaf; an object with a `_type` (a media value) is one leaf."""
    if "_type" in old or "_type" in new:
        return new
    merged = untracked(old)
    for key, value in new.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            value = _merged(cast("dict[str, Any]", before), cast("dict[str, Any]", value))
        merged[key] = value
    return cast("dict[str, Any]", merged)


def _with_leaf(value: Any, path: Sequence[str], leaf: dict[str, Any] | None) -> Any:
    """A copy of `value` with a leaf at a path, or without one; None where nothing is left."""
    if not path:
        return leaf
    tree: dict[str, Any] = untracked(value) if isinstance(value, dict) else {}
    below = _with_leaf(tree.get(path[0]), path[1:], leaf)
    if below is None:
        tree.pop(path[0], None)
    else:
        tree[path[0]] = below
    return tree or None
