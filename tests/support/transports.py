"""Run a body in the portal's loop with a Transport on pools of its own."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

from asyncwb.portal import PORTAL
from asyncwb.transport import Auth, Transport, TransportConfig

T = TypeVar("T")

KEY = "local-" + "0123456789abcdef" * 3


async def with_transport(
    base_url: str, body: Callable[[Transport], Awaitable[T]], **config: Any
) -> T:
    """Call `body(transport)` in the loop; the clients close afterwards."""
    config.setdefault("auth", Auth.basic(KEY))

    async def main() -> T:
        await Transport.shared(TransportConfig(base_url=base_url))
        from asyncwb.transport.pools import open_pools

        pools = await open_pools()
        try:
            return await body(Transport(TransportConfig(base_url=base_url, **config), pools))
        finally:
            await pools.aclose()

    return await PORTAL.acall(main)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what another thread does."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - events do not cross threads
            await anyio.sleep(0.005)
