"""What is generated from what, and a source module as its text says it is."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One async module.

    Attributes:
        module: Its dotted name.
        file: File name of its twin.
        names: What to translate.
        late: Classes whose twins the twin imports where a method needs them: they are much to
            import, and most users never do.
    """

    module: str
    file: str
    names: tuple[str, ...]
    late: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What to generate.

    Attributes:
        src: Folder of the packages.
        target: Package of the generated modules.
        sources: The async modules.
        constructed: Classes that users make themselves, as (module, name).
        starters: Awaitable objects that a plain function returns, and what awaiting them gives.
        by_hand: Files of the target that are not generated.
    """

    src: Path
    target: str
    sources: tuple[Source, ...]
    constructed: frozenset[tuple[str, str]] = frozenset()
    starters: dict[str, tuple[str, str]] = field(default_factory=dict)
    by_hand: frozenset[str] = frozenset()

    def twin(self, module: str, name: str) -> str | None:
        """Dotted name of the generated module that holds the twin of a class."""
        for source in self.sources:
            if source.module == module and name in source.names:
                return f"{self.target}.{source.file}"
        return None

    def path(self, module: str) -> Path:
        """File of a module."""
        base = self.src.joinpath(*module.split("."))
        return base.with_suffix(".py") if base.with_suffix(".py").exists() else base / "__init__.py"


class Module:
    """A parsed module: its classes and functions, and where each name comes from."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.text = path.read_text()
        self.lines = self.text.splitlines()
        self.tree = ast.parse(self.text)
        self.imports: dict[str, tuple[str, str | None]] = {}
        self.definitions: dict[str, ast.stmt] = {}
        self._read(self.tree.body)

    def _read(self, body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.If):  # TYPE_CHECKING
                self._read(node.body)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.imports[(alias.asname or alias.name).split(".")[0]] = (alias.name, None)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (node.module, alias.name)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                self.definitions[node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        self.definitions[target.id] = node

    def origin(self, name: str) -> tuple[str, str] | None:
        """Module and name that a name stands for; None for builtins and whole modules."""
        if name in self.definitions:
            return self.name, name
        module, attribute = self.imports.get(name, ("", None))
        return (module, attribute) if attribute is not None else None

    def marks(self, node: ast.stmt) -> set[str]:
        """The `# sync: ...` marks on the lines of a definition's head."""
        body = getattr(node, "body", None)
        last = body[0].lineno if body else node.lineno
        head = self.lines[max(0, node.lineno - 2) : last]
        return {line.split("# sync:")[1].split()[0] for line in head if "# sync:" in line}


@cache
def load(name: str, path: Path) -> Module:
    """Parse a module once."""
    return Module(name, path)
