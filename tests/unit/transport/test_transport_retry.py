"""What is retried, when, how often; which error comes out in the end."""

import time
from email.utils import formatdate

import anyio
import httpx
import pytest
from http_loopback import Handler, Reply, Request, Server
from hypothesis import given
from hypothesis import strategies as st
from transports import KEY, with_transport

from asyncwb.errors import (
    AuthenticationError,
    CommError,
    DeadlineError,
    InvalidValueError,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from asyncwb.testing.faults import Fault, FaultProxy
from asyncwb.transport import NO_RETRY, RetryPolicy, RetryState, Transport
from asyncwb.transport.limits import RetryBudget
from asyncwb.transport.retry import backoff, server_wait

QUICK = RetryPolicy(wait_base=0.005, wait_max=0.02)


def replies(*sequence: Reply) -> Handler:
    """Answer with each in turn, the last one for ever."""
    left = list(sequence)

    async def handler(request: Request) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    return handler


async def post(transport: Transport, policy: RetryPolicy = QUICK, seconds: float = 5.0) -> bytes:
    answer = await transport.post("/graphql", b"{}", policy=policy, deadline_seconds=seconds)
    return answer.body


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_transient_statuses_are_retried_with_the_same_body(status: int) -> None:
    async with Server(replies(Reply(status), Reply(status), Reply(body=b"yes"))) as server:
        assert await with_transport(server.url, post) == b"yes"
        assert [request.body for request in server.seen] == [b"{}"] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422, 501])
async def test_other_statuses_fail_at_once(status: int) -> None:
    async with Server(replies(Reply(status, b'{"errors":[{"message":"no such thing"}]}'))) as s:
        with pytest.raises(CommError, match="no such thing") as caught:
            await with_transport(s.url, post)
        assert len(s.seen) == 1
        assert caught.value.response is not None
        assert caught.value.response.status == status
        wanted = {401: AuthenticationError, 403: AuthenticationError, 501: ServerError}
        assert type(caught.value) is wanted.get(status, CommError)


async def test_the_caller_chooses_the_statuses() -> None:
    policy = RetryPolicy(retry_statuses=frozenset({409}), wait_base=0.001)
    async with Server(replies(Reply(409), Reply(500))) as server:
        with pytest.raises(ServerError):
            await with_transport(server.url, lambda t: post(t, policy))
        assert len(server.seen) == 2


async def test_attempts_are_bounded_and_counted() -> None:
    policy = RetryPolicy(max_attempts=3, wait_base=0.001)
    async with Server(replies(Reply(500, b"out of order"))) as server:
        with pytest.raises(ServerError, match=r"500: out of order \(after 3 attempts\)"):
            await with_transport(server.url, lambda t: post(t, policy))
        assert len(server.seen) == 3


async def test_retry_after_seconds_is_exact() -> None:
    times: list[float] = []

    async def handler(request: Request) -> Reply:
        times.append(time.monotonic())
        return Reply(429, headers={"retry-after": "0.3"}) if len(times) == 1 else Reply()

    async with Server(handler) as server:
        await with_transport(server.url, lambda t: post(t, RetryPolicy(wait_base=9)))
    assert 0.3 <= times[1] - times[0] < 0.45


async def test_retry_after_beyond_the_deadline_is_told_and_not_waited_for() -> None:
    began = time.monotonic()
    async with Server(replies(Reply(429, headers={"retry-after": "3600"}))) as server:
        with pytest.raises(RateLimitError) as caught:
            await with_transport(server.url, post)
    assert caught.value.retry_after == 3600
    assert time.monotonic() - began < 2


def test_what_the_server_asks_for() -> None:
    now = 1_800_000_000.0
    date = formatdate(now, usegmt=True)
    later = formatdate(now + 90, usegmt=True)
    assert server_wait({"retry-after": "7"}) == 7
    assert server_wait({"retry-after": later}, now=now) == 90
    # Our clock may be wrong: the server's own date counts.
    assert server_wait({"retry-after": later, "date": date}, now=now - 5000) == 90
    assert server_wait({"retry-after": date}, now=now + 50) == 0
    assert server_wait({"retry-after": "soon"}) is None
    assert server_wait({"retry-after": "inf"}) is None
    assert server_wait({"ratelimit-remaining": "0", "ratelimit-reset": "4"}) == 4
    assert server_wait({"ratelimit-remaining": "3", "ratelimit-reset": "4"}) is None
    assert server_wait({}) is None


