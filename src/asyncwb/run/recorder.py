"""What a run writes to its journal besides rows: one method per kind of record."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.errors import ForkedError
from asyncwb.journal import records
from asyncwb.journal.records import (
    BranchPoint,
    ConfigRecord,
    ExitRecord,
    FileItem,
    FilesRecord,
    Git,
    HeaderRecord,
    Item,
    OutputLoggerRecord,
    OutputRawRecord,
    PreemptingRecord,
    RunRecord,
    SummaryRecord,
    Timestamp,
    VersionInfo,
)
from asyncwb.journal.rows import RowDecoder
from asyncwb.run.console.buffer import Source
from asyncwb.run.writers import new_writer_id, writer_settings
from asyncwb.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from asyncwb.journal.records import EnvironmentRecord, TelemetryRecord
    from asyncwb.settings import Settings
    from asyncwb.types import FileKind, FilePolicy

__all__ = ["Recorder", "decode_row"]

# Readers of the format refuse a log whose consumer must be newer than they are.
_MIN_CONSUMER = "0.70.0"
_PRODUCER = f"asyncwb-{VERSION}"
_RESERVED_KEY = "_wandb"
# Numbers of the file message's enums.
_POLICIES: dict[FilePolicy, int] = {"now": 0, "end": 1, "live": 2}
_KINDS: dict[FileKind, int] = {"other": 0, "wandb": 1, "media": 2, "artifact": 3}


class Recorder:
    """Writes typed records of one run.

    Args:
        append: Writes a payload to the journal.
        settings: The run's settings; the id is set.
        start_time: Start of the run in Unix seconds.

    Attributes:
        artifacts: Where the records of artifacts that were logged or used end.
    """

    def __init__(
        self, append: Callable[[bytes], int], *, settings: Settings, start_time: float
    ) -> None:
        self._append = append
        self._settings = settings
        self._start_time = start_time
        self.artifacts: list[int] = []
        # Names this writer among those of one run, in the config's environments.
        self.writer_id = new_writer_id(start_time)

    def write(self, body: records.Body) -> None:
        """Write a record that somebody else made."""
        self._append(records.encode(body))

    def begin(
        self,
        config: Mapping[str, Any],
        *,
        name: str,
        telemetry: TelemetryRecord,
        environment: EnvironmentRecord | None,
        branch: BranchPoint | None,
    ) -> None:
        """Write what every journal starts with: header, run, telemetry, environment."""
        import platform  # at the first start of a run, not with the package

        settings = self._settings
        self.write(
            HeaderRecord(version_info=VersionInfo(_PRODUCER, _MIN_CONSUMER)),
        )
        step = int(branch.value) if branch is not None else -1
        git = None
        if settings.git_remote_url or settings.git_commit:
            git = Git(settings.git_remote_url or "", settings.git_commit or "")
        # In the config as well: the wandb package sends it from there.
        reserved = {} if branch is None else {"branch_point": {"run_id": branch.run, "step": step}}
        host = "" if settings.disable_machine_info else settings.host or platform.node()
        self.write(
            RunRecord(
                run_id=settings.run_id or "",
                entity=settings.entity or "",
                project=settings.project or "",
                config=ConfigRecord(update=_items({**config, _RESERVED_KEY: reserved})),
                run_group=settings.run_group or "",
                job_type=settings.run_job_type or "",
                display_name=name,
                notes=settings.run_notes or "",
                tags=list(settings.run_tags or ()),
                sweep_id=settings.sweep_id or "",
                host=host,
                starting_step=step + 1,
                start_time=Timestamp.at(self._start_time),
                git=git,
                branch_point=branch,
                resume=settings.resume in ("allow", "must", "auto"),
                settings=writer_settings(settings, self.writer_id),
            )
        )
        self.write(telemetry)
        if environment is not None:
            self.write(environment)

    def update_run(
        self,
        *,
        run_id: str,
        project: str,
        name: str = "",
        notes: str = "",
        tags: Sequence[str] = (),
        emptied: Sequence[str] = (),
    ) -> None:
        """Change name, notes or tags; what is empty stays, unless it is `emptied`."""
        self.write(
            RunRecord(
                run_id=run_id,
                project=project,
                display_name=name,
                notes=notes,
                tags=list(tags),
                emptied=list(emptied),
            )
        )

    def resumed(self, *, run_id: str, project: str, starting_step: int, runtime: float) -> None:
        """Note where the server's run ended: the rows that follow go on from there."""
        self.write(
            RunRecord(
                run_id=run_id,
                project=project,
                starting_step=starting_step,
                runtime=int(runtime),
                resumed=True,
            )
        )

    def leave_to_parent(self) -> None:
        """In a forked child: the journal is the parent's."""
        self._append = _refuse

    def config(self, changed: dict[str, Any], removed: list[str]) -> None:
        """Change the config."""
        self.write(ConfigRecord(update=_items(changed), remove=[Item(key=key) for key in removed]))

    def config_reserved(self, key: str, value: object) -> None:
        """Set a member of the reserved part of the config."""
        item = Item(nested_key=[_RESERVED_KEY, key], value_json=jsonx.encode(value).decode())
        self.write(ConfigRecord(update=[item]))

    def nested_config(self, path: Sequence[str], value: object) -> None:
        """Set a value below the top level of the config, such as one of the reserved `_wandb`."""
        text = jsonx.encode(value).decode()
        self.write(ConfigRecord(update=[Item(nested_key=list(path), value_json=text)]))

    def summary_set(self, changed: dict[str, Any], removed: list[str]) -> None:
        """Set or remove summary values by hand. `key` marks them as such, `nested_key` does not."""
        self.write(SummaryRecord(update=_items(changed), remove=[Item(key=key) for key in removed]))

    def summary_derived(
        self, values: dict[str, Any], runtime: float, objects: Collection[tuple[str, ...]] = ()
    ) -> None:
        """Write the whole summary, leaf by leaf, for readers that do not derive it from rows.

        Args:
            values: The summary.
            runtime: Seconds, all told.
            objects: Paths of dicts that are one value: readers replace them as a whole.
        """
        leaves = [
            Item(nested_key=list(path), value_json=jsonx.encode(value).decode())
            for path, value in _leaves(values, (), objects)
        ]
        seconds = str(int(runtime))
        leaves.append(Item(nested_key=["_wandb", "runtime"], value_json=seconds))
        self.write(SummaryRecord(update=leaves))

    def metric(self, record: records.MetricRecord) -> None:
        """Define a metric."""
        self.write(record)

    def artifact(self, record: records.ArtifactRecord | records.UseArtifactRecord) -> int:
        """Ask for a version of an artifact, or note a use; returns where the record ends."""
        position = self._append(records.encode(record))
        # From any thread: to append is atomic.
        self.artifacts.append(position)
        return position

    def link(self, link: records.ArtifactLink, *, run_id: str, project: str) -> None:
        """Ask for a link to an artifact."""
        self.write(RunRecord(run_id=run_id, project=project, links=[link]))

    def alert(self, record: records.AlertRecord) -> None:
        """Ask for an alert."""
        self.write(record)

    def files(
        self, names: Sequence[str], policy: FilePolicy = "now", kind: FileKind = "other"
    ) -> None:
        """Ask for the upload of files.

        Args:
            names: Paths relative to the run's folder of files, with forward slashes.
            policy: When they are uploaded.
            kind: What they are, for other readers of the journal.
        """
        number, of_kind = _POLICIES[policy], _KINDS[kind]
        if names:
            self.write(FilesRecord(files=[FileItem(name, number, of_kind) for name in names]))

    def output(self, text: str, at: float, source: Source) -> None:
        """Write console output that came at `at`, in Unix seconds."""
        line, when = _encodable(text), Timestamp.at(at)
        if source is Source.LINES:
            self.write(OutputLoggerRecord(line, when))
        else:
            self.write(OutputRawRecord(source, when, line))

    def preempting(self) -> None:
        """Announce that the machine may be taken away."""
        self.write(PreemptingRecord())

    def end(self, exit_code: int, runtime: float) -> None:
        """Write the last record."""
        self.write(ExitRecord(exit_code=exit_code, runtime=int(runtime)))


def _encodable(text: str) -> str:
    """Lone surrogates, as Python reads bytes that are no text, become question marks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def _refuse(payload: bytes) -> int:
    raise ForkedError(
        f"this run belongs to the parent process ({len(payload)} bytes are not written); call "
        "init() in this one"
    )


def decode_row(payload: bytes) -> dict[str, Any]:
    """Read a history record back as nested values."""
    return jsonx.decode(_decoder().to_line(payload))  # type: ignore[return-value]  # an object


@cache
def _decoder() -> RowDecoder:
    return RowDecoder()


def _items(values: Mapping[str, Any]) -> list[Item]:
    return [Item(key=key, value_json=jsonx.encode(value).decode()) for key, value in values.items()]


def _leaves(
    values: Mapping[str, Any], above: tuple[str, ...], objects: Collection[tuple[str, ...]]
) -> list[tuple[tuple[str, ...], Any]]:
    """Split nested dicts; an object with a `_type` (a media value) is one leaf."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in values.items():
        path = (*above, key)
        if isinstance(value, dict) and value and "_type" not in value and path not in objects:
            found += _leaves(value, path, objects)  # pyright: ignore[reportUnknownArgumentType]
        else:
            found.append((path, cast("Any", value)))
    return found
