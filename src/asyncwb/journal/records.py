# ruff: noqa: RUF012 - msgspec copies empty list and dict defaults per instance
"""The records of a `.wandb` log, typed, to bytes and back.

`encode(body)` and `decode(payload)` are the whole of it; the classes below are the table of what
a client of runs and artifacts writes and reads. Timestamps are `Timestamp`, `value_json` is
extended JSON (bare `NaN` and infinities). History rows on the hot path do not pass here, see
`asyncwb.journal.rows`.
"""

# No `from __future__ import annotations`: evaluated from text, they would take a millisecond of the
# first `init`.
from typing import Annotated, TypeAlias, Union

import msgspec

from asyncwb.journal import wire
from asyncwb.journal.artifact_records import ArtifactLink, ArtifactRecord, UseArtifactRecord
from asyncwb.journal.environment_records import EnvironmentRecord, Git, Timestamp
from asyncwb.journal.message import Message
from asyncwb.journal.value_records import (
    ConfigRecord,
    HistoryItem,
    HistoryRecord,
    HistoryStep,
    Item,
    KeptRow,
    StatsRecord,
    SummaryRecord,
)

__all__ = [
    "AlertRecord",
    "ArtifactLink",
    "ArtifactRecord",
    "Body",
    "BranchPoint",
    "ConfigRecord",
    "EnvironmentRecord",
    "ExitRecord",
    "FileItem",
    "FilesRecord",
    "FinalRecord",
    "FooterRecord",
    "Git",
    "HeaderRecord",
    "HistoryItem",
    "HistoryRecord",
    "HistoryStep",
    "Item",
    "KeptRow",
    "Label",
    "MetricControl",
    "MetricRecord",
    "OutputLoggerRecord",
    "OutputRawRecord",
    "PreemptingRecord",
    "Record",
    "RunRecord",
    "SettingsRecord",
    "StatsRecord",
    "SummaryRecord",
    "TelemetryRecord",
    "Timestamp",
    "UnknownRecord",
    "UseArtifactRecord",
    "VersionInfo",
    "decode",
    "encode",
    "field_number",
]


class VersionInfo(Message):
    """Who wrote a log."""

    producer: Annotated[str, 1] = ""
    min_consumer: Annotated[str, 2] = ""


class HeaderRecord(Message):
    """First record of a log."""

    version_info: Annotated[VersionInfo | None, 1] = None


class Label(Message):
    """Labels that a user gave a notebook or script."""

    code_string: Annotated[str, 1] = ""
    repo_string: Annotated[str, 2] = ""
    code_version: Annotated[str, 3] = ""


class TelemetryRecord(Message):
    """What the writer used, complete each time; the lists are field numbers that are true."""

    imports_init: Annotated[list[int], 1, "flags"] = []
    imports_finish: Annotated[list[int], 2, "flags"] = []
    feature: Annotated[list[int], 3, "flags"] = []
    python_version: Annotated[str, 4] = ""
    cli_version: Annotated[str, 5] = ""
    huggingface_version: Annotated[str, 6] = ""
    env: Annotated[list[int], 8, "flags"] = []
    label: Annotated[Label | None, 9] = None
    deprecated: Annotated[list[int], 10, "flags"] = []
    core_version: Annotated[str, 12] = ""
    platform: Annotated[str, 13] = ""


class BranchPoint(Message):
    """Where a run was forked or rewound from."""

    run: Annotated[str, 1] = ""
    value: Annotated[float, 2] = 0.0
    metric: Annotated[str, 3] = ""


class SettingsRecord(Message):
    """Settings that belong to a run, by the SDK's names."""

    item: Annotated[list[Item], 1] = []