@given(st.integers(1, 10_000), st.floats(0.001, 10), st.floats(0.001, 100))
def test_backoff_is_full_jitter_below_its_bounds(attempt: int, base: float, top: float) -> None:
    policy = RetryPolicy(wait_base=base, wait_max=top)
    assert 0 <= backoff(policy, attempt) <= min(top, base * 2.0 ** min(attempt - 1, 32))


async def test_the_deadline_holds_over_all_attempts() -> None:
    began = time.monotonic()
    async with Server(replies(Reply(503, b"busy"))) as server:
        # The end falls into a wait, or into an attempt, which is then cut off.
        with pytest.raises((ServerError, DeadlineError)) as caught:
            await with_transport(server.url, lambda t: post(t, QUICK, seconds=0.2))
        assert len(server.seen) > 3
    assert time.monotonic() - began < 2
    assert caught.value.response is not None
    assert caught.value.response.body == b"busy"


async def test_the_answer_counts_where_a_wait_lasts_beyond_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine that stands still in the middle of a wait must not hide what the server said."""
    sleep = anyio.sleep

    async def oversleep(seconds: float) -> None:
        await sleep(seconds + 0.5)

    async with Server(replies(Reply(503, b"busy"))) as server:
        monkeypatch.setattr("asyncwb.transport.attempts.anyio.sleep", oversleep)
        with pytest.raises(ServerError, match="busy"):
            await with_transport(server.url, lambda t: post(t, QUICK, seconds=0.3))
        assert len(server.seen) == 1


@pytest.mark.parametrize("http2", ["off", "h2c"])
async def test_a_silent_server_ends_at_the_deadline(http2: str) -> None:
    async def handler(request: Request) -> Reply:
        await anyio.sleep(30)
        return Reply()

    async with Server(handler, protocol="h2" if http2 == "h2c" else "h1") as server:
        began = time.monotonic()
        with pytest.raises(DeadlineError, match="offline mode") as caught:
            await with_transport(server.url, lambda t: post(t, QUICK, 0.3), http2=http2)
        assert time.monotonic() - began < 3
        assert caught.value.exc is not None
        assert isinstance(caught.value, TimeoutError)
        assert server.netloc in str(caught.value)


async def test_the_last_answer_is_kept_when_silence_follows() -> None:
    calls = 0

    async def handler(request: Request) -> Reply:
        nonlocal calls
        calls += 1
        if calls > 1:
            await anyio.sleep(30)
        return Reply(503, b"going down")

    async with Server(handler) as server:
        with pytest.raises(DeadlineError) as caught:
            await with_transport(server.url, lambda t: post(t, QUICK, 0.3))
    assert caught.value.response is not None
    assert caught.value.response.status == 503


async def test_refused_connections_are_retried_until_the_deadline() -> None:
    states: list[RetryState] = []
    policy = RetryPolicy(wait_base=0.005, wait_max=0.02, on_retry=states.append)
    with pytest.raises(CommError, match=r"cannot reach 127\.0\.0\.1:1 after \d+ attempts") as e:
        await with_transport("http://127.0.0.1:1", lambda t: post(t, policy, 0.3))
    assert isinstance(e.value.exc, httpx.ConnectError)
    assert "HTTPS_PROXY" in str(e.value)
    assert len(states) > 3
    assert [state.attempt for state in states] == list(range(1, len(states) + 1))
    assert states[0].status is None
    assert states[0].reason.startswith("no connection")


async def test_on_retry_learns_status_and_message() -> None:
    states: list[RetryState] = []
    policy = RetryPolicy(wait_base=0.001, on_retry=states.append)
    async with Server(replies(Reply(500, f"bad {KEY}".encode()), Reply())) as server:
        await with_transport(server.url, lambda t: post(t, policy))
    assert [(state.status, state.reason) for state in states] == [(500, "500 (bad ***)")]


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.SILENCE}))
async def test_every_fault_is_survived(fault: Fault) -> None:
    async with Server() as server, FaultProxy(server.url, script=[fault, fault, None]) as proxy:
        assert await with_transport(proxy.url, post) == b"{}"
        assert proxy.done[fault] == (2 if fault is not Fault.SLOW else 1)


async def test_the_first_lost_connection_is_repaired_at_once() -> None:
    slow = RetryPolicy(wait_base=30, wait_max=30)
    async with Server() as server, FaultProxy(server.url, script=[None, Fault.RESET_AFTER]) as p:

        async def body(transport: Transport) -> None:
            await post(transport, slow)
            began = time.monotonic()
            await post(transport, slow)
            assert time.monotonic() - began < 1

        await with_transport(p.url, body)


async def test_statistics_and_lost_rate() -> None:
    async with Server() as server, FaultProxy(server.url, rate=0.3, seed=7) as proxy:

        async def body(transport: Transport) -> None:
            for _ in range(100):
                assert await post(transport) == b"{}"
            stats = transport.stats
            assert stats.requests == proxy.requests
            assert stats.retries == stats.requests - 100
            assert stats.http_version == "HTTP/1.1"

        await with_transport(proxy.url, body)
        assert 15 <= proxy.faulted <= 70


def test_the_budget_delays_and_never_fails() -> None:
    now = 0.0
    budget = RetryBudget(rate=10, burst=5, per_success=0.5, clock=lambda: now)
    assert [budget.reserve() for _ in range(5)] == [0] * 5
    assert budget.reserve() == pytest.approx(0.1)
    assert budget.reserve() == pytest.approx(0.2)
    budget.refund()
    now = 0.1
    assert budget.reserve() == pytest.approx(0.1)
    budget.success()
    budget.success()
    assert budget.reserve() == pytest.approx(0.1)
    now = 1000.0
    assert [budget.reserve() for _ in range(6)] == pytest.approx([0, 0, 0, 0, 0, 0.1])


async def test_an_outage_does_not_become_a_flood() -> None:
    policy = RetryPolicy(wait_base=0.0001, wait_max=0.0001, max_attempts=10_000)
    async with Server(replies(Reply(503))) as server:

        async def body(transport: Transport) -> None:
            async def one() -> None:
                with pytest.raises(CommError):
                    await post(transport, policy, seconds=1.0)

            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(one)

        await with_transport(server.url, body)
        # 20 first attempts, 100 tokens at hand, 10 more in the second.
        assert 100 < len(server.seen) <= 135


async def test_html_and_long_texts_are_not_quoted() -> None:
    async def message(reply: Reply) -> str:
        async with Server(replies(reply)) as server:
            with pytest.raises(CommError) as caught:
                await with_transport(server.url, lambda t: post(t, NO_RETRY))
            return str(caught.value)

    assert "sorry" not in await message(Reply(502, b"<html>sorry</html>"))
    html = {"content-type": "text/html"}
    assert "sorry" not in await message(Reply(502, b"sorry", html))
    assert "xxxx" not in await message(Reply(502, b"x" * 5000))
    assert ": short text" in await message(Reply(404, b"short text"))
    assert ": first" in await message(
        Reply(400, b'{"errors":[{"message":"first"},{"message":"2"}]}')
    )
    assert ": plain" in await message(Reply(400, b'{"error":"plain"}'))
    assert ": list" in await message(Reply(400, b'{"errors":["list"]}'))


async def test_a_redirected_post_says_where_to() -> None:
    elsewhere = {"location": "https://new.test/graphql?signature=abc"}
    async with Server(replies(Reply(308, headers=elsewhere))) as server:
        with pytest.raises(CommError, match=r"redirects to new\.test.*base_url") as caught:
            await with_transport(server.url, post)
        assert "abc" not in str(caught.value)
        assert len(server.seen) == 1


async def test_a_body_that_is_no_json() -> None:
    async with Server(replies(Reply(body=b"hello"))) as server:

        async def body(transport: Transport) -> None:
            answer = await transport.post("/graphql", b"{}", deadline_seconds=5)
            with pytest.raises(ProtocolError, match="not JSON"):
                answer.json()
            assert repr(answer) == "<Response 200 HTTP/1.1, 5 bytes>"

        await with_transport(server.url, body)


@pytest.mark.parametrize("url", ["ftp://host", "host.test", "http://", "http://h:port"])
async def test_a_bad_base_url(url: str) -> None:
    with pytest.raises(InvalidValueError, match="URL"):
        await with_transport(url, post)
