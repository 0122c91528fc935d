"""What registries, their collections and their versions can be filtered and ordered by.

Servers search versions in one of two ways, with names of their own for the same fields; every
name that either has is taken, and sent as the server's way calls it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

from asyncwb import jsonx
from asyncwb.artifacts.names import REGISTRY_PREFIX
from asyncwb.errors import InvalidValueError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Kind", "Names", "check_order", "checked", "names_of", "of_registry", "sent"]

Kind: TypeAlias = Literal["registry", "collection", "version"]
Names: TypeAlias = "Mapping[str, str]"

_ORDER = re.compile(r"([+-]?)([A-Za-z_]+)")
_LISTS = frozenset({"$and", "$or", "$nor"})


class _Searches(NamedTuple):
    """The fields of a kind in the two ways to search, with the name that is sent."""

    basic: Names
    advanced: Names


def _named(**fields: str) -> dict[str, str]:
    """Field names, and further names of each, to the first one."""
    return {name: field for field, others in fields.items() for name in (field, *others.split())}


_FIELDS: Mapping[Kind, _Searches] = {
    "registry": _Searches(
        _named(id="", name="", entity_id="", description="", created_at="", updated_at=""),
        _named(project_id="id", name="", entity_id=""),
    ),
    "collection": _Searches(
        _named(
            artifact_collection_id="collection_id id",
            name="",
            tag="",
            description="",
            created_at="",
            updated_at="",
        ),
        _named(
            artifact_collection_id="collection_id id",
            name="collection_name artifact_collection_name",
            tag="tags",
        ),
    ),
    "version": _Searches(
        _named(id="", version="", tag="", alias="", metadata="", created_at="", updated_at=""),
        _named(
            artifact_id="id",
            version="version_index",
            tag="tags",
            alias="aliases",
            metadata="artifact_metadata",
            artifact_created_at="created_at",
            artifact_size="",
            acm_created_at="linked_at",
        ),
    ),
}
_ORDERS: Mapping[Kind, Names] = {
    "registry": _named(name="", created_at="", updated_at=""),
    "collection": _named(name="", created_at="", updated_at=""),
    "version": _named(
        artifact_created_at="created_at", artifact_size="", acm_created_at="linked_at"
    ),
}


def names_of(kind: Kind, *, advanced: bool = False) -> Names:
    """The fields of a kind, to the names that are sent."""
    return _FIELDS[kind].advanced if advanced else _FIELDS[kind].basic


def checked(
    filters: Mapping[str, Any] | None, kind: Kind, *, searched: bool = False
) -> dict[str, Any] | None:
    """Check the fields of a filter; returns a copy.

    Args:
        filters: MongoDB-style filter.
        kind: Of what.
        searched: Whether versions are searched by it, so that names of both ways are known.

    Raises:
        InvalidValueError: It names an unknown field, one field twice, or is no filter.
    """
    if filters is None:
        return None
    known = dict(names_of(kind))
    if searched:
        known |= names_of(kind, advanced=True)
    _rename(filters, kind, known)
    return dict(filters)


def sent(filters: Mapping[str, Any] | None, kind: Kind, *, advanced: bool = False) -> str | None:
    """A checked filter as the server's way to search has it, as JSON text.

    Raises:
        UnsupportedError: The server cannot search by one of the fields.
    """
    if filters is None:
        return None
    names = names_of(kind, advanced=advanced)
    try:
        return jsonx.encode(_rename(filters, kind, names)).decode()
    except InvalidValueError as exc:
        raise UnsupportedError(f"this server cannot search so: {exc}", exc=exc) from exc


def of_registry(internal_id: str | None, full_name: str) -> dict[str, Any]:
    """The filter for one registry: by its number where it is known, else by its name."""
    try:
        kind, _, number = base64.b64decode(internal_id or "").decode().partition(":")
        if kind in {"ProjectInternalId", "Project"}:
            return {"id": int(number)}
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    return {"name": full_name}


def check_order(order: str | None, kind: Kind) -> str | None:
    """An order text with its sign, ascending where there is none.

    Raises:
        InvalidValueError: It is no order, or the field is unknown.
    """
    if order is None:
        return None
    found = _ORDER.fullmatch(order)
    names = _ORDERS[kind]
    if found is None or found[2] not in names:
        raise InvalidValueError(
            f"the order is + or - and one of {', '.join(sorted(names))}, got {order!r}"
        )
    return f"{found[1] or '+'}{names[found[2]]}"


def _rename(filters: Mapping[str, Any], kind: Kind, names: Names) -> dict[str, Any]:
    if not _is_object(filters):
        raise InvalidValueError(f"a filter is a mapping, got {filters!r:.100}")
    found: dict[str, Any] = {}
    for key, value in filters.items():
        name, renamed = _member(key, value, kind, names)
        if name in found:
            raise InvalidValueError(f"the filter names {name!r} twice; put them into an $and")
        found[name] = renamed
    return found


def _member(key: str, value: Any, kind: Kind, names: Names) -> tuple[str, Any]:
    if key in _LISTS:
        if not isinstance(value, list | tuple):
            raise InvalidValueError(f"{key} takes a list of filters, got {value!r:.100}")
        return key, [_rename(one, kind, names) for one in cast("list[Any]", value)]
    if key == "$not":
        return key, _rename(value, kind, names)
    head, dot, rest = key.partition(".")
    if head not in names:
        what = {"registry": "registries", "collection": "collections", "version": "versions"}
        raise InvalidValueError(
            f"{what[kind]} cannot be filtered by {key!r}, only by {', '.join(sorted(names))}"
        )
    if kind == "registry" and head == "name":
        value = _prefixed(value)
    return f"{names[head]}{dot}{rest}", value


def _prefixed(value: Any) -> Any:
    """Names of registries as those of their projects; patterns are left alone."""
    if isinstance(value, str):
        return value if value.startswith(REGISTRY_PREFIX) else REGISTRY_PREFIX + value
    if _is_object(value):
        return {
            operator: inner if operator == "$regex" else _prefixed(inner)
            for operator, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_prefixed(one) for one in cast("list[Any]", value)]
    return value


def _is_object(value: Any) -> bool:
    from collections.abc import Mapping as Mappings

    return isinstance(value, Mappings)
