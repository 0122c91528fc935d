"""The filter language and the orders of run listings, over runs of this machine."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from asyncwb import jsonx
from asyncwb.api.local.lookup import MISSING, look_up
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asyncwb.api.local.node import LocalNode

__all__ = ["matches", "ordered"]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le,
}  # fmt: skip
_TIMES = frozenset({"createdat", "heartbeatat", "updatedat"})
_FIELDS: dict[str, Callable[[LocalNode], Any]] = {
    "name": lambda node: node.name,
    "displayname": lambda node: node.display_name,
    "state": lambda node: node.state,
    "createdat": lambda node: _seconds(node.created_at),
    "heartbeatat": lambda node: _seconds(node.heartbeat_at),
    "updatedat": lambda node: _seconds(node.heartbeat_at),
    "group": lambda node: node.group,
    "groupname": lambda node: node.group,
    "jobtype": lambda node: node.job_type,
    "sweep": lambda node: node.sweep_name,
    "sweepname": lambda node: node.sweep_name,
    "notes": lambda node: node.notes,
    "commit": lambda node: node.commit,
    "project": lambda node: node.project,
    "username": lambda node: node.user.username if node.user is not None else None,
    "tags": lambda node: node.tags or [],
    "historylinecount": lambda node: node.history_line_count,
}


def matches(node: LocalNode, tree: Any) -> bool:
    """Whether a run fits a MongoDB-style filter.

    Raises:
        InvalidValueError: The filter is malformed, or names an unknown key or operator.
    """
    if not isinstance(tree, dict):
        raise InvalidValueError(f"a filter must be a dict, not {tree!r:.100}")
    # Every member is looked at: a wrong one is told of whatever the others say.
    return _every([_member(node, k, v) for k, v in cast("dict[str, Any]", tree).items()])


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _every(conditions: list[bool]) -> bool:
    return all(conditions)


def _some(conditions: list[bool]) -> bool:
    return any(conditions)


def _member(node: LocalNode, key: str, value: Any) -> bool:
    match key:
        case "$and":
            return _every([matches(node, tree) for tree in _list(key, value) if tree is not None])
        case "$or":
            return _some([matches(node, tree) for tree in _list(key, value) if tree is not None])
        case "$nor":
            return not _some([matches(node, t) for t in _list(key, value) if t is not None])
        case "$not":
            return not matches(node, value)
        case _ if key.startswith("$"):
            raise InvalidValueError(f"unknown filter operator {key!r}")
        case _:
            return _field(_value(node, key), value, time=_is_time(key))


def _field(found: Any, wanted: Any, *, time: bool) -> bool:
    members = cast("dict[str, Any]", wanted) if isinstance(wanted, dict) else None
    if members is None or not any(name.startswith("$") for name in members):
        return _equals(found, wanted, time=time)
    return _every([_holds(found, name, value, time=time) for name, value in members.items()])


def _holds(found: Any, name: str, wanted: Any, *, time: bool) -> bool:
    match name:
        case "$eq":
            return _equals(found, wanted, time=time)
        case "$ne":
            return not _equals(found, wanted, time=time)
        case "$in":
            return _some([_equals(found, value, time=time) for value in _list(name, wanted)])
        case "$nin":
            return not _some([_equals(found, value, time=time) for value in _list(name, wanted)])
        case "$exists":
            there = found is not MISSING and found is not None and found != []
            return there is bool(wanted)
        case "$regex":
            return any(_pattern(wanted).search(text) for text in _texts(found))
        case "$contains" if isinstance(found, str):
            return isinstance(wanted, str) and wanted in found
        case "$contains":
            values = found if _is_list(found) else []
            return any(_same(value, wanted) for value in values)
        case "$not":
            return not _field(found, wanted, time=time)
        case _ if name in _COMPARE:
            wanted = _seconds(wanted) if time and isinstance(wanted, str) else wanted
            alike = _kind(found) == _kind(wanted) and _kind(found) in ("number", "str")
            return alike and _COMPARE[name](found, wanted)
        case _:
            raise InvalidValueError(f"unknown filter operator {name!r}")


def _equals(found: Any, wanted: Any, *, time: bool) -> bool:
    if _is_list(found) and not isinstance(wanted, list):
        return not found if wanted is None else any(_same(tag, wanted) for tag in found)
    if wanted is None:
        return found is MISSING or found is None
    if time and isinstance(wanted, str):
        wanted = _seconds(wanted)
    return _same(found, wanted)


def _same(found: Any, wanted: Any) -> bool:
    return _kind(found) == _kind(wanted) and found == wanted


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _texts(found: Any) -> list[str]:
    values = found if _is_list(found) else [found]
    return [value for value in values if isinstance(value, str)]


def _pattern(text: Any) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, TypeError) as exc:
        raise InvalidValueError(f"{text!r} is no regular expression: {exc}", exc=exc) from exc


def _list(name: str, value: Any) -> list[Any]:
    if not _is_list(value):
        raise InvalidValueError(f"{name} takes a list")
    return value


def _is_time(key: str) -> bool:
    return key.replace("_", "").lower() in _TIMES


def _value(node: LocalNode, key: str) -> Any:
    """What a run has under a key of the filter language."""
    head, _, rest = key.partition(".")
    if head == "config" and rest:
        wrapped = _object(node.config)
        config = {
            name: cast("dict[str, Any]", item).get("value") if isinstance(item, dict) else item
            for name, item in wrapped.items()
        }
        found = look_up(config, rest)
        return look_up(config, rest.removesuffix(".value")) if found is MISSING else found
    if head in ("summary_metrics", "summaryMetrics") and rest:
        return look_up(_object(node.summary_metrics), rest)
    field = _FIELDS.get(key.replace("_", "").lower())
    if field is None:
        raise InvalidValueError(
            f"unknown key {key!r} in a filter or an order of local runs; known are config.<key>, "
            f"summary_metrics.<key>, {', '.join(sorted(_FIELDS))}"
        )
    return field(node)


def _object(text: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", jsonx.decode(text)) if isinstance(text, str) else {}


def _seconds(text: Any) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidValueError(f"{text!r} is no time: write 2026-01-31T12:00:00", exc=exc) from exc
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def ordered(nodes: Iterable[LocalNode], order: str) -> list[LocalNode]:
    """Runs in the order of a text `[+|-]key`; those without the key come last.

    Raises:
        InvalidValueError: The key is unknown.
    """
    text = order.strip() or "+created_at"
    key = text.lstrip("+-")
    keyed = [(_value(node, key), node) for node in nodes]
    there = [pair for pair in keyed if pair[0] is not MISSING and pair[0] is not None]
    missing = [node for value, node in keyed if value is MISSING or value is None]
    there.sort(key=lambda pair: _sortable(pair[0]), reverse=text[0] == "-")
    return [node for _, node in there] + missing


def _sortable(value: Any) -> tuple[int, Any]:
    """Numbers before texts before everything else."""
    if isinstance(value, int | float):
        return (0, value)
    return (1, value) if isinstance(value, str) else (2, jsonx.encode(value))
