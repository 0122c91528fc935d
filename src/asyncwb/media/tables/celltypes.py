"""Types of columns: what a cell may be, and the JSON that says so.

A type is a value: taking in another cell gives a type again, the same or a wider one, or `INVALID`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncwb.media.stored import ObjectPlace

__all__ = [
    "ANY",
    "BOOLEAN",
    "INVALID",
    "NONE",
    "NUMBER",
    "STRING",
    "TIMESTAMP",
    "UNKNOWN",
    "CellType",
    "ConstType",
    "ListType",
    "NDArrayType",
    "PlainType",
    "PythonObjectType",
    "TypedDictType",
    "UnionType",
    "optional",
]


class CellType:
    """What a cell may be."""

    name: ClassVar[str] = ""

    @property
    def looks(self) -> bool:
        """Whether a cell's type alone does not tell if it fits."""
        return False

    def params(self) -> dict[str, Any]:
        """What says more than the name: types, and values of JSON."""
        return {}

    def takes_type(self, other: CellType) -> CellType:
        """The type that also holds cells of another one; `INVALID` where it cannot."""
        return self if self == other else INVALID

    def takes(self, value: object) -> CellType:
        """The type that also holds this cell; `INVALID` where it cannot."""
        from asyncwb.media.tables.inference import type_of

        return self.takes_type(type_of(value))

    def to_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Describe it.

        Args:
            place: The artifact of the table; tables and classes that types refer to go there.
        """
        found: dict[str, Any] = {"wb_type": self.label}
        if params := self.params():
            found["params"] = _json_of(params, place)
        return found

    @property
    def label(self) -> str:
        """Its name in JSON."""
        return self.name

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CellType)
            and self.label == other.label
            and self.params() == other.params()
        )

    __hash__ = None  # type: ignore[assignment]  # params hold dicts

    def __repr__(self) -> str:
        # Alternatives are ordered by this text, in JSON too.
        params = ", ".join(f"{key}:{value}" for key, value in self.params().items())
        label = self.label.capitalize()
        return f"{label}({params})" if params else label


def _json_of(value: Any, place: ObjectPlace) -> Any:
    if isinstance(value, CellType):
        return value.to_json(place)
    if isinstance(value, dict):
        items = cast("dict[object, Any]", value).items()
        return {key: _json_of(item, place) for key, item in items}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_json_of(item, place) for item in cast("Iterable[Any]", value)]
    return value


class PlainType(CellType):
    """A type that is no more than its name.

    Args:
        label: The name.
    """

    def __init__(self, label: str) -> None:
        self._label = label

    @property
    def label(self) -> str:
        """Its name in JSON."""
        return self._label


class _AnyType(PlainType):
    def takes_type(self, other: CellType) -> CellType:
        return INVALID if other in (NONE, INVALID) else self


class _UnknownType(PlainType):
    def takes_type(self, other: CellType) -> CellType:
        return INVALID if other == NONE else other


class _InvalidType(PlainType):
    def takes_type(self, other: CellType) -> CellType:
        return self


INVALID: Final = _InvalidType("invalid")
"""What nothing fits."""
ANY: Final = _AnyType("any")
UNKNOWN: Final = _UnknownType("unknown")
"""What becomes the type of the first cell."""
NONE: Final = PlainType("none")
STRING: Final = PlainType("string")
NUMBER: Final = PlainType("number")
BOOLEAN: Final = PlainType("boolean")
TIMESTAMP: Final = PlainType("timestamp")


class PythonObjectType(CellType):
    """Objects of a class that is no type of its own.

    Args:
        class_name: Name of the class.
    """

    name = "pythonObject"

    def __init__(self, class_name: str) -> None:
        self._class_name = class_name

    def params(self) -> dict[str, Any]:
        """The name of the class."""
        return {"class_name": self._class_name}


class ConstType(CellType):
    """One value.

    Args:
        val: The value.
        is_set: Whether it is a set.
    """

    name = "const"

    def __init__(self, val: Any = None, is_set: bool = False) -> None:
        self.is_set = is_set or isinstance(val, set)
        self.val: Any = set(cast("Iterable[Any]", val)) if self.is_set else val

    @property
    def looks(self) -> bool:
        """True: it is about values."""
        return True

    def params(self) -> dict[str, Any]:
        """The value."""
        return {"val": self.val, "is_set": self.is_set}

    def takes(self, value: object) -> CellType:
        """The type itself, of the same value."""
        return self.takes_type(ConstType(value))

    def __repr__(self) -> str:
        return str(self.val)


class UnionType(CellType):
    """One of several types.

    Args:
        allowed: The types.
    """

    name = "union"

    def __init__(self, allowed: Iterable[CellType] = ()) -> None:
        self.allowed = sorted(_flat(allowed), key=str)

    @property
    def looks(self) -> bool:
        """Whether one of them does."""
        return any(one.looks for one in self.allowed)

    def params(self) -> dict[str, Any]:
        """The types."""
        return {"allowed_types": self.allowed}

    def takes(self, value: object) -> CellType:
        """The same types, the one that fits widened."""
        found = _with(self.allowed, lambda one: one.takes(value))
        return INVALID if found is None else UnionType(found)

    def takes_type(self, other: CellType) -> CellType:
        """The same types, those that fit widened."""
        allowed: Sequence[CellType] = self.allowed
        for one in other.allowed if isinstance(other, UnionType) else (other,):
            found = _with(allowed, methodcaller("takes_type", one))
            if found is None:
                return INVALID
            allowed = found
        return UnionType(allowed)

    def __repr__(self) -> str:
        return " or ".join(map(str, self.allowed))


def _flat(types: Iterable[CellType]) -> list[CellType]:
    found: list[CellType] = []
    for one in types:
        found += _flat(one.allowed) if isinstance(one, UnionType) else [one]
    return found


def _with(
    allowed: Sequence[CellType], widen: Callable[[CellType], CellType]
) -> list[CellType] | None:
    """Alternatives with the first that fits widened; an unknown one comes last."""
    order = sorted(range(len(allowed)), key=lambda at: allowed[at] == UNKNOWN)
    for at in order:
        wider = widen(allowed[at])
        if wider is not INVALID:
            return [*allowed[:at], wider, *allowed[at + 1 :]]
    return None


def optional(kind: CellType) -> CellType:
    """A type, or None."""
    return UnionType([kind, NONE])


class ListType(CellType):
    """A list whose elements have one type.

    Args:
        element: The type.
        length: How many they are; None: any number.
    """

    name = "list"

    def __init__(self, element: CellType = UNKNOWN, length: int | None = None) -> None:
        self.element = element
        self.length = length

    @classmethod
    def of(cls, items: Sequence[Any]) -> ListType:
        """The type of a list; elements that do not belong together are `INVALID`."""
        from asyncwb.media.tables.inference import widened

        some: CellType = UNKNOWN
        if any(item is None for item in items):
            some = optional(some)
        return cls(widened(some, items), len(items))

    def params(self) -> dict[str, Any]:
        """Type of the elements, and how many they are."""
        return {"element_type": self.element, "length": self.length}

    def takes(self, value: object) -> CellType:
        """A list type for these elements too."""
        from asyncwb.media.tables.inference import widened

        if not isinstance(value, Iterable) or isinstance(value, str):
            return INVALID
        items = list(cast("Iterable[object]", value))
        element = widened(self.element, items)
        return INVALID if element is INVALID else ListType(element, len(items))

    def takes_type(self, other: CellType) -> CellType:
        """A list type for both."""
        if not isinstance(other, ListType):
            return INVALID
        element = self.element.takes_type(other.element)
        if element is INVALID:
            return INVALID
        return ListType(element, self.length if self.length == other.length else None)

    def __repr__(self) -> str:
        return f"{self.element}[]"


class NDArrayType(CellType):
    """Arrays of one shape.

    Args:
        shape: The shape.
        stored: Where the arrays of a column lie in an artifact: `path` and `key`.
    """

    name = "ndarray"

    def __init__(self, shape: Sequence[int], stored: Mapping[str, str] | None = None) -> None:
        self.shape = list(shape)
        self.stored = stored

    def params(self) -> dict[str, Any]:
        """The shape."""
        return {"shape": self.shape}

    def takes_type(self, other: CellType) -> CellType:
        """The type itself, of the same shape and of lists."""
        return self if isinstance(other, ListType) or self == other else INVALID

    def takes(self, value: object) -> CellType:
        """The type itself, of the same shape."""
        if isinstance(value, list):
            shape, inner = list[int](), cast("Any", value)
            while isinstance(inner, list):
                items = cast("list[object]", cast("object", inner))
                shape.append(len(items))
                inner = items[0] if items else None
            return self.takes_type(NDArrayType(shape))
        if type(value).__module__ == "numpy" and hasattr(value, "shape"):
            return self.takes_type(NDArrayType(cast("Any", value).shape))
        return INVALID

    def to_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Describe it, with where the arrays lie."""
        del place
        return {
            "wb_type": self.name,
            "params": {"shape": self.shape, "serialization_path": self.stored},
        }


