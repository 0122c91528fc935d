"""HTTP/2 under everything that breaks it at once: no lost request, no stuck client."""

import random
import time
from collections import Counter

import anyio
import pytest
from http_loopback import Reply, Request, Server
from transports import until, with_transport

from asyncwb.transport import RetryPolicy, Transport

QUICK = RetryPolicy(wait_base=0.005, wait_max=0.05, max_attempts=50, attempt_seconds=5.0)


async def soak(requests: int, workers: int, window: int) -> None:
    """Every request is answered by its own echo; 10 % of the callers leave, and repeat."""
    draw = random.Random(11)
    seen: Counter[bytes] = Counter()

    async def handler(request: Request) -> Reply:
        seen[request.body[:12]] += 1
        if draw.random() < 0.05:
            await anyio.sleep(draw.random() * 0.05)
        return Reply(body=request.body)

    async with Server(
        handler, protocol="h2", goaway_every=1000, reset_rate=0.01, window=window, max_streams=64
    ) as server:

        async def body(transport: Transport) -> None:
            todo = iter(range(requests))
            answered = left = 0
            slowest = 0.0

            async def worker() -> None:
                nonlocal answered, left, slowest
                for index in todo:
                    sent = b"%012d" % index + b"x" * draw.choice([0, 0, 0, 0, 500, 500, 9000])
                    if draw.random() < 0.1:
                        with anyio.move_on_after(draw.random() * 0.01) as scope:
                            await transport.post("/a", sent, policy=QUICK, deadline_seconds=60)
                        left += scope.cancelled_caught
                    began = time.monotonic()
                    answer = await transport.post("/a", sent, policy=QUICK, deadline_seconds=60)
                    slowest = max(slowest, time.monotonic() - began)
                    assert answer.body == sent
                    answered += 1

            async def drops() -> None:
                while answered < requests:
                    await anyio.sleep(draw.random() * 2)
                    server.reset_connections()

            async with anyio.create_task_group() as group:
                group.start_soon(drops)
                async with anyio.create_task_group() as inner:
                    for _ in range(workers):
                        inner.start_soon(worker)
                group.cancel_scope.cancel()
            assert answered == requests
            assert left > requests * 0.02
            assert slowest < 10
            # Nothing is stuck: what its callers left ends by itself, an idle client answers.
            await until(lambda: transport.stats.detached == 0, 20)
            for _ in range(3):
                server.reset_connections()
                began = time.monotonic()
                await transport.post("/a", b"{}", policy=QUICK, deadline_seconds=10)
                assert time.monotonic() - began < 5
            stats = transport.stats
            assert stats.http_version == "HTTP/2"
            assert stats.retired >= server.goaways
            assert stats.connections < requests / 20

        await with_transport(server.url, body, http2="h2c")
        assert len({key for key in seen if key.isdigit()}) == requests
        assert server.goaways >= max(1, requests // 2000)
        assert server.resets > requests * 0.005


@pytest.mark.parametrize("window", [65_535, 2048])
async def test_soak(window: int) -> None:
    await soak(1500, 40, window)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("window", [65_535, 1024])
async def test_long_soak(window: int) -> None:
    await soak(40_000, 60, window)
