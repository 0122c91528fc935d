"""`Recorder.files`: what it writes is the wire's files record."""

from __future__ import annotations

import pytest

from asyncwb.journal.records import FileItem, FilesRecord, decode
from asyncwb.run.recorder import Recorder
from asyncwb.settings import Settings


def recorder(written: list[bytes]) -> Recorder:
    def append(payload: bytes) -> int:
        written.append(payload)
        return 0

    return Recorder(append, settings=Settings(), start_time=0.0)


@pytest.mark.parametrize(
    ("policy", "kind", "numbers"),
    [
        ("now", "other", (0, 0)),
        ("end", "wandb", (1, 1)),
        ("live", "media", (2, 2)),
        ("now", "artifact", (0, 3)),
    ],
)
def test_numbers_are_those_of_the_protocol(policy, kind, numbers) -> None:
    written: list[bytes] = []
    recorder(written).files(["a/b.txt", "c"], policy, kind)
    (payload,) = written
    assert decode(payload).body == FilesRecord(
        [FileItem("a/b.txt", *numbers), FileItem("c", *numbers)]
    )


def test_a_file_is_uploaded_now_unless_said_otherwise() -> None:
    written: list[bytes] = []
    # Bytes of the wire: record field 6, files field 1, path field 1; zeros are left out.
    recorder(written).files(["x"])
    assert written == [b"\x32\x05\x0a\x03\x0a\x01x"]


def test_no_name_writes_no_record() -> None:
    written: list[bytes] = []
    recorder(written).files([])
    assert written == []
