"""Large files in the middle of their download."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from typing import TYPE_CHECKING

from asyncwb.artifacts.partial import open_partial
from asyncwb.artifacts.targets import is_draft

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 40
DIGEST = b64encode(hashlib.md5(CONTENT).digest()).decode()
RANGES = [(start, start + 2560) for start in range(0, len(CONTENT), 2560)]


def test_a_stream_goes_on_at_its_end(tmp_path: Path) -> None:
    target = tmp_path / "file"
    first = open_partial(target, DIGEST)
    assert not first.resumed
    assert first.begin_stream() == 0
    assert first.write([CONTENT[:1000], CONTENT[1000:3000]], 0) == 3000
    first.close()
    again = open_partial(target, DIGEST)
    assert again.resumed
    assert again.begin_stream() == 3000
    hasher = hashlib.md5()
    again.hash(hasher, 0, 3000)
    assert hasher.digest() == hashlib.md5(CONTENT[:3000]).digest()
    again.write([CONTENT[3000:]], 3000)
    again.become(target)
    again.close()
    assert target.read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["file"]


def test_ranges_that_were_noted_count_and_no_others(tmp_path: Path) -> None:
    target = tmp_path / "file"
    first = open_partial(target, DIGEST)
    first.begin_ranges(RANGES, len(CONTENT))
    first.write([CONTENT[5120:7680]], 5120)
    first.note(5120, 7680)
    first.write([CONTENT[:100]], 0)
    first.close()
    again = open_partial(target, DIGEST)
    again.begin_ranges(RANGES, len(CONTENT))
    assert [again.has(*one) for one in RANGES] == [False, False, True, False]
    # A stream begins behind what is there without a hole: nothing is.
    assert again.begin_stream() == 0
    again.close()
    assert all(is_draft(path) for path in tmp_path.iterdir())


def test_what_a_stream_left_counts_for_ranges(tmp_path: Path) -> None:
    target = tmp_path / "file"
    first = open_partial(target, DIGEST)
    first.begin_stream()
    first.write([CONTENT[:6000]], 0)
    first.close()
    again = open_partial(target, DIGEST)
    again.begin_ranges(RANGES, len(CONTENT))
    assert [again.has(*one) for one in RANGES] == [True, True, False, False]
    again.close()


def test_a_line_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    target = tmp_path / "file"
    first = open_partial(target, DIGEST)
    first.begin_ranges(RANGES, len(CONTENT))
    first.note(0, 2560)
    first.close()
    (notes,) = tmp_path.glob(".asyncwb-*.ranges")
    notes.write_text(notes.read_text() + "2560 51")
    again = open_partial(target, DIGEST)
    assert [again.has(*one) for one in RANGES] == [True, False, False, False]
    assert not again.has(2560, 51)
    again.discard()
    again.close()
    assert os.listdir(tmp_path) == []


def test_two_at_once_do_not_write_into_one_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    first, second = open_partial(target, DIGEST), open_partial(target, DIGEST)
    assert first.path != second.path
    for one, content in ((first, CONTENT), (second, CONTENT[:10])):
        one.begin_stream()
        one.write([content], 0)
    second.close()
    first.become(target)
    first.close()
    assert target.read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["file"]
