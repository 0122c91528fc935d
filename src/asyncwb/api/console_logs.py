"""Console lines of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from asyncwb.api.pages import Listing, check_count
from asyncwb.errors import RunNotFoundError
from asyncwb.graphql.paginator import Page
from asyncwb.graphql.run_parts import CONSOLE_PAGE, CONSOLE_TAIL

if TYPE_CHECKING:
    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.run_parts import LineNode
    from asyncwb.graphql.service import Service

__all__ = ["ConsoleLogLine", "ConsoleLogs"]


class ConsoleLogLine(msgspec.Struct, frozen=True):
    """One line that a run printed.

    Attributes:
        number: From 0.
        timestamp: When, in UTC; None where the server does not know.
        level: "error" for the error stream, else empty or as the server says.
        label: Which of several writers, else empty.
        content: The line, with its end as the server gives it.
    """

    number: int
    timestamp: datetime | None
    level: str
    label: str
    content: str


class ConsoleLogs(Listing["ConsoleLogLine"]):
    """Console lines of a run, oldest first; made by `Run.console_logs`. Pages are kept.

    `async for line in lines`; `await lines.length()`, `await lines.get(-1)`.
    """

    def __init__(
        self, service: Service, address: RunAddress, *, per_page: int, last: int | None
    ) -> None:
        super().__init__(service, name="asyncwb console lines", per_page=per_page)
        self._address = address
        self._last = None if last is None else check_count("last", last)

    def __repr__(self) -> str:
        return f"<ConsoleLogs {self._address}>"

    async def _fetch(self, cursor: str | None) -> Page[ConsoleLogLine]:
        variables = dict(self._address.variables)
        if self._last is None:
            operation = CONSOLE_PAGE
            variables |= {"first": self._per_page, "after": cursor}
        else:
            operation = CONSOLE_TAIL
            variables["last"] = self._last
        project = (await self._service.execute(operation, variables)).project
        if project is None or project.run is None:
            raise RunNotFoundError(f"Could not find run {self._address}")
        listing = project.run.log_lines
        if listing is None:
            return Page([], None, more=False)
        lines = [_line(edge.node) for edge in listing.edges if edge.node is not None]
        if self._last is not None:
            self._count = len(lines)
            return Page(lines, None, more=False)
        self._count = project.run.log_line_count
        info = listing.page_info
        # some servers say "no more" while lines are left, and the count tells
        left = bool(lines) and lines[-1].number + 1 < (self._count or 0)
        end = None if info is None else info.end_cursor
        more = bool(end) and (left or (info is not None and info.has_next_page))
        return Page(lines, end, more=more)


def _line(node: LineNode) -> ConsoleLogLine:
    return ConsoleLogLine(
        node.number, _moment(node.timestamp), node.level or "", node.label or "", node.line
    )


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    # nanoseconds are more than Python reads
    plain = f"{head}.{rest[: min(digits, 6)]}{rest[digits:]}" if dot and digits else text
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
