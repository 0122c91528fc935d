"""What names of artifacts may be."""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncwb.artifacts.names import (
    check_aliases,
    check_metadata,
    check_name,
    check_path,
    check_tags,
    check_type,
    native_path,
)
from asyncwb.errors import InvalidValueError


@pytest.mark.parametrize("name", ["a", "my-data_1.0", "x" * 128])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:v0", "ü", "x" * 129, None, 3, "a\n"])
def test_bad_names(name: object) -> None:
    with pytest.raises(InvalidValueError, match="name"):
        check_name(name)


def test_types() -> None:
    assert check_type("dataset", "d") == "dataset"
    assert check_type("run_table", "mine") == "run_table"
    assert check_type("run_table", "run-1-t", own=True) == "run_table"
    for kind, name in [
        ("job", "anything"),
        ("run_table", "run-1-t"),
        ("code", "source-x"),
        ("wandb-history", "h"),
        ("a/b", "x"),
        ("", "x"),
        (None, "x"),
        ("x" * 129, "x"),
    ]:
        with pytest.raises(InvalidValueError, match="type"):
            check_type(kind, name)


def test_aliases_and_tags() -> None:
    assert check_aliases(["latest", "best", "latest"]) == ["latest", "best"]
    assert check_aliases("best") == ["best"]
    assert check_aliases(None) == []
    assert check_tags(["a b", "c-d_e", "ü"]) == ["a b", "c-d_e", "ü"]
    for bad in ("a/b", "a:b", ""):
        with pytest.raises(InvalidValueError, match="alias"):
            check_aliases([bad])
    for bad in ("a,b", " a", "a ", "", "a\n"):
        with pytest.raises(InvalidValueError, match="tag"):
            check_tags([bad])
    with pytest.raises(InvalidValueError, match="texts"):
        check_tags([1])  # type: ignore[list-item]


def test_metadata() -> None:
    given_ = {"a": 1, "b": {"c": [1, math.nan]}, "t": (1, 2)}
    checked = check_metadata(given_)
    assert checked == {"a": 1, "b": {"c": [1, None]}, "t": [1, 2]}
    assert check_metadata('{"a": 1}') == {"a": 1}
    assert check_metadata(None) == {}
    for bad in ({"a": math.inf}, {"a": {"b": [-math.inf]}}, {"a": object()}, "[1]", "{", 7):
        with pytest.raises(InvalidValueError, match="metadata"):
            check_metadata(bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="100"):
        check_metadata({str(number): 1 for number in range(101)})


def test_paths() -> None:
    assert check_path("a/b.txt") == "a/b.txt"
    assert check_path("a//./b/") == "a/b"
    assert check_path(PurePosixPath("a/b")) == "a/b"
    assert check_path("..a/b..") == "..a/b.."
    for bad in (
        "../a",
        "a/../../b",
        "a/..",
        "/a",
        "c:/a",
        "c:a",
        "\\a",
        "a\\..\\..\\b",
        "",
        ".",
        "a\0b",
    ):
        with pytest.raises(InvalidValueError, match="relative"):
            check_path(bad)


@given(st.text(max_size=20))
def test_no_name_leaves_the_folder(text: str) -> None:
    try:
        found = native_path("/root/folder", text)
    except InvalidValueError:
        return
    inside = os.path.normpath(found)
    assert inside.startswith("/root/folder/")
    assert Path(inside) != Path("/root/folder")