class TypedDictType(CellType):
    """A dict with a type for each key.

    Args:
        type_map: Keys to types.
    """

    name = "typedDict"

    def __init__(self, type_map: Mapping[Any, CellType] | None = None) -> None:
        self.type_map: dict[Any, CellType] = dict(type_map or {})

    def params(self) -> dict[str, Any]:
        """Keys and types."""
        return {"type_map": self.type_map}

    def takes(self, value: object) -> CellType:
        """A type for this dict too; keys it lacks count as None."""
        if not isinstance(value, dict):
            return INVALID
        given = cast("dict[object, Any]", value)
        return self._merged(given, lambda kind, key: kind.takes(given.get(key)))

    def takes_type(self, other: CellType) -> CellType:
        """A type for both."""
        if not isinstance(other, TypedDictType):
            return INVALID
        theirs = other.type_map
        return self._merged(theirs, lambda kind, key: kind.takes_type(theirs.get(key, UNKNOWN)))

    def _merged(
        self, given: Mapping[Any, Any], widen: Callable[[CellType, Any], CellType]
    ) -> CellType:
        if given.keys() - self.type_map.keys():
            return INVALID
        found = {key: widen(kind, key) for key, kind in self.type_map.items()}
        return INVALID if any(one is INVALID for one in found.values()) else TypedDictType(found)

    def __repr__(self) -> str:
        return str(self.type_map)
