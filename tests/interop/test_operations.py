"""Every GraphQL document that the installed wandb package can send fits the server's schema.

The documents are taken from the package at hand: from the strings of its Python files, and from
its compiled core.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from graphql import GraphQLError, parse, validate

from asyncwb.server.resolvers.server import make_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
OPERATION = re.compile(r"\b(?:query|mutation)\s+([A-Za-z_]\w*)\s*[({]")
FRAGMENT = re.compile(r"\bfragment\s+([A-Za-z_]\w*)\s+on\s+\w+\s*\{")
SPREAD = re.compile(r"\.\.\.\s*(?!on\b)([A-Za-z_]\w*)")


def package() -> Path:
    import wandb

    return Path(wandb.__file__).parent


def texts() -> Iterator[str]:
    """Every string of the package that may hold GraphQL."""
    root = package()
    for path in sorted(root.rglob("*.py")):
        source = path.read_text(errors="replace")
        if not OPERATION.search(source) and not FRAGMENT.search(source):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                # what is put in comes from a fragment, or is a list of fields or of arguments
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else " ...Inserted "
                    for part in node.values
                )
    yield (root / "bin" / "wandb-core").read_bytes().decode("latin-1")


def whole(text: str, start: int) -> str | None:
    """The text from `start` to the bracket that ends the definition."""
    depth = 0
    for i in range(start, min(len(text), start + 20_000)):
        if text[i] in "({":
            depth += 1
        elif text[i] in ")}":
            depth -= 1
            if depth == 0 and text[i] == "}":
                return text[start : i + 1]
    return None


def documents() -> tuple[dict[str, list[str]], dict[str, str]]:
    """Operations by name, a name may have several; fragments by name."""
    operations: dict[str, list[str]] = {}
    fragments: dict[str, str] = {}
    for text in texts():
        for match in OPERATION.finditer(text):
            found = whole(text, match.start())
            if found:
                operations.setdefault(match[1], []).append(found)
        for match in FRAGMENT.finditer(text):
            found = whole(text, match.start())
            if found:
                fragments.setdefault(match[1], found)
    return operations, fragments


def with_fragments(text: str, fragments: dict[str, str]) -> str:
    done: set[str] = set()
    while missing := {name for name in SPREAD.findall(text) if name in fragments} - done:
        done |= missing
        text = "\n".join([text, *(fragments[name] for name in sorted(missing))])
    return text


def listed(heading: str) -> set[str]:
    """The names in backticks in the table below a heading of the page."""
    page = PAGE.read_text()
    section = page[page.index(heading) :].split("\n#", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return set(re.findall(r"`([A-Za-z_]\w*)`", "\n".join(rows)))


def test_documents_fit_the_schema_but_for_those_that_the_page_names() -> None:
    schema = make_schema()
    operations, fragments = documents()
    assert len(operations) > 140
    unfit: dict[str, str] = {}
    unread: set[str] = set()
    for name, versions in operations.items():
        for text in versions:
            try:
                document = parse(with_fragments(text, fragments))
            except GraphQLError:
                unread.add(name)  # put together from pieces: other tests send it
                continue
            errors = [e.message for e in validate(schema, document) if "Inserted" not in e.message]
            if errors:
                unfit[name] = errors[0]
    absent = listed("### Operations that are not there")
    assert set(unfit) <= absent, unfit
    assert absent <= set(unfit) | unread
    assert set(operations) == listed("### Operations that work") | absent
    assert len(unread) < 12, unread
