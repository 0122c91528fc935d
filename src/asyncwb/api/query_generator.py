"""Filters and orders between the forms that the web app and the server use.

The app keeps a tree: `{"op": "OR", "filters": [{"op": "AND", "filters": [leaf, ...]}]}` with
leaves `{"key": {"section": ..., "name": ...}, "op": ..., "value": ...}`. The server takes
MongoDB-style dicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["PanelMetricsHelper", "QueryGenerator"]

_SECTIONS = {
    "config": "config.",
    "summary": "summary_metrics.",
    "keys_info": "keys_info.keys.",
    "tags": "tags.",
}
_COLUMNS = frozenset({"createdAt", "updatedAt", "name", "sweep"})
_PREFIXES = frozenset({"config", "summary_metrics", "tags"})


class QueryGenerator:
    """Translates filters and orders of the web app; sends nothing."""

    INDIVIDUAL_OP_TO_MONGO: ClassVar[dict[str, str]] = {
        "!=": "$ne",
        ">": "$gt",
        ">=": "$gte",
        "<": "$lt",
        "<=": "$lte",
        "IN": "$in",
        "NIN": "$nin",
        "REGEX": "$regex",
    }
    MONGO_TO_INDIVIDUAL_OP: ClassVar[dict[str, str]] = {
        mongo: op for op, mongo in INDIVIDUAL_OP_TO_MONGO.items()
    }
    GROUP_OP_TO_MONGO: ClassVar[dict[str, str]] = {"AND": "$and", "OR": "$or"}
    MONGO_TO_GROUP_OP: ClassVar[dict[str, str]] = {"$and": "AND", "$or": "OR"}

    @classmethod
    def format_order_key(cls, key: str) -> str | None:
        """An order for a metric or a key, descending unless the key begins with `+`.

        Returns:
            The order; None for the columns `createdAt`, `updatedAt`, `name` and `sweep`, which
            are orders themselves.

        Raises:
            InvalidValueError: There is no key.
        """
        sign, name = (key[0], key[1:]) if key[:1] in {"+", "-"} else ("-", key)
        if not name:
            raise InvalidValueError(f"order {key!r} names no key")
        head, dot, _ = name.partition(".")
        if not dot and head in _COLUMNS:
            return None
        known = bool(dot) and head in _PREFIXES
        return f"{sign}{name}" if known else f"{sign}summary_metrics.{name}"

    def key_to_server_path(self, key: Mapping[str, str]) -> str:
        """`{"section": ..., "name": ...}` as a key of the server.

        Raises:
            InvalidValueError: The section is unknown.
        """
        section = key.get("section")
        if section == "run":
            return key["name"]
        if section not in _SECTIONS:
            raise InvalidValueError(f"unknown section of a filter key: {dict(key)!r}")
        return _SECTIONS[section] + key["name"]

    def server_path_to_key(self, path: str) -> dict[str, str]:
        """A key of the server as `{"section": ..., "name": ...}`."""
        for section, prefix in _SECTIONS.items():
            if path.startswith(prefix):
                return {"section": section, "name": path.removeprefix(prefix)}
        return {"section": "run", "name": path}

    def keys_to_order(self, keys: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[str]:
        """`{"keys": [{"key": ..., "ascending": ...}]}` as order texts."""
        return [
            ("+" if item.get("ascending") else "-") + self.key_to_server_path(item["key"])
            for item in keys["keys"]
        ]

    def order_to_keys(self, order: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Order texts as `{"keys": [...]}`; every key counts as one of the run itself.

        Raises:
            InvalidValueError: An order begins with neither `+` nor `-`.
        """
        keys: list[dict[str, Any]] = []
        for text in order:
            if text[:1] not in {"+", "-"}:
                raise InvalidValueError(f"an order begins with + or -, not {text!r}")
            key = {"section": "run", "name": text[1:]}
            keys.append({"key": key, "ascending": text[0] == "+"})
        return {"keys": keys}

    def filter_to_mongo(self, filter: Mapping[str, Any]) -> dict[str, Any] | None:
        """A tree of the app as a filter of the server.

        Returns:
            The filter; None stands for leaves that are switched off or incomplete, also inside
            of groups, where the server skips it.

        Raises:
            InvalidValueError: An operator or section is unknown.
        """
        if filter.get("key") is not None:
            return self._leaf(filter)
        if filter.get("filters") is None:
            raise InvalidValueError(f"a filter has a key or filters: {dict(filter)!r}")
        group = self.GROUP_OP_TO_MONGO.get(filter.get("op", ""))
        if group is None:
            raise InvalidValueError(f"a group of filters is AND or OR, not {filter.get('op')!r}")
        return {group: [self.filter_to_mongo(inner) for inner in filter["filters"]]}

    def _leaf(self, filter: Mapping[str, Any]) -> dict[str, Any] | None:
        key, op, value = filter["key"], filter.get("op"), filter.get("value")
        if not key.get("name") or filter.get("disabled"):
            return None
        if value is None and op not in {"=", "!="}:
            return None
        if key.get("section") == "tags":
            tag = key["name"]
            if op == "IN":
                return {"tags": {"$in": value}}
            if value is False:
                return {"$or": [{"tags": None}, {"tags": {"$ne": tag}}]}
            return {"tags": tag}
        path = self.key_to_server_path(key)
        if op == "=":
            return {path: value}
        if op not in self.INDIVIDUAL_OP_TO_MONGO:
            raise InvalidValueError(f"unknown operator of a filter: {op!r}")
        return {path: {self.INDIVIDUAL_OP_TO_MONGO[op]: value}}

    def mongo_to_filter(self, filter: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A filter of the server as a tree of the app.

        Members of one dict, and operators of one key, become a group that all must fulfil.

        Raises:
            InvalidValueError: The app has no word for an operator.
        """
        if filter is None:
            return None
        leaves = [leaf for key, value in filter.items() for leaf in self._trees(key, value)]
        return leaves[0] if len(leaves) == 1 else {"op": "AND", "filters": leaves}

    def _trees(self, key: str, value: Any) -> list[dict[str, Any] | None]:
        if key in self.MONGO_TO_GROUP_OP:
            inner = [self.mongo_to_filter(one) for one in value]
            return [{"op": self.MONGO_TO_GROUP_OP[key], "filters": inner}]
        if key.startswith("$"):
            raise InvalidValueError(f"the app's filters have no operator {key}")
        place = self.server_path_to_key(key)
        if not isinstance(value, dict):
            return [{"key": place, "op": "=", "value": value}]
        leaves: list[dict[str, Any] | None] = []
        conditions = cast("dict[str, Any]", value)
        for mongo, operand in conditions.items():
            op = "=" if mongo == "$eq" else self.MONGO_TO_INDIVIDUAL_OP.get(mongo)
            if op is None:
                raise InvalidValueError(f"the app's filters have no operator {mongo}")
            leaves.append({"key": dict(place), "op": op, "value": operand})
        return leaves


class PanelMetricsHelper:
    """Names of metrics in the panels of reports, and their keys."""

    FRONTEND_NAME_MAPPING: ClassVar[dict[str, str]] = {
        "Step": "_step",
        "Relative Time (Wall)": "_absolute_runtime",
        "Relative Time (Process)": "_runtime",
        "Wall Time": "_timestamp",
    }
    FRONTEND_NAME_MAPPING_REVERSED: ClassVar[dict[str, str]] = {
        key: name for name, key in FRONTEND_NAME_MAPPING.items()
    }
    RUN_MAPPING: ClassVar[dict[str, str]] = {
        "Created Timestamp": "createdAt",
        "Latest Timestamp": "heartbeatAt",
    }
    RUN_MAPPING_REVERSED: ClassVar[dict[str, str]] = {
        key: name for name, key in RUN_MAPPING.items()
    }

    def front_to_back(self, name: str) -> str:
        """The key of a name in a panel."""
        return self.FRONTEND_NAME_MAPPING.get(name, name)

    def back_to_front(self, name: str) -> str:
        """The name of a key in a panel."""
        return self.FRONTEND_NAME_MAPPING_REVERSED.get(name, name)

    def special_front_to_back(self, name: str | None) -> str | None:
        """The key of a name in a scatter plot or parallel coordinates.

        `c::lr` is `config:lr.value`, `s::loss` and plain names are of the summary.
        """
        if name is None or name == "Index":
            return name
        if name.startswith("c::"):
            key, dot, rest = name[3:].partition(".")
            return f"config:{key}.value{dot}{rest}"
        if name.startswith("s::"):
            return f"summary:{name[3:]}"
        if name in self.RUN_MAPPING:
            return f"run:{self.RUN_MAPPING[name]}"
        return f"summary:{self.front_to_back(name)}"

    def special_back_to_front(self, name: str | None) -> str | None:
        """The name of a key in a scatter plot or parallel coordinates.

        Raises:
            InvalidValueError: The key is none of these plots.
        """
        if name is None:
            return None
        kind, colon, rest = name.partition(":")
        if kind == "config" and "." in rest:
            key, *inner = rest.split(".")
            return "c::" + ".".join([key, *inner[1:]])
        if kind == "summary" and colon:
            return f"s::{rest}"
        if kind == "run" and rest in self.RUN_MAPPING_REVERSED:
            return self.RUN_MAPPING_REVERSED[rest]
        if not colon:
            return name
        raise InvalidValueError(f"not a key of a plot: {name!r}")
