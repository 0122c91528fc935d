"""Types and tables from the JSON of an artifact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.errors import ProtocolError
from asyncwb.media.overlays import Classes
from asyncwb.media.tables.celltypes import (
    ANY,
    INVALID,
    TIMESTAMP,
    UNKNOWN,
    CellType,
    ConstType,
    ListType,
    NDArrayType,
    PlainType,
    PythonObjectType,
    TypedDictType,
    UnionType,
)
from asyncwb.media.tables.objecttypes import (
    ClassesIdType,
    ForeignIndexType,
    ForeignKeyType,
    ImageType,
    PrimaryKeyType,
    TableType,
)
from asyncwb.media.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.media.base import Media
    from asyncwb.media.stored import Shelf

__all__ = ["table_of", "type_from"]

# Names that older releases wrote.
_OLD_NAMES = {
    "object": "pythonObject",
    "dictionary": "typedDict",
    "wandb.Table": "table",
    "wandb.Image": "image-file",
    "wandb.Classes_id": "classesId",
    "wandb.TablePrimaryKey": "primaryKey",
    "wandb.TableForeignKey": "foreignKey",
    "wandb.TableForeignIndex": "foreignIndex",
}
_FIXED: dict[str, CellType] = {"any": ANY, "unknown": UNKNOWN, "invalid": INVALID}


def type_from(found: dict[str, Any], shelf: Shelf) -> CellType:
    """A type from its JSON.

    Raises:
        ProtocolError: It is none.
    """
    label: Any = found.get("wb_type")
    if not isinstance(label, str):
        raise ProtocolError(f"the type of a column has no name: {found!r}")
    label = _OLD_NAMES.get(label, label)
    params = cast("dict[str, Any]", found.get("params") or {})

    def inner(name: str) -> CellType:
        one: Any = params.get(name)
        return type_from(one, shelf) if isinstance(one, dict) else UNKNOWN  # pyright: ignore[reportUnknownArgumentType]

    match label:
        case "union":
            return UnionType(type_from(one, shelf) for one in params.get("allowed_types", ()))
        case "list":
            return ListType(inner("element_type"), params.get("length"))
        case "ndarray":
            return NDArrayType(params.get("shape", ()), params.get("serialization_path"))
        case "typedDict":
            types = cast("dict[str, Any]", params.get("type_map", {}))
            return TypedDictType({key: type_from(one, shelf) for key, one in types.items()})
        case "const":
            return ConstType(params.get("val"), bool(params.get("is_set")))
        case "pythonObject":
            return PythonObjectType(str(params.get("class_name")))
        case "image-file":
            return _image_type(params)
        case "table":
            return TableType(inner("column_types"))
        case "classesId":
            return _classes_type(params, shelf)
        case "primaryKey":
            return PrimaryKeyType()
        case "foreignKey":
            return ForeignKeyType(_linked(params, shelf), str(params.get("col_name")))
        case "foreignIndex":
            return ForeignIndexType(_linked(params, shelf))
        case _:
            return _FIXED.get(label) or PlainType(label)


def _image_type(params: dict[str, Any]) -> ImageType:
    layers: dict[str, Any] = {}
    for name, one in params.items():
        value: Any = one.get("params", {}).get("val") or {}
        if name.endswith("_layers"):
            value = {key: set(ids) for key, ids in value.items()}
        layers[name] = set(value) if name == "box_score_keys" else value
    return ImageType(layers)


def _classes_type(params: dict[str, Any], shelf: Shelf) -> ClassesIdType:
    told: Any = params.get("classes_obj") or {}
    classes = shelf.object(told["path"]) if "path" in told else Classes(told.get("class_set", ()))
    if not isinstance(classes, Classes):
        raise ProtocolError("the classes of a column are not in the artifact")
    return ClassesIdType(classes)


def _linked(params: dict[str, Any], shelf: Shelf) -> Table:
    table = shelf.object(str(params.get("table")))
    if not isinstance(table, Table):
        raise ProtocolError("the table that a column refers to is not in the artifact")
    return table


def table_of(
    found: dict[str, Any], shelf: Shelf, media_of: Callable[[dict[str, Any]], Media | None]
) -> Table:
    """A table from its JSON. Blocks for the files of its cells.

    Args:
        found: The JSON.
        shelf: The version that it is in.
        media_of: Makes a value of the JSON of a cell; None: it is none.

    Raises:
        ProtocolError: It is no table.
    """
    columns: list[Any] = found.get("columns", [])
    mode: Any = found.get("log_mode") or "IMMUTABLE"
    rows = _increments(shelf) if mode == "INCREMENTAL" else found.get("data", [])
    told: Any = found.get("column_types")
    types: dict[str, CellType] = {}
    if told is not None:
        kind = type_from(told, shelf)
        types = (
            {str(key): one for key, one in kind.type_map.items()}
            if isinstance(kind, TypedDictType)
            else {}
        )
    readers = [_reader(types.get(str(name)), shelf, media_of) for name in columns]
    data = [
        [
            cell if read is None else read(number, cell)
            for cell, read in zip(row, readers, strict=True)
        ]
        for number, row in enumerate(rows)
    ]
    made = Table(columns=columns, log_mode=mode)
    made.restore(data, {name: types.get(str(name)) for name in columns})
    return made


def _reader(
    kind: CellType | None, shelf: Shelf, media_of: Callable[[dict[str, Any]], Media | None]
) -> Callable[[int, Any], Any] | None:
    """What makes a cell of a column of its JSON; None: it is the JSON."""
    parts = kind.allowed if isinstance(kind, UnionType) else [kind]
    labels = {one.label for one in parts if one is not None}
    stored = next((one.stored for one in parts if isinstance(one, NDArrayType)), None)
    if stored is not None:
        array = _array(shelf, stored["path"], stored["key"])
        return lambda number, _: array[number]
    if TIMESTAMP.label in labels:
        return lambda _, cell: _time(cell)
    if labels and labels <= {"number", "string", "boolean", "none"}:
        return None

    def read(_: int, cell: object) -> object:
        found = media_of(cast("dict[str, Any]", cell)) if _is_media(cell) else None
        return cell if found is None else found

    return read


def _is_media(cell: object) -> bool:
    return isinstance(cell, dict) and "_type" in cell


def _array(shelf: Shelf, path: str, key: str) -> Any:
    import numpy as np

    try:
        with np.load(shelf.file(path), allow_pickle=False) as found:
            return found[key]
    except (OSError, ValueError, KeyError) as exc:
        raise ProtocolError(f"{path!r} holds no column {key!r}: {exc}", exc=exc) from exc


def _time(cell: Any) -> Any:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return datetime.fromtimestamp(cell / 1000, tz=UTC)
    return cell


def _increments(shelf: Shelf) -> list[list[Any]]:
    """The rows of all increments, in the order of their numbers."""
    paths = [path for path in shelf.below("") if path.endswith(".table.json")]
    rows: list[list[Any]] = []
    for path in sorted(paths, key=_number):
        one = cast("dict[str, Any]", jsonx.decode(shelf.file(path).read_bytes()))
        rows += one.get("data", [])
    return rows


def _number(path: str) -> tuple[int, int]:
    """Number and time of an increment; the first one is called `None`."""
    number, _, at = path.partition(".")[0].partition("-")
    return (int(number) if number.isdigit() else -1, int(at) if at.isdigit() else 0)
