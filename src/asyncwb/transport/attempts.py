"""The retry loop of one call: tenacity with the server's waits, a deadline and the budget."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import httpx
import tenacity

from asyncwb.transport.client import BROKEN
from asyncwb.transport.guard import AttemptTimeoutError
from asyncwb.transport.mapping import (
    describe_exception,
    exception_error,
    server_message,
    status_error,
)
from asyncwb.transport.retry import RetryPolicy, RetryState, backoff, server_wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncwb.errors import CommError
    from asyncwb.transport.config import TransportConfig
    from asyncwb.transport.messages import Outgoing, Response
    from asyncwb.transport.pools import Pools

__all__ = ["Attempts", "StatusFailure"]

logger = logging.getLogger("asyncwb.transport")

T = TypeVar("T")


class StatusFailure(Exception):
    """An answer that is no success."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.response = response


class Attempts(Generic[T]):
    """Attempts of one call.

    Args:
        send: One attempt, given the seconds it may take. It returns the result, or raises
            `StatusFailure` or what a lost connection raises.
        outgoing: The request, for messages.
        config: Whose request it is.
        pools: The budget and the counters.
        policy: What to retry.
        deadline_seconds: Time for everything, waits included.
        attempt_seconds: Time for one attempt where the policy does not say.
    """

    def __init__(
        self,
        send: Callable[[float], Awaitable[T]],
        *,
        outgoing: Outgoing,
        config: TransportConfig,
        pools: Pools,
        policy: RetryPolicy,
        deadline_seconds: float,
        attempt_seconds: float,
    ) -> None:
        self._send = send
        self._outgoing = outgoing
        self._config = config
        self._pools = pools
        self._policy = policy
        self._began = time.monotonic()
        self._deadline = self._began + deadline_seconds
        self._attempt_seconds = policy.attempt_seconds or attempt_seconds
        self._last: Response | None = None
        self._failure: BaseException | None = None
        self._count = 0

    async def run(self) -> T:
        """Attempt until success, a permanent failure, the last attempt or the deadline.

        Raises:
            CommError: The mapped error of the last attempt.
        """
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(self._is_transient),
            wait=self._wait,
            stop=self._stop,
            before_sleep=self._report,
            sleep=anyio.sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt)
        except StatusFailure as failure:
            raise status_error(
                self._config, self._outgoing, failure.response, attempts=self._count
            ) from None
        except (*BROKEN, AttemptTimeoutError) as exc:
            raise self._unanswered(exc) from exc
        finally:
            # Reference cycles, which would hold the body till it is collected.
            retrying.iter_state.reset()
            self._failure = None

    async def _attempt(self) -> T:
        left = self._deadline - time.monotonic()
        if left <= 0:
            # The wait took longer than it should: what went wrong before is what counts.
            raise self._failure or AttemptTimeoutError("the time allowed is over")
        self._count += 1
        result = await self._send(min(left, self._attempt_seconds))
        self._pools.budget.success()
        return result

    def _unanswered(self, exc: BaseException) -> CommError:
        return exception_error(
            self._outgoing,
            exc,
            attempts=self._count,
            seconds=time.monotonic() - self._began,
            response=self._last,
        )

    def _is_transient(self, exc: BaseException) -> bool:
        self._failure = exc
        if isinstance(exc, StatusFailure):
            self._last = exc.response
            return exc.response.status in self._policy.retry_statuses
        if isinstance(exc, httpx.UnsupportedProtocol):
            return False
        return isinstance(exc, (*BROKEN, AttemptTimeoutError))

    def _wait(self, state: tenacity.RetryCallState) -> float:
        exc = _exception(state)
        budget = self._pools.budget.reserve()
        if isinstance(exc, StatusFailure):
            asked = server_wait(exc.response.headers)
            if asked is not None:
                return max(asked, budget)
        elif self._count == 1 and not isinstance(
            exc, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
        ):
            # Most likely an idle connection that the server had closed: nobody is overloaded.
            return budget
        return max(backoff(self._policy, self._count), budget)

    def _stop(self, state: tenacity.RetryCallState) -> bool:
        stop = (
            self._count >= self._policy.max_attempts
            or time.monotonic() + state.upcoming_sleep >= self._deadline
        )
        if stop:
            self._pools.budget.refund()
        return stop

    def _report(self, state: tenacity.RetryCallState) -> None:
        self._pools.counters.retries += 1
        exc = _exception(state)
        status: int | None = None
        if isinstance(exc, StatusFailure):
            status = exc.response.status
            said = self._config.scrub(server_message(exc.response))
            reason = f"{status} ({said})" if said else str(status)
        else:
            reason = describe_exception(exc)
        logger.debug(
            "%s: %s, attempt %d follows in %.2f s",
            self._outgoing.label,
            reason,
            self._count + 1,
            state.upcoming_sleep,
        )
        if self._policy.on_retry is not None:
            self._policy.on_retry(
                RetryState(
                    attempt=self._count,
                    wait_seconds=state.upcoming_sleep,
                    reason=reason,
                    status=status,
                )
            )


def _exception(state: tenacity.RetryCallState) -> BaseException:
    assert state.outcome is not None
    exc = state.outcome.exception()
    assert exc is not None
    return exc
