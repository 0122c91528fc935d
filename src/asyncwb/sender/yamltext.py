"""JSON-like trees as YAML, the way `config.yaml` is written: sorted keys, four spaces."""

from __future__ import annotations

import json
import math
import re
from typing import cast

__all__ = ["to_yaml"]

# A plain scalar: no character that YAML gives a meaning.
_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_./+@\\()=,-]*(?: [A-Za-z0-9_./+@\\()=,-]+)*\Z")
# What a reader of YAML 1.1 or 1.2 takes for a constant, a number or a date.
_NOT_TEXT = re.compile(
    r"""(?: null | true | false | yes | no | on | off | y | n | \.nan | \.inf
        | [0-9][0-9_]* (?:\.[0-9_]*)? (?:e[-+]?[0-9]+)? | \.[0-9_]+ (?:e[-+]?[0-9]+)?
        | 0x[0-9a-f_]+ | 0o?[0-7_]+ | 0b[01_]+
        | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} .* )\Z""",
    re.IGNORECASE | re.VERBOSE,
)


def to_yaml(tree: dict[str, object]) -> str:
    """Write a tree of dicts, lists and scalars; keys are sorted, numbers among them by value."""
    return "".join(line + "\n" for line in _mapping(tree, 0)) if tree else "{}\n"


def _mapping(tree: dict[str, object], indent: int) -> list[str]:
    lines: list[str] = []
    for key in sorted(tree, key=_order):
        lines += _entry(" " * indent + _text(key) + ":", tree[key], indent)
    return lines


def _order(key: str) -> tuple[bool, int, str]:
    number = key.isascii() and key.isdigit()
    return (not number, int(key) if number else 0, key)


def _entry(lead: str, value: object, indent: int) -> list[str]:
    nested = _nested(value, indent + 4)
    if nested:
        return [lead, *nested]
    return [f"{lead} {_scalar(value)}"]


def _nested(value: object, indent: int) -> list[str]:
    """Lines of a dict or list that is not empty; none for anything else."""
    if isinstance(value, dict):
        return _mapping(cast("dict[str, object]", value), indent)
    if isinstance(value, list | tuple):
        return _sequence(cast("list[object]", value), indent)
    return []


def _sequence(items: list[object] | tuple[object, ...], indent: int) -> list[str]:
    lines: list[str] = []
    for item in items:
        lead = " " * indent + "-"
        nested = _nested(item, indent + 2)
        if nested:
            # The first line of a nested block shares the line of the dash.
            lines += [lead + nested[0][indent + 1 :], *nested[1:]]
        else:
            lines.append(f"{lead} {_scalar(item)}")
    return lines


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    return _text(str(value))


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 readers take an exponent for a number only behind a dot.
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _text(text: str) -> str:
    if _PLAIN.match(text) and not _NOT_TEXT.match(text):
        return text
    # A JSON string is a YAML double-quoted scalar.
    return json.dumps(text, ensure_ascii=False)
