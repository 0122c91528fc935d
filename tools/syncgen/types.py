"""Annotations: async names to blocking ones, and how to wrap what comes back."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncgen.modules import Module, Plan

ITERATORS = {
    "AsyncIterator": "Iterator",
    "AsyncGenerator": "Iterator",
    "AsyncIterable": "Iterable",
}


class Types:
    """Translates the annotations of one module and notes the names they need.

    Args:
        plan: What is generated.
        module: Where the annotations stand.
        bound: What the type variables of a generic class stand for in a class that inherits it.
        user: The module of that class.
    """

    def __init__(
        self,
        plan: Plan,
        module: Module,
        bound: dict[str, str] | None = None,
        user: Module | None = None,
    ) -> None:
        self.plan = plan
        self.module = module
        self.bound = bound or {}
        self.user = user or module
        self.hints: set[str] = set()
        self.blocking: set[str] = set()
        self.twins: set[tuple[str, str]] = set()

    def twin(self, name: str) -> bool:
        """Whether a name is a class that has a blocking twin."""
        origin = self.home(name).origin(name)
        return origin is not None and self.plan.twin(*origin) is not None

    def home(self, name: str) -> Module:
        """The module in which a name of a translated annotation means something."""
        return self.user if name in self.bound.values() else self.module

    def _parsed(self, node: ast.expr) -> ast.expr:
        """An annotation with its strings parsed and its type variables put in."""
        parsed = _parsed(node)
        return _Binder(self.bound).visit(copy.deepcopy(parsed)) if self.bound else parsed

    def hint(self, node: ast.expr | None) -> str:
        """The blocking form of an annotation, as source."""
        if node is None:
            return "None"
        return ast.unparse(self._translate(copy.deepcopy(self._parsed(node))))

    def _translate(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            name = node.value.id
            if name == "Awaitable":
                return self._translate(node.slice)
            if name in ITERATORS:
                item = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
                self.blocking.add(ITERATORS[name])
                return ast.Subscript(
                    ast.Name(ITERATORS[name], ast.Load()), self._translate(item), ast.Load()
                )
            if name == "Literal":
                self.hints.add(name)
                return node
        for child in ast.iter_fields(node):
            self._replace(node, *child)
        if isinstance(node, ast.Name):
            self._need(node.id)
        return node

    def _replace(self, node: ast.expr, field: str, value: object) -> None:
        if isinstance(value, ast.expr):
            setattr(node, field, self._translate(value))
        elif isinstance(value, list):
            items = [self._translate(v) if isinstance(v, ast.expr) else v for v in value]
            setattr(node, field, items)

    def _need(self, name: str) -> None:
        if self.twin(name):
            origin = self.home(name).origin(name)
            assert origin is not None
            self.twins.add(origin)
        else:
            self.hints.add(name)

    def wrapped(self, node: ast.expr | None, value: str) -> str:
        """An expression that turns an async result into the blocking one."""
        return self._wrap(None if node is None else self._parsed(node), value) or value

    def _wrap(self, node: ast.expr | None, value: str) -> str | None:
        if isinstance(node, ast.Name):
            return f"{node.id}.from_async({value})" if self.twin(node.id) else None
        if isinstance(node, ast.BinOp):
            arms = [arm for arm in (node.left, node.right) if not _is_none(arm)]
            inner = [wrap for arm in arms if (wrap := self._wrap(arm, "found"))]
            if not inner:
                return None
            if len(arms) != 1:
                twins = [ast.unparse(arm) for arm in _arms(node)]
                if not all(map(self.twin, twins)):
                    raise SystemExit(f"cannot wrap this union: {ast.unparse(node)}")
                self.blocking.add("wrapped_as")
                found = f"wrapped_as({value}, {', '.join(twins)})"
                return f'cast("{" | ".join(twins)}", {found})'
            return f"None if (found := {value}) is None else {inner[0]}"
        if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
            return None
        name, inside = node.value.id, node.slice
        if name == "Awaitable":
            return self._wrap(inside, value)
        if name in ITERATORS:
            first = inside.elts[0] if isinstance(inside, ast.Tuple) else inside
            inner_wrap = self._wrap(first, "item")
            self.blocking.update({"wrapped"} if inner_wrap else set())
            return f"wrapped({value}, lambda item: {inner_wrap})" if inner_wrap else None
        if name in {"list", "Sequence"} and (inner_wrap := self._wrap(inside, "one")):
            return f"[{inner_wrap} for one in {value}]"
        if name in {"dict", "Mapping"} and isinstance(inside, ast.Tuple):
            inner_wrap = self._wrap(inside.elts[1], "item")
            return f"{{key: {inner_wrap} for key, item in {value}.items()}}" if inner_wrap else None
        return None

    def unwrapped(self, node: ast.expr | None, name: str) -> str:
        """An expression that turns a blocking argument into the async one."""
        node = None if node is None else self._parsed(node)
        if isinstance(node, ast.Name) and self.twin(node.id):
            return f"{name}._async"
        arms = _arms(node) if node is not None else []
        twins = [arm for arm in arms if isinstance(arm, ast.Name) and self.twin(arm.id)]
        if len(arms) > 1 and twins:
            others = [arm for arm in arms if arm not in twins and not _is_none(arm)]
            if others:
                self.blocking.add("unwrapped")
                return f"unwrapped({name})"
            return f"None if {name} is None else {name}._async"
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id in {"list", "Sequence"}
            and isinstance(node.slice, ast.Name)
            and self.twin(node.slice.id)
        ):
            return f"[item._async for item in {name}]"
        return name

    def is_iterator(self, node: ast.expr | None) -> bool:
        """Whether an annotation is an async iterator of some kind."""
        node = None if node is None else self._parsed(node)
        return (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id in ITERATORS
        )

    def is_awaitable(self, node: ast.expr | None) -> bool:
        """Whether an annotation is `Awaitable[...]`."""
        node = None if node is None else self._parsed(node)
        return (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id == "Awaitable"
        )


class _Binder(ast.NodeTransformer):
    """Puts names in the place of type variables."""

    def __init__(self, bound: dict[str, str]) -> None:
        self._bound = bound

    def visit_Name(self, node: ast.Name) -> ast.Name:  # noqa: N802 - ast's way to name it
        return ast.Name(self._bound.get(node.id, node.id), node.ctx)


def _parsed(node: ast.expr) -> ast.expr:
    """An annotation written as a string, parsed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.parse(node.value, mode="eval").body
    return node


def _arms(node: ast.expr) -> list[ast.expr]:
    """The members of a union; the type itself where it is none."""
    if isinstance(node, ast.BinOp):
        return [*_arms(node.left), *_arms(node.right)]
    return [node]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
