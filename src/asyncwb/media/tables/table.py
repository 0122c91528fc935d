"""`Table`: rows of cells in typed columns."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, overload

from asyncwb.errors import InvalidValueError, UsageError
from asyncwb.media.base import Media
from asyncwb.media.tables.celltypes import ANY, UNKNOWN, CellType
from asyncwb.media.tables.inference import type_of_dtype
from asyncwb.media.tables.keys import TableIndex
from asyncwb.media.tables.objecttypes import ForeignIndexType, ForeignKeyType, PrimaryKeyType
from asyncwb.media.tables.sources import as_column_array, columns_of, rows_of
from asyncwb.media.tables.tablelog import TableLogState
from asyncwb.media.tables.typed import Column, TypedRows, is_key, with_none
from asyncwb.media.tables.writing import frozen, shown_content, stored_json, stored_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from asyncwb.media.base import Place
    from asyncwb.media.stored import ObjectPlace
    from asyncwb.media.tables.joined import JoinedTable
    from asyncwb.media.tables.tablelog import Coming, StoredTable

__all__ = ["LogMode", "Table"]

LogMode = Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"]
_log = logging.getLogger("asyncwb.media")

_LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
_DEFAULT_COLUMNS = ("Input", "Output", "Expected")


class Table(TypedRows):
    """Rows of cells in typed columns; a cell may be a number, a text, a time, an array or media.

    Logging takes the rows as they are; they are written off the caller's thread, and the table may
    change right afterwards. A row of a run gets at most `MAX_ROWS` of them, the artifact that is
    logged beside it `MAX_ARTIFACT_ROWS`.

    The types of columns come from the cells: a cell of another type is refused, with
    `allow_mixed_types` it is not. NaN counts as None.

    Args:
        columns: Names, texts or integers; None: `Input`, `Output`, `Expected`, or those of a
            dataframe.
        data: Rows: lists, a numpy array with two dimensions, or a dataframe.
        rows: An older name of `data`.
        dataframe: A dataframe of pandas or polars, with its columns.
        dtype: Type of the columns, or a list of one for each: a Python type, a class of media, an
            example of a constant, or a list or dict of these; None: as the cells are.
        optional: Whether cells may be None; or a list of that for each column.
        allow_mixed_types: Whether any cell is good for any column.
        log_mode: "IMMUTABLE": logging it again logs what was logged first. "MUTABLE": what has
            changed is logged anew. "INCREMENTAL": only rows added since are logged.

    Raises:
        ColumnTypeError: A cell does not fit its column.
        InvalidValueError: Rows of another length, or arguments that cannot be.

    Attributes:
        columns: Names of the columns.
        data: The rows, lists of cells.
        log_mode: As given.
    """

    json_type = "table"
    folder = "table"
    # Increments are counted, and the versions of an artifact too.
    in_order = True
    quick = False
    MAX_ROWS: ClassVar[int] = 10_000
    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000

    def __init__(
        self,
        columns: Sequence[Column] | None = None,
        data: Any = None,
        rows: Sequence[Iterable[Any]] | None = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | Sequence[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: LogMode = "IMMUTABLE",
    ) -> None:
        if log_mode not in _LOG_MODES:
            raise InvalidValueError(f"log_mode is one of {', '.join(_LOG_MODES)}, got {log_mode!r}")
        super().__init__(None)
        self.log_mode: LogMode = log_mode
        self.columns: list[Column] = []
        self._rows = []
        self._types: dict[Column, CellType] = {}
        self._log_state = TableLogState()
        # Of a copy that is logged: the table itself, its version, the rows that it has, and which
        # of them the copy begins with.
        self._original: Table | None = None
        self.version = self.first_row = self.total_rows = 0
        found, cells, known = rows_of(
            dataframe if dataframe is not None else data if data is not None else rows,
            columns,
            _DEFAULT_COLUMNS,
        )
        for name in found:
            self._check_new(name)
            self.columns.append(name)
        self._begin_types(ANY if allow_mixed_types else dtype, optional)
        self._begin(cells, known)

    # -- reading ----------------------------------------------------------------------------

    @property
    def origin_table(self) -> Table:
        """The table that this one is a copy of, as it was logged; or itself."""
        return self._original or self

    @property
    def log_state(self) -> TableLogState:
        """What has been logged of it."""
        return self._log_state

    def iterrows(self) -> Iterator[tuple[TableIndex, list[Any]]]:
        """Numbers and rows; a number that is a cell of another table links the two."""
        for number, row in enumerate(self.data):
            yield TableIndex.to(number, self), row

    def get_index(self) -> list[TableIndex]:
        """The numbers of all rows, for a column of another table."""
        return [TableIndex.to(number, self) for number in range(len(self.rows))]

    def index_ref(self, index: int) -> TableIndex:
        """The number of one row, for a cell of another table.

        Raises:
            InvalidValueError: There is no such row.
        """
        if not 0 <= index < len(self.rows):
            raise InvalidValueError(f"the table has {len(self.rows)} rows, no row {index}")
        return TableIndex.to(index, self)

    @overload
    def get_column(self, name: Column, convert_to: None = None) -> list[Any]: ...
    @overload
    def get_column(self, name: Column, convert_to: Literal["numpy"]) -> Any: ...

    def get_column(self, name: Column, convert_to: Literal["numpy"] | None = None) -> Any:
        """The cells of a column.

        Args:
            name: The column.
            convert_to: "numpy": as an array, images and sounds as arrays too.

        Raises:
            InvalidValueError: There is no such column, cells that make no array, or another
                `convert_to`.
        """
        at = self._index(name)
        cells = [row[at] for row in self._lists()]
        if convert_to is None:
            return cells
        if convert_to != "numpy":
            raise InvalidValueError(f"convert_to is None or 'numpy', got {convert_to!r}")
        return as_column_array(cells)

    def get_dataframe(self) -> Any:
        """The table as a `pandas.DataFrame`.

        Raises:
            UnsupportedError: pandas is not installed (`pip install 'asyncwb[pandas]'`).
        """
        from asyncwb.media.base import library

        pandas = library("pandas", "pandas", "get_dataframe()", extra="pandas")
        return pandas.DataFrame.from_records(self._lists(), columns=self.columns)

    def to_arrow(self) -> Any:
        """The table as a `pyarrow.Table`: null where a cell is None.

        A cell that is media is the path of its file, where it has one on this machine. Other
        objects and columns of several types become JSON text.

        Raises:
            UnsupportedError: pyarrow is not installed (`pip install 'asyncwb[export]'`).
        """
        from asyncwb.columns.frames import to_arrow

        return to_arrow(columns_of(self.columns, self._lists()))

    def to_polars(self) -> Any:
        """The table as a `polars.DataFrame`; see `to_arrow`.

        Raises:
            UnsupportedError: polars is not installed (`pip install 'asyncwb[polars]'`).
        """
        from asyncwb.columns.frames import to_polars

        return to_polars(columns_of(self.columns, self._lists()))

    def join(self, other: Table, key: str | Sequence[str]) -> JoinedTable:
        """This table and another one, joined by a column; see `JoinedTable`."""
        from asyncwb.media.tables.joined import JoinedTable

        return JoinedTable(self, other, key)

    def __eq__(self, other: object) -> bool:
        from asyncwb.media.tables.writing import same_cells

        return (
            isinstance(other, Table)
            and self.columns == other.columns
            and self._types == other._types
            and same_cells(self._lists(), other._lists())
        )

    __hash__ = Media.__hash__

    def __repr__(self) -> str:
        return f"<asyncwb.Table {len(self.rows)} x {len(self.columns)}>"

    # -- changing ---------------------------------------------------------------------------

    def add_data(self, *data: Any) -> None:
        """Add a row, one cell for each column.

        Raises:
            ColumnTypeError: A cell does not fit its column. The table is as before then.
            InvalidValueError: More or fewer cells than columns.
        """
        self._extend([list(data)])
        self._changed()

    def add_row(self, *row: Any) -> None:
        """An older name of `add_data`."""
        self.add_data(*row)

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column.

        Args:
            name: A new name.
            data: A cell for each row, a list or an array.
            optional: Whether cells may be None.

        Raises:
            ColumnTypeError: Cells that do not belong together. The table is as before then.
            InvalidValueError: The name is there, or there are more or fewer cells than rows.
            UsageError: The table is incremental: it can only get rows.
        """
        self._refuse_incremental("add_column()")
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"a new column has a text for a name, got {name!r}")
        self._check_new(name)
        if not isinstance(data, list) and not hasattr(data, "dtype"):
            raise InvalidValueError(f"a column is a list or an array, got {type(data).__name__}")
        cells = list(cast("Iterable[Any]", data))
        if self.columns and len(cells) != len(self.rows):
            raise InvalidValueError(
                f"the table has {len(self.rows)} rows, the column {name!r} {len(cells)}"
            )
        kind = self._fitting(name, with_none(UNKNOWN, allowed=optional), cells)
        rows = self._own()
        if not self.columns:
            rows.extend([] for _ in cells)
        for row, cell in zip(rows, cells, strict=True):
            row.append(cell)
        self.columns.append(name)
        self._types[name] = kind
        self._changed()

    def add_computed_columns(self, fn: Callable[[int, dict[Column, Any]], dict[str, Any]]) -> None:
        """Add columns that a function computes.

        Args:
            fn: Gets the number of a row and the row as a dict; returns new columns and cells.

        Raises:
            ColumnTypeError: Cells that do not belong together.
            InvalidValueError: The function returns no dict, or other columns for some rows.
            UsageError: The table is incremental: it can only get rows.
        """
        self._refuse_incremental("add_computed_columns()")
        new: dict[str, list[Any]] = {}
        for number, row in self.iterrows():
            found = fn(number, dict(zip(self.columns, row, strict=True)))
            if not isinstance(found, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidValueError(f"the function returns a dict of columns, got {found!r}")
            for name, cell in found.items():
                new.setdefault(name, []).append(cell)
        if uneven := [name for name, cells in new.items() if len(cells) != len(self.rows)]:
            raise InvalidValueError(f"not every row has a cell for {uneven}")
        for name, cells in new.items():
            self.add_column(name, cells)

    def cast(self, col_name: Column, dtype: Any, optional: bool = False) -> CellType:
        """Give a column a type.

        Args:
            col_name: The column.
            dtype: As for `Table`.
            optional: Whether cells may be None.

        Returns:
            The type, with what the cells add to it.

        Raises:
            ColumnTypeError: A cell does not fit. The table is as before then.
            InvalidValueError: No such column, a second primary key, or keys that may be None.
        """
        at = self._index(col_name)
        kind = type_of_dtype(dtype)
        if isinstance(kind, PrimaryKeyType | ForeignKeyType | ForeignIndexType):
            self._check_key(col_name, kind, optional=optional)
        elif isinstance(self._types.get(col_name), PrimaryKeyType | ForeignKeyType):
            raise InvalidValueError(f"{col_name!r} is a key; it cannot become anything else")
        kind = self._fitting(
            col_name, with_none(kind, allowed=optional), [row[at] for row in self._lists()]
        )
        self._types[col_name] = kind
        if is_key(kind):
            self._wrap(self._own(), [col_name])
        self._changed()
        return kind

    def set_pk(self, col_name: Column) -> None:
        """Make a column of texts the primary key: other tables can refer to its rows by it.

        Raises:
            ColumnTypeError: A cell is no text.
            InvalidValueError: No such column, or another one is the primary key.
        """
        self.cast(col_name, PrimaryKeyType())

    def set_fk(self, col_name: Column, table: Table, table_col: str) -> None:
        """Make a column of texts refer to rows of another table.

        Args:
            col_name: The column.
            table: The other table.
            table_col: Its column with the same texts.

        Raises:
            ColumnTypeError: A cell is no text.
            InvalidValueError: No such column, or it is the primary key.
        """
        if isinstance(self._types.get(col_name), PrimaryKeyType):
            raise InvalidValueError(f"{col_name!r} is the primary key, not a foreign one")
        self.cast(col_name, ForeignKeyType(table, table_col))

    # -- logging ----------------------------------------------------------------------------

    def as_logged(self) -> Table:
        """A copy of what is to be logged now, that nobody can change."""
        return frozen(self)

    @property
    def held(self) -> int:
        """About the bytes that a copy holds: the cells themselves belong to others."""
        return 64 * len(self.rows) + 8 * len(self.rows) * len(self.columns)

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put its file and its artifact into a run and describe it. Blocks for the disk."""
        return place.publish(self)

    def shown(self, place: Place) -> dict[str, Any]:
        """Put its file into a run: what the JSON of the value says about it."""
        return place.add(shown_content(self), self.folder)

    def expect(self, work: Coming) -> None:
        """Be told of what is about to write it into a run."""
        self._log_state.expect(work)

    def stored_elsewhere(self) -> StoredTable | None:
        """Where a run has logged it as it is now; None: nowhere. Blocks for what is under way."""
        return self._log_state.stored(self.version)

    def stored_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Its JSON in an artifact."""
        return stored_json(self, place)

    def stored_pieces(self, place: ObjectPlace) -> Iterator[bytes]:
        """The same, piece by piece."""
        return stored_pieces(self, place)

    def _refuse_incremental(self, call: str) -> None:
        if self.log_mode == "INCREMENTAL":
            raise UsageError(
                f"{call} of an incremental table, which can only get rows: use log_mode='MUTABLE'"
            )

    def _changed(self) -> None:
        if self._log_state.changed() and self.log_mode == "IMMUTABLE":
            _log.warning(
                "a table with log_mode='IMMUTABLE' changes after it was logged: logging it again "
                "logs what it was; log_mode='MUTABLE' logs the change"
            )
