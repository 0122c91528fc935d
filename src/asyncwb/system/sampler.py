"""The one thread of a process that samples the machine for all its runs.

It begins with the first run that wants metrics and ends with the last. A sample is taken once and
written to the journal of each run, so that 1,000 runs cost one look at the machine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from queue import Empty, SimpleQueue
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

from asyncwb.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asyncwb.system.machine import Machine
    from asyncwb.system.options import SampleOptions
    from asyncwb.system.sample import Sample

__all__ = ["SAMPLER", "Member", "Sampler"]

log = logging.getLogger("asyncwb.system")

_FRESH_SECONDS = 1.0
"""A run that begins so soon after a sample takes it for its first row."""

_GATHER_SECONDS = 0.02
"""So that `init` returns first, and runs that begin together share a look."""

_FORK_SECONDS = 1.0
"""How long a fork waits for a sample that is under way."""


class Member:
    """A run that gets samples.

    Args:
        options: What is sampled for it.
        append: Writes a record to its journal, and wakes whoever sends it.
        append_quietly: Writes one that may wait until somebody looks.
        label: Name of the writer, where several write one run.
    """

    __slots__ = ("append", "append_quietly", "base", "label", "options")

    def __init__(
        self,
        options: SampleOptions,
        *,
        append: Callable[[bytes], object],
        append_quietly: Callable[[bytes], object],
        label: str | None = None,
    ) -> None:
        self.options = options
        self.append = append
        self.append_quietly = append_quietly
        self.label = label
        # Totals of its first sample; None before it.
        self.base: Mapping[str, float] | None = None


class _Group:
    """Runs with equal options, and the samples that they share."""

    def __init__(self, options: SampleOptions) -> None:
        self.options = options
        self.members: dict[int, Member] = {}
        self.due = 0.0
        self._machine: Machine | None = None
        self._sample: Sample | None = None
        self._taken = 0.0

    def serve(self, now: float) -> None:
        """Write the rows that are due: of all runs, or of those that have none yet."""
        members = list(self.members.values())
        due = self.due <= now
        if due:
            self.due = now + self.options.interval_seconds
        else:
            members = [member for member in members if member.base is None]
        if members:
            self._write(
                self._sampled(now, newer_than=now if due else now - _FRESH_SECONDS), members
            )

    def _sampled(self, now: float, *, newer_than: float) -> Sample:
        """The last sample, or one that is taken now."""
        if self._machine is None:
            from asyncwb.system.machine import Machine

            self._machine = Machine(self.options)
        if self._sample is None or self._taken <= newer_than:
            self._sample, self._taken = self._machine.sample(), now
        return self._sample

    def _write(self, sample: Sample, members: list[Member]) -> None:
        from asyncwb.system.sample import encode_row

        at = time()
        # Runs that began together count from the same totals: their rows are equal.
        payloads: dict[tuple[int, bool, str | None], bytes] = {}
        for member in members:
            first = member.base is None
            base = member.base = sample.totals if member.base is None else member.base
            key = (id(base), first, member.label)
            if key not in payloads:
                row = sample.row(base, first=first)
                payloads[key] = encode_row(row, at=at, label=member.label)
            try:
                (member.append if first else member.append_quietly)(payloads[key])
            except Error:
                self.members.pop(id(member), None)  # the run has just ended

    def close(self) -> None:
        """Let the drivers go."""
        if self._machine is not None:
            self._machine.close()


class Sampler:
    """Takes samples while runs want them. Methods return at once, from any thread."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        # Reentrant: a signal handler may end a run where its thread begins one.
        self._lock = threading.RLock()
        self._groups: dict[SampleOptions, _Group] = {}
        self._thread: threading.Thread | None = None
        # One whenever something changed; reentrant, unlike an event.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        # Held while the thread does anything but wait: an import, a sample, writing.
        self._working = threading.RLock()
        self._stuck = False
        self._unavailable = False

    def add(self, member: Member) -> None:
        """Give a run samples: one soon, then one per interval."""
        with self._lock:
            if self._unavailable:
                return
            group = self._groups.setdefault(member.options, _Group(member.options))
            group.members[id(member)] = member
            self._tokens.put(None)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="asyncwb-system", daemon=True
                )
                self._thread.start()

    def remove(self, member: Member) -> None:
        """Give a run no more samples; a row that is being written may still come."""
        with self._lock:
            group = self._groups.get(member.options)
            if group is None:
                return
            group.members.pop(id(member), None)
            ended = not group.members
        if ended:
            self._tokens.put(None)

    # -- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._wait(0.0)
            while (seconds := self._turn()) is not None:
                self._wait(seconds)
        except ImportError as exc:
            log.debug("no system metrics: %s; `pip install asyncwb[system]` brings them", exc)
            self._give_up()
        except Exception:
            log.exception("the sampler of system metrics crashed; runs go on without them")
            self._give_up()

    def _turn(self) -> float | None:
        """Do what is due. Returns the seconds until more is; None when no run is left."""
        with self._lock:
            groups = list(self._groups.values())
        with self._working:
            for group in groups:
                if group.members:
                    group.serve(monotonic())
        self._stuck = False
        with self._lock:
            for group in groups:
                if not group.members:
                    del self._groups[group.options]
                    group.close()
            if self._groups:
                return min(group.due for group in self._groups.values()) - monotonic()
            self._thread = None
            return None

    def _wait(self, seconds: float) -> None:
        """Wait until something is due or has changed, and a moment for what changes with it."""
        with contextlib.suppress(Empty):
            self._tokens.get(timeout=max(0.0, seconds))
            sleep(_GATHER_SECONDS)
            while True:
                self._tokens.get_nowait()

    def _give_up(self) -> None:
        with self._lock:
            self._unavailable = True
            self._groups.clear()
            self._thread = None

    # -- forks ------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Let the thread end what it does, for a second at most.

        A child born in the middle of an import or of a call into a driver finds their locks held
        by a thread that it does not have.
        """
        if self._thread is not None and not self._stuck:
            # A file system that hangs holds up one fork, not each of them.
            self._stuck = not self._working.acquire(timeout=_FORK_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        with contextlib.suppress(RuntimeError):  # it was not waited for
            self._working.release()

    def after_fork_in_child(self) -> None:
        """Be as if no run had begun: the samples are the parent's."""
        self._begin()


SAMPLER = Sampler()
"""The sampler of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=SAMPLER.before_fork,
        after_in_parent=SAMPLER.after_fork_in_parent,
        after_in_child=SAMPLER.after_fork_in_child,
    )
