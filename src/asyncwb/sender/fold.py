"""Folds the records of a journal into what goes to the server. Pure: no network, no clock."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import msgspec

import asyncwb.journal.records as rec
from asyncwb import jsonx
from asyncwb.errors import Error
from asyncwb.filestream import EVENTS, HISTORY, MAX_LINE_BYTES, SUMMARY, Block
from asyncwb.journal.rows import RowDecoder
from asyncwb.metrics import MetricTable, definition_of, definitions_of_config
from asyncwb.sender.config import ConfigFold
from asyncwb.sender.console import ConsoleStream
from asyncwb.sender.environment import merge_environment, share_texts, telemetry_tree
from asyncwb.sender.summary import SummaryFold
from asyncwb.sender.writer import Writer

if TYPE_CHECKING:
    from asyncwb.sender.ack import Ack
    from asyncwb.sender.resume import ResumePoint
    from asyncwb.sender.tree import Tree
    from asyncwb.types import FilePolicy

__all__ = ["Fold", "RunInfo", "RunOverrides"]

log = logging.getLogger("asyncwb.sender")

_HISTORY_FIELD = 2
_ARTIFACT_FIELDS = frozenset({8, 25})
_NO_SHIFT = (0, 0.0)
_OWN_KEYS = ("_runtime", "_step", "_timestamp", "_wandb")
_POLICIES: tuple[FilePolicy, FilePolicy, FilePolicy] = ("now", "end", "live")
_DEFAULT_PROJECT = "uncategorized"


class RunOverrides(msgspec.Struct, frozen=True, kw_only=True):
    """Names that count instead of those in the journal."""

    run_id: str | None = None
    project: str | None = None
    entity: str | None = None
    job_type: str | None = None
    tags: tuple[str, ...] | None = None


class RunInfo(msgspec.Struct, kw_only=True):
    """The run as its records say; "" and empty mean unknown, but for what was `emptied`."""

    run_id: str = ""
    entity: str = ""
    project: str = _DEFAULT_PROJECT
    display_name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""
    job_type: str = ""
    sweep_id: str = ""
    host: str = ""
    git_remote_url: str = ""
    git_commit: str = ""
    started_at: float | None = None
    starting_step: int = 0
    runtime: float = 0.0
    resume: bool = False
    resumed: bool = False
    branch_run: str = ""
    branch_step: int = 0
    emptied: frozenset[str] = frozenset()

    @property
    def rewinds(self) -> bool:
        """Whether the run goes on from an earlier step of itself."""
        return bool(self.run_id) and self.branch_run == self.run_id


class Fold:
    """State of one run while its journal is read from the start.

    Lines wait in it until `take`. Their numbers follow from the journal alone: the n-th accepted
    row is line n, counted from the run's start offsets.

    Args:
        version: Our version, for runs whose journal holds no telemetry.
        overrides: Names that count instead of those in the journal.
    """

    def __init__(self, *, version: str = "", overrides: RunOverrides | None = None) -> None:
        self.run = RunInfo()
        self.writer = Writer()
        self.known = False
        self.metrics = MetricTable()
        self.summary = SummaryFold(self.metrics)
        self.config = ConfigFold(self.metrics, version=version)
        self.console = ConsoleStream()
        self.config_dirty = self.parameters_dirty = self.summary_dirty = False
        self.preempting = False
        self.files: dict[str, FilePolicy] = {}
        self.alerts: list[rec.AlertRecord] = []
        self.errands: list[bytes | rec.ArtifactLink] = []
        self.exit: rec.ExitRecord | None = None
        self.program: str | None = None
        self.lost = 0
        self.rows = 0
        self._events = 0
        self._history_lines: list[bytes] = []
        self._event_lines: list[bytes] = []
        self._size = 0
        self._decoder = RowDecoder()
        self._overrides = overrides or RunOverrides()
        self._shift: tuple[int, float] | None = None
        self._resume = _NO_SHIFT

    @property
    def environment(self) -> rec.EnvironmentRecord | None:
        """Of this journal's first writer; None where it is not told."""
        known = self.config.environments.values()
        return next((one for one in known if isinstance(one, rec.EnvironmentRecord)), None)

    @property
    def size(self) -> int:
        """Bytes of rows, system metrics and console that wait."""
        return self._size + self.console.size

    @property
    def waiting_rows(self) -> int:
        """History rows that wait."""
        return len(self._history_lines)

    @property
    def pending(self) -> bool:
        """Whether anything waits for a file-stream request."""
        return bool(self._event_lines) or self.urgent

    @property
    def urgent(self) -> bool:
        """Whether anything but system metrics waits for one."""
        return bool(
            self._history_lines or self.summary_dirty or self.console.dirty or self.preempting
        )

    def feed(self, payload: bytes) -> None:
        """Take in one record.

        Raises:
            JournalError: The bytes are no record; the state is unchanged.
        """
        number = rec.field_number(payload)
        if number == _HISTORY_FIELD:
            self._add_row(payload)
            return
        if number in _ARTIFACT_FIELDS:
            # Decoded when its turn comes, in a thread: manifests are long.
            self.errands.append(payload)
            return
        match rec.decode(payload).body:
            case rec.RunRecord() as record:
                self._add_run(record)
            case rec.ConfigRecord() as record:
                self._add_config(record)
            case rec.SummaryRecord() as record:
                self._add_summary(record)
            case rec.MetricRecord() as record:
                overwrite = record.control is not None and record.control.overwrite
                self.summary.define(definition_of(record), overwrite=overwrite)
                self.config_dirty = True
            case rec.TelemetryRecord() as record:
                self.config.telemetry = telemetry_tree(record)
                self.config_dirty = True
            case rec.EnvironmentRecord() as record:
                self._add_environment(record)
            case rec.StatsRecord() as record:
                self._add_stats(record)
            case rec.OutputRawRecord() as record:
                at = _datetime(record.timestamp, self.run.started_at)
                self.console.feed(record.line, at, error=record.output_type == 0)
            case rec.OutputLoggerRecord() as record:
                self.console.add(record.line, _datetime(record.timestamp, self.run.started_at))
            case rec.FilesRecord() as record:
                for item in record.files:
                    self.files[item.path] = _POLICIES[item.policy if item.policy in (1, 2) else 0]
            case rec.AlertRecord() as record:
                self.alerts.append(record)
            case rec.PreemptingRecord():
                self.preempting = True
            case rec.ExitRecord() as record:
                self.exit = record
                self.summary.add_runtime(self._resume[1] + record.runtime)
                self.summary_dirty = True
            case _:
                pass  # headers and what later versions may add

    def take_over(self, point: ResumePoint) -> None:
        """Continue the config and the summary of an existing run."""
        self.config.add_missing(point.config)
        self.summary.inherit(definitions_of_config(point.config))
        self.summary.seed(point.summary)
        if "tags" not in self.run.emptied:
            self.run.tags = self.run.tags or point.tags
        if "notes" not in self.run.emptied:
            self.run.notes = self.run.notes or point.notes or ""

    def shift_rows(self, step: int, runtime: float) -> None:
        """Say where the existing run ended, before the first row is fed.

        Rows move up by that, unless their writer knew it: then a run record before the first row
        says so (`resumed` or `starting_step`).
        """
        self._resume = (step, runtime)

    def take(self, ack: Ack) -> list[Block]:
        """Hand out all waiting lines, at their line numbers."""
        blocks: list[Block] = []
        if self._history_lines:
            start = ack.history_start + self.rows - len(self._history_lines)
            blocks.append(Block(HISTORY, start, self._history_lines))
        if self._event_lines:
            start = ack.events_start + self._events - len(self._event_lines)
            blocks.append(Block(EVENTS, start, self._event_lines))
        if self.summary_dirty:
            line = self.summary.line()
            if len(line) <= MAX_LINE_BYTES:
                blocks.append(Block(SUMMARY, 0, [line]))
            else:
                log.warning("the summary (%d bytes) is longer than a server takes", len(line))
        blocks += self.console.take(ack.console_start)
        self._clear()
        return blocks

    def discard(self) -> None:
        """Forget waiting lines and alerts: the server has them."""
        self.console.discard()
        self.alerts.clear()
        self.preempting = False
        self._clear()

    def _clear(self) -> None:
        self._history_lines, self._event_lines, self._size = [], [], 0
        self.summary_dirty = False

    def _add_row(self, payload: bytes) -> None:
        line = self._decoder.to_line(payload)
        if self._shift is None:
            knew = self.run.resumed or self.run.starting_step
            self._shift = _NO_SHIFT if knew else self._resume
        if len(line) > MAX_LINE_BYTES:
            self.lost += 1
            log.warning(
                "a row of %d bytes is longer than a server takes (%d) and is not sent",
                len(line),
                MAX_LINE_BYTES,
            )
            return
        row = cast("Tree", jsonx.decode(line))
        if self._shift != _NO_SHIFT:
            row["_step"] = cast("int", row.get("_step", 0)) + self._shift[0]
            row["_runtime"] = cast("float", row.get("_runtime", 0.0)) + self._shift[1]
            line = jsonx.encode(row)
        # A row without a second brace holds no nested value, which most rows do not.
        self.summary.add_row(row, flat=line.find(b"{", 1) < 0)
        self._history_lines.append(line)
        self.rows += 1
        self._size += len(line)
        self.summary_dirty = True

    def _add_run(self, record: rec.RunRecord) -> None:
        run, first = self.run, not self.known
        self.known = True
        for name in ("run_id", "entity", "project"):
            value = getattr(self._overrides, name) or getattr(record, name)
            if value:
                setattr(run, name, value)
        _update(run, "display_name", record.display_name)
        _update(run, "notes", record.notes)
        _update(run, "group", record.run_group)
        _update(run, "job_type", self._overrides.job_type or record.job_type)
        _update(run, "sweep_id", record.sweep_id)
        _update(run, "host", record.host)
        tags = self._overrides.tags
        _update(run, "tags", tuple(record.tags) if tags is None else tags)
        for name in record.emptied:
            if name == "notes":
                run.notes = ""
            elif name == "tags" and tags is None:
                run.tags = ()
        run.emptied |= {*record.emptied}
        self.errands += record.links
        if record.git is not None:
            _update(run, "git_remote_url", record.git.remote_url)
            _update(run, "git_commit", record.git.commit)
        if record.start_time is not None:
            run.started_at = record.start_time.unix
        _update(run, "starting_step", record.starting_step)
        _update(run, "runtime", float(record.runtime))
        run.resume = run.resume or record.resume
        run.resumed = run.resumed or record.resumed
        if record.settings is not None:
            self.writer.load({item.key: _value(item) for item in record.settings.item})
            self.console.label = self.writer.label
        if record.config is not None:
            self._add_config(record.config)
        if record.summary is not None:
            self._add_summary(record.summary)
        if record.telemetry is not None:
            self.config.telemetry = telemetry_tree(record.telemetry)
        if record.branch_point is not None and first:
            point = record.branch_point
            run.branch_run, run.branch_step = point.run, int(point.value)
            self.config.set(
                ("_wandb", "branch_point"), {"run_id": run.branch_run, "step": run.branch_step}
            )
        self.config_dirty = self.parameters_dirty = True

    def _add_config(self, record: rec.ConfigRecord) -> None:
        for item in record.update:
            self.config.set(item.path, _value(item))
        for item in record.remove:
            self.config.remove(item.path)
        self.config_dirty = True

    def _add_summary(self, record: rec.SummaryRecord) -> None:
        for item in record.update:
            value = _value(item)
            # The wandb package writes what it derives from history with nested keys, and what
            # the user set with plain ones; `_runtime` is its own either way.
            if item.nested_key or item.key in _OWN_KEYS:
                self.summary.set_derived(item.path, value)
            else:
                self.summary.set_explicit(item.path, value)
        for item in record.remove:
            self.summary.remove(item.path)
        self.summary_dirty = True

    def _add_environment(self, record: rec.EnvironmentRecord) -> None:
        writer = record.writer_id or "default"
        share_texts(record)
        earlier = self.config.environments.get(writer)
        if isinstance(earlier, rec.EnvironmentRecord):
            record = merge_environment(earlier, record)
        self.config.environments[writer] = record
        self.program = record.program or self.program
        self.config_dirty = True

    def _add_stats(self, record: rec.StatsRecord) -> None:
        at = record.timestamp.unix if record.timestamp is not None else None
        row: Tree = {"_wandb": True}
        if at is not None:
            row["_timestamp"] = at
            if self.run.started_at is not None:
                row["_runtime"] = max(0.0, at - self.run.started_at) + self._resume[1]
        for item in record.item:
            row["system." + ".".join(item.path)] = _value(item)
        line = jsonx.encode(row)
        if len(line) > MAX_LINE_BYTES:
            self.lost += 1
            return
        self._event_lines.append(line)
        self._events += 1
        self._size += len(line)


def _update(run: RunInfo, name: str, value: object) -> None:
    """In later run records an empty field means unchanged."""
    if value:
        setattr(run, name, value)


def _value(item: rec.Item) -> object:
    try:
        return jsonx.decode(item.value_json)
    except Error:
        log.warning("the value of %r is not JSON and is kept as text", ".".join(item.path))
        return item.value_json


def _datetime(at: rec.Timestamp | None, started_at: float | None) -> datetime:
    """When a line was written; records without a time get the start of the run."""
    seconds = at.unix if at is not None else started_at or 0.0
    return datetime.fromtimestamp(seconds, UTC)