class RunRecord(Message):
    """The run; a later one is an update whose empty fields mean unchanged.

    emptied: "notes" and "tags" where they were emptied. links: links to artifacts that are to be
    made. Both are our own; other readers skip them.
    """

    run_id: Annotated[str, 1] = ""
    entity: Annotated[str, 2] = ""
    project: Annotated[str, 3] = ""
    config: Annotated[ConfigRecord | None, 4] = None
    summary: Annotated[SummaryRecord | None, 5] = None
    run_group: Annotated[str, 6] = ""
    job_type: Annotated[str, 7] = ""
    display_name: Annotated[str, 8] = ""
    notes: Annotated[str, 9] = ""
    tags: Annotated[list[str], 10] = []
    settings: Annotated[SettingsRecord | None, 11] = None
    sweep_id: Annotated[str, 12] = ""
    host: Annotated[str, 13] = ""
    starting_step: Annotated[int, 14] = 0
    storage_id: Annotated[str, 16] = ""
    start_time: Annotated[Timestamp | None, 17] = None
    resumed: Annotated[bool, 18] = False
    telemetry: Annotated[TelemetryRecord | None, 19] = None
    runtime: Annotated[int, 20] = 0
    git: Annotated[Git | None, 21] = None
    forked: Annotated[bool, 22] = False
    branch_point: Annotated[BranchPoint | None, 23] = None
    resume: Annotated[bool, 24] = False
    emptied: Annotated[list[str], 1000] = []
    links: Annotated[list[ArtifactLink], 1001] = []


class FileItem(Message):
    """A file of the run's `files` folder. policy: 0 now, 1 at the end, 2 live.

    type: 0 other, 1 wandb, 2 media, 3 artifact.
    """

    path: Annotated[str, 1] = ""
    policy: Annotated[int, 2] = 0
    type: Annotated[int, 3] = 0


class FilesRecord(Message):
    """Files to upload. kept: a row that waits for its own; other readers skip it."""

    files: Annotated[list[FileItem], 1] = []
    kept: Annotated[KeptRow | None, 1000] = None


class OutputRawRecord(Message):
    """Console text as written. output_type: 0 stderr, 1 stdout."""

    output_type: Annotated[int, 1] = 0
    timestamp: Annotated[Timestamp | None, 2] = None
    line: Annotated[str, 3] = ""


class OutputLoggerRecord(Message):
    """Console text written through the run.

    The format has no time for it; ours is in a field that other readers skip.
    """

    line: Annotated[str, 1] = ""
    timestamp: Annotated[Timestamp | None, 900] = None


class MetricControl(Message):
    """How a metric definition meets an earlier one."""

    overwrite: Annotated[bool, 1] = False


class MetricRecord(Message):
    """A metric definition, with the numbers that `config._wandb.m` uses as well.

    options: 1 step_sync, 2 hidden, 3 defined. summary: 1 min, 2 max, 3 mean, 4 best, 5 last,
    6 none, 7 copy, 8 first. goal: 0 unset, 1 minimize, 2 maximize.
    """

    name: Annotated[str, 1] = ""
    glob_name: Annotated[str, 2] = ""
    step_metric: Annotated[str, 4] = ""
    step_metric_index: Annotated[int, 5] = 0
    options: Annotated[list[int], 6, "flags"] = []
    summary: Annotated[list[int], 7, "flags"] = []
    goal: Annotated[int, 8] = 0
    control: Annotated[MetricControl | None, 9] = None
    expanded_from_glob: Annotated[bool, 10] = False


class ExitRecord(Message):
    """The run ended. runtime in seconds."""

    exit_code: Annotated[int, 1] = 0
    runtime: Annotated[int, 2] = 0
    not_complete: Annotated[bool, 3] = False


class AlertRecord(Message):
    """A message to the run's owner. wait_duration in milliseconds."""

    title: Annotated[str, 1] = ""
    text: Annotated[str, 2] = ""
    level: Annotated[str, 3] = ""
    wait_duration: Annotated[int, 4] = 0


class PreemptingRecord(Message):
    """The machine is about to be taken away."""


