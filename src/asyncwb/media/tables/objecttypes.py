"""Types of columns that hold images, tables, links to other tables, or ids of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.errors import InvalidValueError
from asyncwb.media.overlays import Classes
from asyncwb.media.tables.celltypes import (
    INVALID,
    NUMBER,
    STRING,
    UNKNOWN,
    CellType,
    ConstType,
    PlainType,
    TypedDictType,
    UnionType,
)
from asyncwb.media.tables.keys import TableIndex, TableKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.media.image import Image
    from asyncwb.media.stored import ObjectPlace
    from asyncwb.media.tables.table import Table

__all__ = [
    "ClassesIdType",
    "ForeignIndexType",
    "ForeignKeyType",
    "ImageType",
    "PrimaryKeyType",
    "TableType",
    "type_of_class",
    "type_of_object",
]

_LAYERS = (
    "box_layers", "box_score_keys", "mask_layers", "box_class_maps", "mask_class_maps", "class_map",
)  # fmt: skip


class ImageType(CellType):
    """Images, with the boxes, masks and classes that they have among them.

    Args:
        layers: `box_layers` and `mask_layers`: names to class ids; `box_class_maps` and
            `mask_class_maps`: names to class ids and names; `box_score_keys`; `class_map`.
    """

    name = "image-file"

    def __init__(self, layers: Mapping[str, Any] | None = None) -> None:
        given = layers or {}
        self.layers: dict[str, Any] = {
            name: given.get(name) or (set[str]() if name == "box_score_keys" else {})
            for name in _LAYERS
        }

    @classmethod
    def of(cls, image: Image) -> ImageType:
        """The type of one image."""
        boxes, masks = image.boxes, image.masks
        classes = {} if image.classes is None else image.classes.labels
        return cls(
            {
                "box_layers": {key: set(one.class_labels) for key, one in boxes.items()},
                "box_score_keys": {
                    key
                    for one in boxes.values()
                    for box in one.boxes
                    for key in box.get("scores", {})
                },
                "box_class_maps": {key: _texts(one.class_labels) for key, one in boxes.items()},
                "mask_layers": {key: set(one.class_labels or {}) for key, one in masks.items()},
                "mask_class_maps": {
                    key: _texts(one.class_labels)
                    for key, one in masks.items()
                    if one.class_labels is not None
                },
                "class_map": _texts(classes),
            }
        )

    def params(self) -> dict[str, Any]:
        """What is in the images."""
        return {name: ConstType(value) for name, value in self.layers.items()}

    def takes_type(self, other: CellType) -> CellType:
        """A type with the boxes, masks and classes of both."""
        if not isinstance(other, ImageType):
            return INVALID
        found: dict[str, Any] = {}
        for name, mine in self.layers.items():
            theirs = other.layers[name]
            if name == "box_score_keys":
                found[name] = mine | theirs
            elif name == "class_map":
                found[name] = {**theirs, **mine}
            elif name.endswith("_layers"):
                found[name] = {
                    key: mine.get(key, set[Any]()) | theirs.get(key, set[Any]())
                    for key in {**mine, **theirs}
                }
            else:
                found[name] = {
                    key: {**theirs.get(key, {}), **mine.get(key, {})} for key in {**mine, **theirs}
                }
        return ImageType(found)


def _texts(labels: Mapping[Any, str] | None) -> dict[str, str]:
    return {str(number): label for number, label in (labels or {}).items()}


class ClassesIdType(CellType):
    """Ids of classes: a column of labels.

    Args:
        classes: The classes.
    """

    name = "classesId"

    def __init__(self, classes: Classes) -> None:
        self.classes = classes
        self._ids = UnionType(ConstType(one["id"]) for one in classes.class_set)

    @property
    def looks(self) -> bool:
        """True: it is about values."""
        return True

    def params(self) -> dict[str, Any]:
        """The ids."""
        return {"valid_ids": self._ids}

    def takes(self, value: object) -> CellType:
        """The type itself, of an id."""
        return self.takes_type(ConstType(value))

    def takes_type(self, other: CellType) -> CellType:
        """The type itself, of an id."""
        return self if self == other or self._ids.takes_type(other) is not INVALID else INVALID

    def to_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Describe it; the classes become a file of the artifact."""
        found = super().to_json(place)
        stored = place.put(self.classes, "media/cls")
        found["params"]["classes_obj"] = {
            "type": "classes-file",
            "path": stored.path,
            "digest": stored.digest,
        }
        return found


class TableType(CellType):
    """Tables in cells.

    Args:
        columns: Types of their columns.
    """

    name = "table"

    def __init__(self, columns: CellType = UNKNOWN) -> None:
        self.columns = columns

    def params(self) -> dict[str, Any]:
        """Types of their columns."""
        return {"column_types": self.columns}

    def takes_type(self, other: CellType) -> CellType:
        """A type for the columns of both."""
        if not isinstance(other, TableType):
            return INVALID
        columns = self.columns.takes_type(other.columns)
        return INVALID if columns is INVALID else TableType(columns)


class PrimaryKeyType(PlainType):
    """Texts by which other tables refer to a row."""

    def __init__(self) -> None:
        super().__init__("primaryKey")

    def takes_type(self, other: CellType) -> CellType:
        """The type itself, of texts."""
        return self if other in (STRING, self) or isinstance(other, ForeignKeyType) else INVALID


class _LinkType(CellType):
    """What refers to another table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def to_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Describe it; the other table goes into the artifact."""
        import secrets

        stored = place.put(self.table, f"media/tables/t_{secrets.token_hex(4)}")
        params = {**self.params(), "table": stored.path}
        return {"wb_type": self.name, "params": params}

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _LinkType)
            and self.name == other.name
            and self.table.origin_table is other.table.origin_table
            and self.params() == other.params()
        )

    __hash__ = None


class ForeignKeyType(_LinkType):
    """Primary keys of another table.

    Args:
        table: That table.
        column: Its column.
    """

    name = "foreignKey"

    def __init__(self, table: Table, column: str) -> None:
        if column not in table.columns:
            raise InvalidValueError(f"the other table has no column {column!r}: {table.columns}")
        super().__init__(table)
        self.column = column

    def params(self) -> dict[str, Any]:
        """The column."""
        return {"col_name": self.column}

    def takes_type(self, other: CellType) -> CellType:
        """The type itself, of texts."""
        return self if other in (STRING, self) else INVALID


class ForeignIndexType(_LinkType):
    """Numbers of rows of another table.

    Args:
        table: That table.
    """

    name = "foreignIndex"

    def takes_type(self, other: CellType) -> CellType:
        """The type itself, of numbers."""
        return self if other in (NUMBER, self) else INVALID


def type_of_object(value: object) -> CellType | None:
    """The type of a cell with an image, a table or a link; None of anything else."""
    from asyncwb.media.image import Image
    from asyncwb.media.tables.table import Table

    if isinstance(value, TableKey):
        return ForeignKeyType(value.table, value.column)
    if isinstance(value, TableIndex):
        return ForeignIndexType(value.table)
    if isinstance(value, Image):
        return ImageType.of(value)
    if isinstance(value, Classes):
        return ClassesIdType(value)
    if isinstance(value, Table):
        return TableType(TypedDictType(value.column_types))
    return None


def type_of_class(kind: type) -> CellType | None:
    """The type that a class of media stands for; None of others."""
    from asyncwb.media.image import Image
    from asyncwb.media.tables.table import Table

    if issubclass(kind, Image):
        return ImageType()
    return TableType() if issubclass(kind, Table) else None
