"""Send one operation, give back its typed data."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

import msgspec

from asyncwb import jsonx
from asyncwb.errors import AuthenticationError, CommError, GraphQLError, ProtocolError
from asyncwb.transport import TRANSIENT_STATUSES, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from asyncwb.graphql.operation import Operation
    from asyncwb.transport import Response, Transport
    from asyncwb.types import ResponseLike

__all__ = ["READ_POLICY", "GraphQL"]

T = TypeVar("T")

READ_POLICY = RetryPolicy(
    retry_statuses=TRANSIENT_STATUSES, max_attempts=5, wait_base=0.5, wait_max=10.0
)
"""For calls that a person waits for: five attempts, full jitter, waits of at most 10 s."""

_DETAIL_CHARS = 300


class _Failure(msgspec.Struct):
    message: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Failure] | None = None


class _Answer(msgspec.Struct, Generic[T]):
    data: T | None = None
    errors: list[_Failure] | None = None


class GraphQL:
    """Executes operations over one transport. Use it in asyncwb's loop.

    Args:
        transport: Where to send.
        deadline_seconds: Time for a call with all its retries, unless the call says otherwise.
        policy: Retry policy, unless the call says otherwise.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        deadline_seconds: float = 60.0,
        policy: RetryPolicy = READ_POLICY,
    ) -> None:
        self._transport = transport
        self._deadline_seconds = deadline_seconds
        self._policy = policy

    @property
    def server(self) -> str:
        """Address of the server, with its path prefix."""
        return self._transport.config.root

    async def execute(
        self,
        operation: Operation[T],
        variables: Mapping[str, object] | None = None,
        *,
        deadline_seconds: float | None = None,
        policy: RetryPolicy | None = None,
        lane: Literal["control", "bulk"] | None = None,
    ) -> T:
        """Send one operation and wait for its data.

        Transport failures and the statuses of the policy are retried; an answer 200 that carries
        GraphQL errors never is.

        Args:
            operation: What to send.
            variables: Values of the operation's variables; all declared ones are best given.
            deadline_seconds: Time for the call with all its retries.
            policy: Retry policy of this call.
            lane: Which client sends it; "bulk" suits answers of hundreds of kilobytes.

        Returns:
            The `data` member.

        Raises:
            GraphQLError: The server understood and refused; the first message is named.
            ProtocolError: The answer is not JSON, has no data, or data of another shape.
            CommError: Everything else between here and the server, see `asyncwb.errors`.
        """
        body = jsonx.encode(
            {
                "operationName": operation.name,
                "query": operation.document,
                "variables": dict(variables or {}),
            }
        )
        extra: dict[str, Any] = {} if lane is None else {"lane": lane}
        try:
            response = await self._transport.post(
                "/graphql",
                body,
                headers={"Content-Type": "application/json"},
                policy=policy or self._policy,
                deadline_seconds=(
                    self._deadline_seconds if deadline_seconds is None else deadline_seconds
                ),
                **extra,
            )
        except AuthenticationError:
            raise
        except CommError as exc:
            message = _refusal(exc.response)
            if message is None:
                raise
            raise GraphQLError(
                f"{operation.name}: {message}", exc=exc, response=exc.response
            ) from exc
        return _data(operation, response)


def _data(operation: Operation[T], response: Response) -> T:
    try:
        answer = cast(
            "_Answer[T]",
            jsonx.decode_as(_answer_type(cast("Hashable", operation.result)), response.body),
        )
        failures, data = answer.errors, answer.data
    except ProtocolError as exc:
        # Partial data beside errors may not fit the type: the errors are what counts then.
        failures, data = _failures(response), None
        if not failures:
            raise ProtocolError(
                f"{operation.name}: the answer was not understood ({exc.message}). "
                "Is the base URL that of a W&B server?",
                exc=exc,
                response=response,
            ) from exc
    if failures:
        raise GraphQLError(f"{operation.name}: {_first(failures)}", response=response)
    if data is None:
        raise ProtocolError(f"{operation.name}: the answer holds no data", response=response)
    return data


@functools.lru_cache(maxsize=256)
def _answer_type(result: Hashable) -> type[_Answer[Any]]:
    generic: Any = _Answer
    return cast("type[_Answer[Any]]", generic[result])


def _failures(response: ResponseLike) -> list[_Failure]:
    try:
        return jsonx.decode_as(_Errors, response.body).errors or []
    except ProtocolError:
        return []


def _first(failures: list[_Failure]) -> str:
    # Each field of an operation that meets the same problem reports it.
    messages = dict.fromkeys((failure.message or "").strip() for failure in failures)
    message = next(iter(messages)) or "an error without a message"
    more = len(messages) - 1
    return message[:_DETAIL_CHARS] + (f" (and {more} more)" if more else "")


def _refusal(response: ResponseLike | None) -> str | None:
    """The first GraphQL message of an answer 4xx, if it has one."""
    if response is None or not 400 <= response.status < 500 or response.status == 429:
        return None
    failures = _failures(response)
    return _first(failures) if failures and failures[0].message else None