class FinalRecord(Message):
    """Written at the end by older SDKs."""


class FooterRecord(Message):
    """Written at the end by older SDKs."""


class UnknownRecord(msgspec.Struct):
    """A kind of record that this version does not know, kept as it is.

    Args:
        number: Field number in the envelope; 0 for an empty envelope.
        data: Bytes of the message.
    """

    number: int
    data: bytes


Body: TypeAlias = Union[  # noqa: UP007 - a list reads better than a chain
    AlertRecord,
    ArtifactRecord,
    ConfigRecord,
    EnvironmentRecord,
    ExitRecord,
    FilesRecord,
    FinalRecord,
    FooterRecord,
    HeaderRecord,
    HistoryRecord,
    MetricRecord,
    OutputLoggerRecord,
    OutputRawRecord,
    PreemptingRecord,
    RunRecord,
    StatsRecord,
    SummaryRecord,
    TelemetryRecord,
    UnknownRecord,
    UseArtifactRecord,
]
"""What a record can hold."""

_KINDS: dict[int, type[Message]] = {
    2: HistoryRecord,
    3: SummaryRecord,
    5: ConfigRecord,
    6: FilesRecord,
    7: StatsRecord,
    8: ArtifactRecord,
    10: AlertRecord,
    11: TelemetryRecord,
    12: MetricRecord,
    13: OutputRawRecord,
    17: RunRecord,
    18: ExitRecord,
    20: FinalRecord,
    21: HeaderRecord,
    22: FooterRecord,
    23: PreemptingRecord,
    25: UseArtifactRecord,
    26: EnvironmentRecord,
    27: OutputLoggerRecord,
}
_NUMBERS = {kind: number for number, kind in _KINDS.items()}
_NUM, _CONTROL, _UUID, _INFO = 1, 16, 19, 200
_ENVELOPE = frozenset({_NUM, _CONTROL, _UUID, _INFO})


class Record(msgspec.Struct):
    """One record of a log.

    Args:
        body: The typed message, or an `UnknownRecord`.
        num: Number of the record counted from 1 by the SDK; 0 where the writer gave none.
        uuid: Identity of the record; empty as a rule.
    """

    body: Body
    num: int = 0
    uuid: str = ""


def encode(body: Body, *, num: int = 0) -> bytes:
    """Encode one record for `Journal.append`.

    Args:
        body: The message.
        num: Number of the record; 0 leaves it out.

    Raises:
        JournalError: An integer does not fit its field.
    """
    head = wire.varint_field(_NUM, num) if num else b""
    if isinstance(body, UnknownRecord):
        return head + wire.bytes_field(body.number, body.data)
    return head + wire.bytes_field(_NUMBERS[type(body)], body.to_bytes())


def decode(payload: bytes) -> Record:
    """Decode one record.

    Raises:
        JournalError: The bytes are no record.
    """
    record = Record(UnknownRecord(0, b""))
    for number, wire_type, value in wire.fields(payload):
        if number == _NUM and isinstance(value, int):
            record.num = wire.signed(value)
        elif number == _UUID:
            record.uuid = wire.read_string(value)
        elif number not in _ENVELOPE and wire_type == wire.LENGTH and isinstance(value, bytes):
            kind = _KINDS.get(number)
            known = kind.from_bytes(value) if kind else UnknownRecord(number, value)
            record.body = known  # type: ignore[assignment]  # the values of _KINDS are Body's members
    return record


def field_number(payload: bytes) -> int:
    """Tell the kind of a record without decoding it: 2 history, 3 summary, 17 run, ...

    Returns:
        The field number of the body; 0 for an empty envelope.

    Raises:
        JournalError: The bytes are no record.
    """
    if payload[:1] == b"\x12":  # history, written without an envelope
        return 2
    for number, wire_type, _ in wire.fields(payload):
        if number not in _ENVELOPE and wire_type == wire.LENGTH:
            return number
    return 0
