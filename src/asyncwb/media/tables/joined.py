"""Tables that are made of others: joined by a column, or in parts."""

from __future__ import annotations

import posixpath
import secrets
from base64 import b64decode
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.base import Media

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncwb.media.base import Place
    from asyncwb.media.stored import ObjectPlace, Origin, Shelf
    from asyncwb.media.tables.table import Table

__all__ = ["JoinedTable", "PartitionedTable"]

_SUFFIX = ".table.json"
_NAME_LENGTH = 20


class JoinedTable(Media):
    """Two tables that are shown joined by a column.

    Args:
        table1: A table; the path of one in the artifact that this goes into; or the entry of one
            in another version.
        table2: The other one.
        join_key: The column, or a list of the columns of both.

    Raises:
        InvalidValueError: One is no table, or the key is neither.
    """

    quick = False
    json_type = "joined-table"

    def __init__(
        self,
        table1: Table | PartitionedTable | Origin | str,
        table2: Table | PartitionedTable | Origin | str,
        join_key: str | Sequence[str],
    ) -> None:
        super().__init__(None)
        keys = [join_key] if isinstance(join_key, str) else list(join_key)
        if not all(isinstance(key, str) for key in keys) or (  # pyright: ignore[reportUnnecessaryIsInstance]
            not isinstance(join_key, str) and len(keys) != 2
        ):
            raise InvalidValueError(f"join_key is a column, or a list of two, got {join_key!r}")
        self._join_key = join_key if isinstance(join_key, str) else keys
        self._tables: list[Any] = [_checked(table1), _checked(table2)]

    @property
    def join_key(self) -> str | list[str]:
        """The column, or the columns of both."""
        return self._join_key

    @property
    def tables(self) -> tuple[Any, Any]:
        """The two tables, as given."""
        return self._tables[0], self._tables[1]

    def as_logged(self) -> JoinedTable:
        """A copy with copies of its tables."""
        first, second = map(_frozen, self._tables)
        made = JoinedTable(first, second, self._join_key)
        made.origin = self.origin
        return made

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put it into an artifact of a run and describe it. Blocks for the disk."""
        return place.publish(self)

    def stored_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Its JSON in an artifact; its tables go there too."""
        number = secrets.token_hex(4)
        first, second = (
            _stored(table, f"t{at}_{number}", place) for at, table in enumerate(self._tables, 1)
        )
        return {
            "_type": self.json_type,
            "table1": first,
            "table2": second,
            "join_key": self._join_key,
        }

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, JoinedTable)
            and self._join_key == other._join_key
            and self._tables == other._tables
        )

    __hash__ = Media.__hash__

    @classmethod
    def from_stored(cls, found: dict[str, Any], shelf: Shelf) -> JoinedTable:
        """Read it back; a table that is not there stays a path."""
        tables = [shelf.object(found[name]) or found[name] for name in ("table1", "table2")]
        return cls(cast("Any", tables[0]), cast("Any", tables[1]), found["join_key"])


class PartitionedTable(Media):
    """A table in parts: all tables below a folder of an artifact.

    Args:
        parts_path: The folder.
    """

    quick = False
    json_type = "partitioned-table"

    def __init__(self, parts_path: str) -> None:
        super().__init__(None)
        if not isinstance(parts_path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"parts_path is a folder of an artifact, got {parts_path!r}")
        self.parts_path = parts_path
        self._parts: list[Table] = []

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Numbers and rows of all parts, in the order of their paths; of one read back.

        Raises:
            InvalidValueError: The parts have different columns.
        """
        number = 0
        for part in self._parts:
            if part.columns != self._parts[0].columns:
                raise InvalidValueError(
                    f"parts have different columns: {self._parts[0].columns} and {part.columns}"
                )
            for row in part.data:
                yield number, row
                number += 1

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put it into an artifact of a run and describe it. Blocks for the disk."""
        return place.publish(self)

    def stored_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Its JSON in an artifact."""
        del place
        return {"_type": self.json_type, "parts_path": self.parts_path}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartitionedTable) and self.parts_path == other.parts_path

    __hash__ = Media.__hash__

    @classmethod
    def from_stored(cls, found: dict[str, Any], shelf: Shelf) -> PartitionedTable:
        """Read it back with its parts."""
        from asyncwb.media.tables.table import Table

        made = cls(found["parts_path"])
        parts = (shelf.object(path) for path in shelf.below(made.parts_path))
        made._parts = [part for part in parts if isinstance(part, Table)]
        return made


def _checked(table: Any) -> Any:
    from asyncwb.media.tables.table import Table

    if isinstance(table, Table | PartitionedTable):
        return table
    path = table if isinstance(table, str) else getattr(table, "path", "")
    if path.endswith(_SUFFIX):
        return table
    raise InvalidValueError(
        "a joined table is made of tables, of paths that end with '.table.json', or of entries of "
        f"another version, got {table!r}"
    )


def _frozen(table: Any) -> Any:
    return table.as_logged() if isinstance(table, Media) else table


def _stored(table: Any, name: str, place: ObjectPlace) -> str:
    """The path of one of the tables in an artifact."""
    if isinstance(table, Media):
        if table.origin is not None:
            name = posixpath.basename(table.origin.path)
        return place.put(table, name).path
    if not isinstance(table, str):
        origin = cast("Origin", table)
        digest = b64decode(origin.digest).hex()[:_NAME_LENGTH]
        return place.refer(origin, f"{digest}.{origin.path.split('.')[-2]}.json")
    if not place.has(table):
        raise InvalidValueError(
            f"the artifact has no table {table!r}; add it before the joined table"
        )
    return table
