"""Filters written as Python expressions: `State == "finished" and lr > 0.1`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, ClassVar, cast

from asyncwb.api.query_generator import PanelMetricsHelper
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["PythonMongoishQueryGenerator"]

_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Lt: "$lt",
    ast.LtE: "$lte",
    ast.Gt: "$gt",
    ast.GtE: "$gte",
    ast.Eq: "$eq",
    ast.Is: "$eq",
    ast.NotEq: "$ne",
    ast.IsNot: "$ne",
    ast.In: "$in",
    ast.NotIn: "$nin",
}
_SWAPPED = {"$lt": "$gt", "$lte": "$gte", "$gt": "$lt", "$gte": "$lte", "$eq": "$eq", "$ne": "$ne"}
_FORM = "write comparisons such as lr > 0.1, joined by and, or, not"


class PythonMongoishQueryGenerator:
    """Turns Python expressions into filters for `Api.runs`; sends nothing.

    Names are those of the web app (`State`, `Name`, `ID`, `Tags`, `User`, `CreatedTimestamp`,
    `Runtime`, ...), keys of the config, and otherwise metrics of the summary. Dots lead into
    nested values. `config.x` and `summary_metrics.x` say what is meant.

    Args:
        run_set: The keys of the config: a set, list or dict of them, or an object of report
            tooling that has them as `_runs_config`.
    """

    FRONTEND_NAME_MAPPING: ClassVar[dict[str, str]] = {
        "ID": "name",
        "Name": "displayName",
        "Tags": "tags",
        "State": "state",
        "CreatedTimestamp": "createdAt",
        "Runtime": "duration",
        "User": "username",
        "Sweep": "sweep",
        "Group": "group",
        "JobType": "jobType",
        "Hostname": "host",
        "UsingArtifact": "inputArtifacts",
        "OutputtingArtifact": "outputArtifacts",
        **PanelMetricsHelper.FRONTEND_NAME_MAPPING,
    }
    FRONTEND_NAME_MAPPING_REVERSED: ClassVar[dict[str, str]] = {
        key: name for name, key in FRONTEND_NAME_MAPPING.items()
    }

    def __init__(self, run_set: object = ()) -> None:
        known: object = getattr(run_set, "_runs_config", run_set)
        if isinstance(known, str) or not hasattr(known, "__contains__"):
            raise InvalidValueError(f"run_set holds the keys of the config, not {run_set!r}")
        self._config = cast("Container[str]", known)
        self._panels = PanelMetricsHelper()

    def python_to_mongo(self, filterstr: str) -> dict[str, Any]:
        """An expression as a filter.

        Args:
            filterstr: Comparisons (`== != < <= > >= in not in is`) of a name with a value, joined
                by `and`, `or`, `not` and parentheses.

        Returns:
            The filter, in the form that reports keep: `{"$or": [{"$and": [...]}]}`.

        Raises:
            InvalidValueError: It is no such expression.
        """
        try:
            tree = ast.parse(filterstr.strip(), mode="eval").body
        except (SyntaxError, ValueError) as exc:
            raise InvalidValueError(
                f"not a Python expression: {filterstr!r}; {_FORM}", exc=exc
            ) from exc
        inner = self._tree(tree)
        group = inner if inner.keys() & {"$and", "$or"} else {"$and": [inner]}
        return {"$or": [group]}

    def front_to_back(self, name: str) -> str:
        """The key of the server for a name in an expression."""
        head, dot, rest = name.partition(".")
        if head in self.FRONTEND_NAME_MAPPING:
            return self.FRONTEND_NAME_MAPPING[head]
        if head in self.FRONTEND_NAME_MAPPING_REVERSED:
            return head
        if dot and head in {"config", "summary_metrics"}:
            return name
        if head in self._config:
            return f"config.{head}.value{dot}{rest}"
        return f"summary_metrics.{name}"

    def back_to_front(self, name: str) -> str:
        """The name in an expression for a key of the server; an unknown key is its own name."""
        if name in self.FRONTEND_NAME_MAPPING_REVERSED:
            return self.FRONTEND_NAME_MAPPING_REVERSED[name]
        if name.startswith("config.") and ".value" in name:
            return name.removeprefix("config.").replace(".value", "", 1)
        return name.removeprefix("summary_metrics.")

    def pc_front_to_back(self, name: str | None) -> str | None:
        """The key of parallel coordinates for a name."""
        if name is None:
            return None
        head, dot, rest = name.partition(".")
        if head in PanelMetricsHelper.FRONTEND_NAME_MAPPING:
            return "summary:" + PanelMetricsHelper.FRONTEND_NAME_MAPPING[head]
        if head in self.FRONTEND_NAME_MAPPING:
            return self.FRONTEND_NAME_MAPPING[head]
        if head in self.FRONTEND_NAME_MAPPING_REVERSED:
            return head
        if head in self._config:
            return f"config:{head}.value{dot}{rest}"
        return f"summary:{name}"

    def pc_back_to_front(self, name: str | None) -> str | None:
        """The name for a key of parallel coordinates."""
        if name is None:
            return None
        if name.startswith("summary:"):
            return self._panels.back_to_front(name.removeprefix("summary:"))
        if name.startswith("config:"):
            return name.removeprefix("config:").replace(".value", "", 1)
        return self.back_to_front(name)

    # -- the tree of an expression -----------------------------------------------------------

    def _tree(self, node: ast.expr) -> dict[str, Any]:
        if isinstance(node, ast.BoolOp):
            group = "$and" if isinstance(node.op, ast.And) else "$or"
            return {group: [self._tree(part) for part in node.values]}
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return {"$nor": [self._tree(node.operand)]}
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        raise InvalidValueError(f"{ast.unparse(node)!r} compares nothing; {_FORM}")

    def _comparison(self, node: ast.Compare) -> dict[str, Any]:
        """One comparison; `0 < lr < 1` is two."""
        sides = [node.left, *node.comparators]
        found = [
            self._pair(left, op, right)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return found[0] if len(found) == 1 else {"$and": found}

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> dict[str, Any]:
        word = _OPERATORS[type(op)]
        name = _name(left)
        if name is None:
            name, left, right = _name(right), right, left
            if name is None or word not in _SWAPPED:
                raise InvalidValueError(f"{ast.unparse(left)!r} names no key to compare; {_FORM}")
            word = _SWAPPED[word]
        try:
            value = ast.literal_eval(right)
        except ValueError as exc:
            raise InvalidValueError(
                f"{ast.unparse(right)!r} is no plain value; texts stand in quotes", exc=exc
            ) from exc
        if isinstance(value, tuple | set):
            value = list(cast("tuple[Any, ...]", value))
        key = self.front_to_back(name)
        return {key: value} if word == "$eq" else {key: {word: value}}


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = _name(node.value)
        return None if above is None else f"{above}.{node.attr}"
    return None
