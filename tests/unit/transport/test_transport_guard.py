"""HTTP/2: callers leave, siblings live on, broken clients are replaced."""

import gc
import time
from collections import Counter

import anyio
import pytest
from http_loopback import Reply, Request, Server
from transports import until, with_transport

from asyncwb.errors import CommError, DeadlineError
from asyncwb.transport import NO_RETRY, RetryPolicy, Transport
from asyncwb.transport.limits import Admission

QUICK = RetryPolicy(wait_base=0.005, wait_max=0.02)


class Gate:
    """Answers to bodies that start with "slow" wait until it opens."""

    def __init__(self) -> None:
        self.opened = anyio.Event()
        self.waiting = 0

    async def __call__(self, request: Request) -> Reply:
        if request.body.startswith(b"slow"):
            self.waiting += 1
            await until(self.opened.is_set, 30)
        return Reply(body=request.body)


async def settle(transport: Transport) -> None:
    await until(lambda: transport.stats.detached == 0)


async def test_cancelled_callers_leave_their_siblings_alone() -> None:
    gate = Gate()
    async with Server(gate, protocol="h2") as server:

        async def body(transport: Transport) -> None:
            results: list[bytes] = []

            async def patient() -> None:
                answer = await transport.post("/a", b"slow but wanted", deadline_seconds=20)
                results.append(answer.body)

            async with anyio.create_task_group() as group:
                group.start_soon(patient)
                for _ in range(8):
                    with anyio.move_on_after(0.02):
                        await transport.post("/a", b"slow, unwanted", deadline_seconds=20)
                assert transport.stats.detached == 8
                quick = await transport.post("/a", b"quick", deadline_seconds=20)
                assert quick.body == b"quick"
                gate.opened.set()
            assert results == [b"slow but wanted"]
            await settle(transport)
            assert transport.stats.detached_total == 8
            assert transport.stats.retired == 0

        await with_transport(server.url, body, http2="h2c")
        assert server.connections == 1
        assert len(server.seen) == 10


async def test_a_timeout_does_not_poison_the_siblings() -> None:
    gate = Gate()
    async with Server(gate, protocol="h2") as server:

        async def body(transport: Transport) -> None:
            results: list[bytes] = []

            async def patient(index: int) -> None:
                answer = await transport.post("/a", b"slow %d" % index, deadline_seconds=20)
                results.append(answer.body)

            async with anyio.create_task_group() as group:
                for index in range(5):
                    group.start_soon(patient, index)
                with pytest.raises(DeadlineError):
                    await transport.post("/a", b"slow!", policy=NO_RETRY, deadline_seconds=0.1)
                gate.opened.set()
            assert len(results) == 5
            await settle(transport)

        await with_transport(server.url, body, http2="h2c")


async def test_a_silent_connection_is_replaced() -> None:
    gate = Gate()
    async with Server(gate, protocol="h2") as server:

        async def body(transport: Transport) -> None:
            await transport.post("/a", b"quick", deadline_seconds=5)
            with pytest.raises(DeadlineError):
                await transport.post("/a", b"slow", policy=NO_RETRY, deadline_seconds=0.05)
            assert transport.stats.retired == 1
            await transport.post("/a", b"quick", deadline_seconds=5)
            assert transport.stats.connections == 2
            gate.opened.set()
            await settle(transport)

        await with_transport(server.url, body, http2="h2c")


async def test_too_many_detached_requests_retire_the_client() -> None:
    gate = Gate()
    async with Server(gate, protocol="h2") as server:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(leave, transport)
            assert transport.stats.retired >= 1
            # More than the 32 places of one client are taken: the new one answers nevertheless.
            assert transport.stats.detached >= 32
            with anyio.fail_after(5):
                await transport.post("/a", b"quick", deadline_seconds=5)
            gate.opened.set()
            await settle(transport)

        async def leave(transport: Transport) -> None:
            with anyio.move_on_after(0.1):
                await transport.post("/a", b"slow", deadline_seconds=20)

        await with_transport(server.url, body, http2="h2c")


