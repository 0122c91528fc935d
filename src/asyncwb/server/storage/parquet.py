"""Rows as a Parquet file, whatever their number.

The types of columns are known when the last row has been seen: rows are read twice, once for
types, once to be written, a group in memory at a time. Columns, types and values are those of
`asyncwb export`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

from asyncwb.errors import UnsupportedError
from asyncwb.server.jsontext import encode
from asyncwb.server.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["MOST_COLUMNS", "Kind", "Row", "Rows", "is_installed", "write_parquet"]

Row: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["int", "long", "float", "bool", "text", "json"]
"""What a column holds; `long` are whole numbers of which some are none as a double."""
Rows: TypeAlias = "Callable[[], Iterable[tuple[int, list[Row]]]]"
"""Makes an iterator of pieces: about how many bytes of text a piece was, and its rows."""

MOST_COLUMNS = 2_000
"""Columns of a table: each costs memory in every group of rows."""

_GROUP_BYTES = 4 * 1024 * 1024
_GROUP_CELLS = 4_000_000
_EXACT = 2**53
_LONGEST = 2**63
_INTEGERS = {"int", "long"}
_PLAIN: dict[type, Kind] = {bool: "bool", float: "float", str: "text"}


def is_installed() -> bool:
    """Whether this server can write Parquet."""
    return find_spec("pyarrow") is not None


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as exc:
        message = "Parquet needs pyarrow: pip install 'asyncwb[server,export]'"
        raise UnsupportedError(message, exc=exc) from exc


def write_parquet(
    file: BinaryIO, rows: Rows, first: Mapping[str, Kind], go_on: Callable[[], None]
) -> None:
    """Write a table. It waits: call in a thread.

    Args:
        file: Where to; it is emptied first.
        rows: Called twice, and has to give the same rows.
        first: Columns that are there in any case, before the others.
        go_on: Called now and then; what it raises ends the work.

    Raises:
        Problem: There are more than `MOST_COLUMNS` columns (400).
        UnsupportedError: pyarrow is not installed.
    """
    pa, parquet = _package("pyarrow"), _package("pyarrow.parquet")
    kinds = _kinds_of(rows, first, go_on)
    types = {"int": pa.int64(), "long": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    # the mark by which `asyncwb` and its users tell JSON from text
    marks = {"json": {"asyncwb": "json"}}
    schema = pa.schema(
        pa.field(key, types.get(kind, pa.string()), metadata=marks.get(kind))
        for key, kind in kinds.items()
    )
    # numbers seldom repeat: a dictionary of them costs time and space
    texts = [key for key, kind in kinds.items() if kind == "text"]
    file.seek(0)
    file.truncate()
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": texts}
    with parquet.ParquetWriter(file, schema, **options) as writer:
        for group in _groups(rows, len(kinds)):
            go_on()
            arrays = [
                pa.array(_values(group, key, kind), type=schema.field(i).type)
                for i, (key, kind) in enumerate(kinds.items())
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _kinds_of(rows: Rows, first: Mapping[str, Kind], go_on: Callable[[], None]) -> dict[str, Kind]:
    kinds: dict[str, Kind | None] = dict(first)
    for _, piece in rows():
        go_on()
        for key in dict.fromkeys(chain.from_iterable(piece)):
            known = kinds.get(key)
            if known != "json":
                kinds[key] = _merged(known, _kind_of([row.get(key) for row in piece]))
        if len(kinds) > MOST_COLUMNS:
            raise invalid(
                f"a table has at most {MOST_COLUMNS} columns here; "
                "`asyncwb export` writes those that have more"
            )
    return {key: kind or "float" for key, kind in kinds.items()}


def _kind_of(values: list[Any]) -> Kind | None:
    """What holds all values; None for no values."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return None
    if len(kinds) == 1:
        (kind,) = kinds
        return _whole(values) if kind is int else _PLAIN.get(kind, "json")
    if kinds != {int, float}:
        return "json"
    exact = _whole([value for value in values if type(value) is int]) == "int"
    return "float" if exact else "json"


def _whole(values: list[int | None]) -> Kind:
    """What holds whole numbers."""
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    if low >= -_EXACT and high <= _EXACT:
        return "int"
    return "long" if low >= -_LONGEST and high < _LONGEST else "json"


def _merged(earlier: Kind | None, later: Kind | None) -> Kind | None:
    """What holds both."""
    if earlier is None or later is None or earlier == later:
        return earlier or later
    both = {earlier, later}
    if both == _INTEGERS:
        return "long"
    return "float" if both == {"int", "float"} else "json"


def _groups(rows: Rows, columns: int) -> Iterator[list[Row]]:
    """The rows in groups of about as many bytes, and as many cells, as memory should hold."""
    most = max(1, _GROUP_CELLS // columns)
    group: list[Row] = []
    total = 0
    for size, piece in rows():
        group += piece
        total += size
        if total >= _GROUP_BYTES or len(group) >= most:
            yield group
            group, total = [], 0
    if group:
        yield group


def _values(group: list[Row], key: str, kind: Kind) -> list[Any]:
    values = [row.get(key) for row in group]
    if kind == "json":
        return [None if value is None else encode(value) for value in values]
    return values
