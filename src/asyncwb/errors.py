"""Every exception that asyncwb raises.

    asyncwb.Error
    |- CommError                     the server, or the way to it
    |  |- AuthenticationError        no key, a wrong key, or a key without access
    |  |- RateLimitError             the server asked to slow down for longer than allowed
    |  |- ServerError                an answer with status 5xx, after all retries
    |  |- GraphQLError               a 200 answer that carries GraphQL errors
    |  |- ProtocolError              an answer that could not be understood
    |  |- DeadlineError              no answer in the time allowed (also a TimeoutError)
    |  |- DigestMismatchError        other bytes than the manifest promises (also a ValueError)
    |  `- NotFoundError              no such project, sweep, user, team ... (also a ValueError)
    |     |- ArtifactNotFoundError   no such artifact
    |     |- RegistryNotFoundError   no such registry or organization
    |     `- RunNotFoundError        no such run, or project of runs
    |- UsageError                    the call cannot be done as asked
    |  |- InvalidValueError          a bad argument (also a ValueError)
    |  |- ColumnTypeError            a cell that does not fit its column (also a TypeError)
    |  |- ModelError                 an artifact that is no model (also an AssertionError)
    |  |- ConfigError                a change to a locked config, a bad config value
    |  |- ClosedError                the run, Api or portal is finished
    |  |- ForkedError                the object belongs to the parent process
    |  |- PortalMisuseError          a blocking call made from asyncwb's own loop
    |  `- UnsupportedError           the server or the installation lacks a feature
    |- JournalError                  the run's journal cannot be read or written
    `- WaitTimeoutError              flush() or finish() ran out of time (also a TimeoutError)

Messages say what happened and what to do. No message, and no `repr`, holds a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.types import ResponseLike

__all__ = [
    "ArtifactNotFoundError",
    "AuthenticationError",
    "BlockingInAsyncWarning",
    "ClosedError",
    "ColumnTypeError",
    "CommError",
    "ConfigError",
    "DeadlineError",
    "DigestMismatchError",
    "Error",
    "ForkedError",
    "GraphQLError",
    "InvalidValueError",
    "JournalError",
    "ModelError",
    "NotFoundError",
    "PortalMisuseError",
    "ProtocolError",
    "RateLimitError",
    "RegistryNotFoundError",
    "RunNotFoundError",
    "ServerError",
    "UnsupportedError",
    "UsageError",
    "WaitTimeoutError",
]


class Error(Exception):
    """Base of every exception of asyncwb.

    Args:
        message: What happened and what to do about it.
        exc: The original exception, where another library raised one.
    """

    def __init__(self, message: str, *, exc: BaseException | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.exc = exc


class CommError(Error):
    """The server could not be reached, or refused.

    Attributes:
        exc: The original exception, if there was one.
        response: The last answer of the server (status, headers, body), if there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        exc: BaseException | None = None,
        response: ResponseLike | None = None,
    ) -> None:
        super().__init__(message, exc=exc)
        self.response = response


class AuthenticationError(CommError):
    """No key, a wrong key, or a key without access."""


class RateLimitError(CommError):
    """The server asked to slow down for longer than the call may take.

    Attributes:
        retry_after: Seconds the server asked to wait, if it said so.
    """

    def __init__(
        self,
        message: str,
        *,
        exc: BaseException | None = None,
        response: ResponseLike | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, exc=exc, response=response)
        self.retry_after = retry_after


class ServerError(CommError):
    """The server failed (status 5xx) on every attempt."""


class GraphQLError(CommError):
    """The server answered with GraphQL errors; the message is the first one's."""


class ProtocolError(CommError):
    """The answer of the server could not be understood."""


class DeadlineError(CommError, TimeoutError):
    """No answer came in the time that the call allows."""


class DigestMismatchError(CommError, ValueError):
    """The bytes of an artifact's file are not those that its manifest promises.

    Attributes:
        path: The file's path in the artifact.
        expected: Digest in the manifest.
        got: Digest of the bytes.
    """

    def __init__(self, path: str, *, expected: str, got: str) -> None:
        super().__init__(
            f"{path!r}: expected content with the digest {expected}, got {got}; the file is "
            "damaged, or changed after the artifact was logged"
        )
        self.path = path
        self.expected = expected
        self.got = got


class NotFoundError(CommError, ValueError):
    """The server has no such thing: a project, sweep, report, user, team, run or artifact."""


class ArtifactNotFoundError(NotFoundError):
    """No artifact, or collection of artifacts, lives at the given path."""


class RegistryNotFoundError(NotFoundError):
    """No registry, or organization, has the given name."""


class RunNotFoundError(NotFoundError):
    """No run, or no project with runs, lives at the given path."""


class IncompleteRunHistoryError(Error):
    """A run has rows that its server has not put into files yet."""


class UsageError(Error):
    """The call cannot be done as asked."""


class InvalidValueError(UsageError, ValueError):
    """An argument has a wrong type or value."""


class ColumnTypeError(InvalidValueError, TypeError):
    """A cell of a table does not fit the type of its column."""


class ModelError(UsageError, AssertionError):
    """An artifact that is used or linked as a model has another type, or a path is no name."""


class ConfigError(UsageError):
    """A change to a locked config key, or a config value that cannot be stored."""


class ClosedError(UsageError):
    """The run, the Api or the portal is finished."""


class ForkedError(UsageError):
    """The object was made in a parent process and cannot be used after a fork."""


class PortalMisuseError(UsageError):
    """A blocking call was made from asyncwb's own event loop, where it would wait for itself."""


class UnsupportedError(UsageError):
    """The server, or this installation, lacks what the call needs."""


class JournalError(Error):
    """The journal of a run cannot be read or written."""


class WaitTimeoutError(Error, TimeoutError):
    """`flush()` or `finish()` ran out of time; what is unsent stays in the journal."""


class BlockingInAsyncWarning(RuntimeWarning):
    """A blocking call of `asyncwb.sync` stops the event loop that runs in the calling thread."""