async def test_at_most_32_in_flight() -> None:
    now = peak = 0

    async def handler(request: Request) -> Reply:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        await anyio.sleep(0.01)
        now -= 1
        return Reply(body=request.body)

    async with Server(handler, protocol="h2") as server:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(150):
                    group.start_soon(one, transport)

        async def one(transport: Transport) -> None:
            await transport.post("/a", b"{}", deadline_seconds=20)

        await with_transport(server.url, body, http2="h2c")
        assert server.connections == 1
    assert 16 < peak <= 32


async def test_goaway_loses_nothing() -> None:
    async with Server(protocol="h2", goaway_every=20) as server:

        async def body(transport: Transport) -> None:
            answers: set[bytes] = set()

            async def worker(start: int) -> None:
                for index in range(start, 300, 20):
                    sent = b"%d" % index
                    answer = await transport.post("/a", sent, policy=QUICK, deadline_seconds=20)
                    answers.add(answer.body)

            async with anyio.create_task_group() as group:
                for start in range(20):
                    group.start_soon(worker, start)
            assert answers == {b"%d" % index for index in range(300)}
            assert transport.stats.retired >= 5

        await with_transport(server.url, body, http2="h2c")
        assert server.goaways >= 10


async def test_an_idle_connection_that_was_dropped_is_replaced_at_once() -> None:
    async with Server(protocol="h2") as server:

        async def body(transport: Transport) -> None:
            for _ in range(3):
                await transport.post("/a", b"{}", deadline_seconds=5)
                server.reset_connections()
                began = time.monotonic()
                await transport.post("/a", b"{}", policy=QUICK, deadline_seconds=5)
                assert time.monotonic() - began < 1

        await with_transport(server.url, body, http2="h2c")


async def test_a_reset_stream_spares_the_connection() -> None:
    async with Server(protocol="h2") as server:

        async def body(transport: Transport) -> None:
            await transport.post("/a", b"{}", deadline_seconds=5)
            server.reset_rate = 1.0
            # The first draw decides about the reset, the second about its kind.
            server.random.seed(_seed_for_stream_reset())
            policy = RetryPolicy(wait_base=0.001, on_retry=lambda _: heal(server))
            await transport.post("/a", b"{}", policy=policy, deadline_seconds=5)
            assert transport.stats.retired == 0
            assert transport.stats.connections == 1
            assert transport.stats.retries == 1

        await with_transport(server.url, body, http2="h2c")


def heal(server: Server) -> None:
    server.reset_rate = 0.0


def _seed_for_stream_reset() -> int:
    import random

    for seed in range(100):
        draw = random.Random(seed)
        draw.random()
        if draw.random() >= 0.5:
            return seed
    raise AssertionError


@pytest.mark.parametrize("window", [1024, 16_384])
async def test_small_windows_do_not_stall(window: int) -> None:
    async with Server(protocol="h2", window=window, max_streams=7) as server:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                for index in range(30):
                    group.start_soon(one, transport, index)

        async def one(transport: Transport, index: int) -> None:
            sent = bytes([index]) * 20_000
            answer = await transport.post("/a", sent, policy=QUICK, deadline_seconds=20)
            assert answer.body == sent

        await with_transport(server.url, body, http2="h2c")


async def test_closing_fails_what_is_running_and_hangs_nobody() -> None:
    from asyncwb.portal import PORTAL
    from asyncwb.transport import TransportConfig
    from asyncwb.transport.pools import open_pools

    gate = Gate()
    async with Server(gate, protocol="h2") as server:

        async def main() -> None:
            await Transport.shared(TransportConfig(base_url=server.url))
            pools = await open_pools()
            transport = Transport(TransportConfig(base_url=server.url, http2="h2c"), pools)
            async with anyio.create_task_group() as group:
                group.start_soon(fails, transport)
                await until(lambda: gate.waiting > 0)
                await pools.aclose()

        async def fails(transport: Transport) -> None:
            with pytest.raises(CommError):
                await transport.post("/a", b"slow", policy=NO_RETRY, deadline_seconds=20)

        with anyio.fail_after(10):
            await PORTAL.acall(main)


