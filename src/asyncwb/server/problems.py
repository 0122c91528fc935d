"""Refusals that a client is told about."""

from __future__ import annotations

from asyncwb.errors import Error

__all__ = ["Problem", "conflict", "forbidden", "invalid", "not_found"]


class Problem(Error):
    """A request that cannot be served as asked.

    Attributes:
        status: The HTTP status of the answer; the message goes into its `errors` list.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def invalid(message: str) -> Problem:
    """The request itself is wrong (400)."""
    return Problem(400, message)


def forbidden(message: str) -> Problem:
    """The user has no access (403)."""
    return Problem(403, message)


def not_found(message: str) -> Problem:
    """The thing does not exist, or the user cannot see it (404)."""
    return Problem(404, message)


def conflict(message: str) -> Problem:
    """The name is taken (409)."""
    return Problem(409, message)
