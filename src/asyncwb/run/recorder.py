"""What a run writes to its journal besides rows: one method per kind of record."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.errors import ForkedError
from asyncwb.journal import records
from asyncwb.journal.records import (
    AlertRecord,
    ConfigRecord,
    EnvironmentRecord,
    ExitRecord,
    FileItem,
    FilesRecord,
    Git,
    HeaderRecord,
    Item,
    PreemptingRecord,
    RunRecord,
    SummaryRecord,
    TelemetryRecord,
    Timestamp,
    VersionInfo,
)
from asyncwb.journal.rows import RowDecoder
from asyncwb.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from asyncwb.settings import Settings
    from asyncwb.types import FileKind, FilePolicy

__all__ = ["Recorder", "decode_row"]

# Readers of the format refuse a log whose consumer must be newer than they are.
_MIN_CONSUMER = "0.70.0"
_PRODUCER = f"asyncwb-{VERSION}"
_PYTHON = ".".join(map(str, sys.version_info[:3]))
_RESERVED_KEY = "_wandb"
# Numbers of the telemetry message's list of features.
_FEATURE_OFFLINE = 4
_FEATURE_NAME, _FEATURE_TAGS, _FEATURE_CONFIG = 13, 15, 16
# Numbers of the file message's enums.
_POLICIES: dict[FilePolicy, int] = {"now": 0, "end": 1, "live": 2}
_KINDS: dict[FileKind, int] = {"other": 0, "wandb": 1, "media": 2, "artifact": 3}


class Recorder:
    """Writes typed records of one run.

    Args:
        append: Writes a payload to the journal.
        settings: The run's settings; the id is set.
        start_time: Start of the run in Unix seconds.
    """

    def __init__(
        self, append: Callable[[bytes], int], *, settings: Settings, start_time: float
    ) -> None:
        self._append = append
        self._settings = settings
        self._start_time = start_time
        # Names this writer among those of one run, in the config's environments.
        self._writer_id = os.urandom(16).hex()

    def _write(self, body: records.Body) -> None:
        self._append(records.encode(body))

    def begin(self, config: Mapping[str, Any]) -> None:
        """Write what every journal starts with: header, run, telemetry, environment."""
        settings = self._settings
        self._write(
            HeaderRecord(version_info=VersionInfo(_PRODUCER, _MIN_CONSUMER)),
        )
        git = None
        if settings.git_remote_url or settings.git_commit:
            git = Git(settings.git_remote_url or "", settings.git_commit or "")
        self._write(
            RunRecord(
                run_id=settings.run_id or "",
                entity=settings.entity or "",
                project=settings.project or "",
                config=ConfigRecord(update=[*_items(config), Item(_RESERVED_KEY, value_json="{}")]),
                run_group=settings.run_group or "",
                job_type=settings.run_job_type or "",
                display_name=settings.run_name or "",
                notes=settings.run_notes or "",
                tags=list(settings.run_tags or ()),
                sweep_id=settings.sweep_id or "",
                host=settings.host or platform.node(),
                start_time=Timestamp.at(self._start_time),
                git=git,
                resume=settings.resume in ("allow", "must", "auto"),
            )
        )
        system = platform.uname()
        self._write(
            TelemetryRecord(
                feature=self._features(config),
                python_version=_PYTHON,
                cli_version=_PRODUCER,
                platform=f"{system.system}-{system.machine}".lower(),
            )
        )
        self._write(
            EnvironmentRecord(
                os="-".join((system.system, system.release, system.machine)),
                python=f"{platform.python_implementation()} {_PYTHON}",
                started_at=Timestamp.at(self._start_time),
                program=settings.program or _program(),
                host=settings.host or platform.node(),
                executable=sys.executable or "",
                writer_id=self._writer_id,
            )
        )

    def _features(self, config: Mapping[str, Any]) -> list[int]:
        settings = self._settings
        used = {
            _FEATURE_OFFLINE: settings.mode == "offline",
            _FEATURE_NAME: settings.run_name is not None,
            _FEATURE_TAGS: bool(settings.run_tags),
            _FEATURE_CONFIG: bool(config),
        }
        return [number for number, is_used in used.items() if is_used]

    def update_run(
        self,
        *,
        run_id: str,
        project: str,
        name: str = "",
        notes: str = "",
        tags: Sequence[str] = (),
    ) -> None:
        """Change name, notes or tags; what is empty stays."""
        self._write(
            RunRecord(
                run_id=run_id, project=project, display_name=name, notes=notes, tags=list(tags)
            )
        )

    def resumed(self, *, run_id: str, project: str, starting_step: int, runtime: float) -> None:
        """Note where the server's run ended: the rows that follow go on from there."""
        self._write(
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
        self._write(ConfigRecord(update=_items(changed), remove=[Item(key=key) for key in removed]))

    def nested_config(self, path: Sequence[str], value: object) -> None:
        """Set a value below the top level of the config, such as one of the reserved `_wandb`."""
        text = jsonx.encode(value).decode()
        self._write(ConfigRecord(update=[Item(nested_key=list(path), value_json=text)]))

    def summary_set(self, changed: dict[str, Any], removed: list[str]) -> None:
        """Set or remove summary values by hand. `key` marks them as such, `nested_key` does not."""
        self._write(
            SummaryRecord(update=_items(changed), remove=[Item(key=key) for key in removed])
        )

    def summary_derived(self, values: dict[str, Any], runtime: float) -> None:
        """Write the whole summary, leaf by leaf, for readers that do not derive it from rows."""
        leaves = [
            Item(nested_key=list(path), value_json=jsonx.encode(value).decode())
            for path, value in _leaves(values, ())
        ]
        seconds = str(int(runtime))
        leaves.append(Item(nested_key=["_wandb", "runtime"], value_json=seconds))
        self._write(SummaryRecord(update=leaves))

    def alert(self, title: str, text: str, level: str, wait_seconds: float) -> None:
        """Ask for an alert."""
        self._write(AlertRecord(title, text, level, round(wait_seconds * 1000)))

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
            self._write(FilesRecord(files=[FileItem(name, number, of_kind) for name in names]))

    def preempting(self) -> None:
        """Announce that the machine may be taken away."""
        self._write(PreemptingRecord())

    def end(self, exit_code: int, runtime: float) -> None:
        """Write the last record."""
        self._write(ExitRecord(exit_code=exit_code, runtime=int(runtime)))


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


def _leaves(values: Mapping[str, Any], above: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    """Split nested dicts; an object with a `_type` (a media value) is one leaf."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in values.items():
        path = (*above, key)
        if isinstance(value, dict) and value and "_type" not in value:
            found += _leaves(value, path)  # pyright: ignore[reportUnknownArgumentType]
        else:
            found.append((path, cast("Any", value)))
    return found


def _program() -> str:
    """The script that runs, "" in a notebook or an interactive session."""
    main = sys.modules.get("__main__")
    return str(getattr(main, "__file__", None) or "")