async def test_admission_is_fair_and_survives_cancellation() -> None:
    entry = Admission(2)
    order: list[int] = []

    async def one(index: int) -> None:
        await entry.enter()
        order.append(index)
        await anyio.sleep(0.001)
        entry.leave()

    async def gives_up() -> None:
        with anyio.move_on_after(0.0005):
            await entry.enter()
            entry.leave()

    async with anyio.create_task_group() as group:
        for index in range(10):
            group.start_soon(one, index)
            group.start_soon(gives_up)
    assert order == list(range(10))
    assert entry.inside == 0


async def test_quick_answers_pass_slow_ones() -> None:
    """Stock httpcore leaves the quick answer unread behind the third slow request."""
    gate = Gate()
    async with Server(gate, protocol="h2") as server:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(slow, transport)
                await until(lambda: gate.waiting == 20)
                with anyio.fail_after(2):
                    for _ in range(50):
                        await transport.post("/a", b"quick", deadline_seconds=20)
                gate.opened.set()

        async def slow(transport: Transport) -> None:
            await transport.post("/a", b"slow", deadline_seconds=20)

        await with_transport(server.url, body, http2="h2c")
        assert server.connections == 1


async def test_a_lowered_stream_limit_stops_nobody() -> None:
    """Stock httpcore waits for streams to end while it reads, so it never reads that they do."""
    gate = Gate()
    async with Server(gate, protocol="h2", max_streams=20) as server:

        async def body(transport: Transport) -> None:
            answers: list[bytes] = []

            async def one(sent: bytes) -> None:
                answer = await transport.post("/a", sent, policy=NO_RETRY, deadline_seconds=20)
                answers.append(answer.body)

            async with anyio.create_task_group() as group:
                for index in range(25):
                    group.start_soon(one, b"slow %d" % index)
                await until(lambda: gate.waiting == 20)
                server.limit_streams(3)
                # The limit holds for what waits: no stream is opened before 17 of the 20 ended.
                await anyio.sleep(0.05)
                assert gate.waiting == 20
                with anyio.fail_after(5):
                    gate.opened.set()
                    await until(lambda: len(answers) == 25)
            server.limit_streams(30)
            gate.opened, gate.waiting = anyio.Event(), 0
            async with anyio.create_task_group() as group:
                for index in range(30):
                    group.start_soon(one, b"slow again %d" % index)
                await until(lambda: gate.waiting == 30)
                gate.opened.set()
            assert len(answers) == 55
            assert transport.stats.retired == 0

        await with_transport(server.url, body, http2="h2c")
        assert server.connections == 1


@pytest.mark.parametrize("protocol", ["h1", "h2"])
async def test_requests_leave_no_garbage(protocol: str) -> None:
    """Training loops switch the collector off: a cycle would keep the body of every request."""
    async with Server(protocol=protocol) as server:

        async def body(transport: Transport) -> Counter[str]:
            await transport.post("/a", b"x", deadline_seconds=5)
            gc.collect()
            gc.disable()
            try:
                before = Counter(type(thing).__name__ for thing in gc.get_objects())
                for _ in range(50):
                    await transport.post("/a", b"x", deadline_seconds=5)
                return Counter(type(thing).__name__ for thing in gc.get_objects()) - before
            finally:
                gc.enable()

        http2 = "h2c" if protocol == "h2" else "off"
        left = await with_transport(server.url, body, http2=http2)
        kinds = ("BytesBody", "Outgoing", "Response", "Attempts", "_Exchange", "Call", "Task")
        assert {kind: left[kind] for kind in kinds if left[kind] > 5} == {}
