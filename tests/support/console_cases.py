"""Console texts, and the lines that the `wandb` package 0.31.0 makes of them.

The interoperability tests ask the package itself.
"""

from __future__ import annotations

__all__ = ["AS_THE_SDK"]

AS_THE_SDK: dict[str, tuple[list[str], list[str]]] = {
    "shorter text leaves the rest": (["hello world\rbye\ntail\n"], ["byelo world", "tail"]),
    "return and newline": (["one\r\ntwo\r\n"], ["one", "two"]),
    "nothing but returns": (["\r\r\r"], []),
    "a return at the end": (["50%\r100%\r"], ["100%"]),
    "empty lines": (["\n\na\n"], ["", "", "a"]),
    "an unfinished line": (["abc\ndef"], ["abc", "def"]),
    "spaces at the end": (["  lead  trail  \n"], ["  lead  trail"]),
    "other white space at the end": (
        ["a \t\u00a0\v \n", " \n", "\t\n"],
        ["a \t\u00a0\v", "", "\t"],
    ),
    "only newlines end lines": (["a\u2028b\u0085c\v\fd\n"], ["a\u2028b\u0085c\v\fd"]),
    "spaces that wipe something out": (["abc\r   \n", "ab\rc   \n"], ["   ", "c "]),
    "other control characters": (["a\x00b\x07c\td\n"], ["a\x00b\x07c\td"]),
    "up keeps the column": (["one\ntwo\nthr\x1b[AX\n"], ["one", "twoX", "thr"]),
    "up stops at the top": (["abcdef\nxyz\x1b[A\x1b[A\nQ\n"], ["abcdef", "Qyz"]),
    "up before the first line": (["\x1b[Atop\n"], ["top"]),
    "up and down again": (
        ["a1\na2\na3\n\x1b[A\x1b[A\x1b[AX\n\nY\n\nZ\n"],
        ["X1", "a2", "Y3", "", "Z"],
    ),
    "two bars": (["\rA0\n\rB0\x1b[A", "\rA1\n\rB1\x1b[A", "\n\n"], ["A1", "B1"]),
    "colours": (["\x1b[31mred\x1b[0m plain\n"], ["\x1b[31mred\x1b[0m plain"]),
    "colours over lines": (["\x1b[31mone\ntwo\x1b[0m\n"], ["\x1b[31mone", "two\x1b[0m"]),
    "colours without reset": (["\x1b[1m\x1b[32mok\x1b[39m no\n"], ["\x1b[1m\x1b[32mok\x1b[39m no"]),
    "a lone colour": (["a\n\x1b[0m\nb\n"], ["a", "\x1b[0m", "b"]),
    "a long line": (["x" * 5000 + "\n"], ["x" * 4096]),
    "a long line of wide characters": (["\U0001f600" * 5000 + "\n"], ["\U0001f600" * 4096]),
    "a cut line goes on at its start": (
        ["y" * 4090 + "z" * 11 + "\rAB\n"],
        ["AB" + "y" * 4088 + "z" * 6],
    ),
}
