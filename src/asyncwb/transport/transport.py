"""`Transport`: what the rest of asyncwb calls to speak HTTP."""

from __future__ import annotations

import importlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urljoin

from asyncwb.errors import CommError, InvalidValueError
from asyncwb.portal import PORTAL
from asyncwb.transport.config import TransportConfig, origin_of
from asyncwb.transport.messages import FileSlice, Outgoing, Response
from asyncwb.transport.offload import offload
from asyncwb.transport.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from asyncwb.transport.bulk import Opened, Purpose
    from asyncwb.transport.download import Download
    from asyncwb.transport.pools import Pools
    from asyncwb.transport.stats import TransportStats

__all__ = ["CONTROL_BODY_BYTES", "Lane", "Transport"]

Lane: TypeAlias = Literal["control", "bulk"]

CONTROL_BODY_BYTES = 64 * 1024
"""Bodies up to this size go over the control lane, unless the caller says otherwise."""

_CONTROL_ATTEMPT_SECONDS = 30.0
_UNBOUNDED = 24 * 3600.0
_MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_POLICY = RetryPolicy()


class Transport:
    """HTTP with one account on one server; get it with `await Transport.shared(config)`.

    Cheap: connections, TLS contexts, the retry budget and the statistics belong to the process,
    and Transports that differ in nothing but credentials share connections. Everything here runs
    in the portal's loop. Cancelling a call never disturbs other calls; the server may still get
    the request, so every request must be safe to repeat.
    """

    def __init__(self, config: TransportConfig, pools: Pools) -> None:
        self._config = config
        self._pools = pools
        self._root = config.root

    @classmethod
    async def shared(cls, config: TransportConfig) -> Transport:
        """Make a Transport on the clients of this process; no network, no wait for one.

        Raises:
            InvalidValueError: `base_url` is not an http(s) URL.
        """
        config.origin  # noqa: B018 - checks the URL
        # httpx, ssl and tenacity take 150 ms to import: not in the loop.
        await offload(importlib.import_module, "asyncwb.transport.attempts")
        await offload(importlib.import_module, "asyncwb.transport.download")
        from asyncwb.transport.pools import Pools, open_pools

        pools = await PORTAL.resource("asyncwb.transport", open_pools, Pools.aclose)
        return cls(config, pools)

    @property
    def config(self) -> TransportConfig:
        """What it was made with."""
        return self._config

    @property
    def stats(self) -> TransportStats:
        """Counts over all Transports of the process."""
        return self._pools.counters.snapshot()

    @property
    def multiplexed(self) -> bool:
        """Whether bodies of up to 64 KiB share one HTTP/2 connection; False before the first."""
        return self._pools.multiplexes(self._config)

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        policy: RetryPolicy = _DEFAULT_POLICY,
        deadline_seconds: float,
        lane: Lane | None = None,
    ) -> Response:
        """Send a body to a path of the server, with credentials; retries as `policy` says.

        Args:
            path: Percent-encoded, starts with "/", relative to `base_url`.
            body: JSON unless `headers` names another `Content-Type`.
            headers: Added to the usual ones, and winning over them.
            policy: What to retry, and how long one attempt may take.
            deadline_seconds: Time for all attempts and waits.
            lane: "control" shares one HTTP/2 connection where possible; "bulk" is HTTP/1.1.
                Default: by the size of the body.

        Raises:
            AuthenticationError: 401 or 403.
            RateLimitError: 429, and the wait it asks for does not fit into the deadline.
            ServerError: 5xx on the last attempt.
            DeadlineError: No answer in time.
            CommError: Any other status, or no connection.
        """
        outgoing = Outgoing(
            "POST",
            self._url(path),
            self._headers({"Content-Type": "application/json"}, private=True, given=headers),
            body,
        )
        if lane is None:
            lane = "control" if len(body) <= CONTROL_BODY_BYTES else "bulk"
        return await self._call(outgoing, lane, "post", policy, deadline_seconds)

    async def delete(
        self, path: str, *, policy: RetryPolicy = _DEFAULT_POLICY, deadline_seconds: float
    ) -> Response:
        """Remove what is at a path of the server, with credentials.

        Args:
            path: Percent-encoded, starts with "/", relative to `base_url`.
            policy: What to retry, and how long one attempt may take.
            deadline_seconds: Time for all attempts and waits.

        Raises:
            CommError: As for `post`.
        """
        headers = self._headers({}, private=True, given=None)
        outgoing = Outgoing("DELETE", self._url(path), headers, b"")
        return await self._call(outgoing, "control", "post", policy, deadline_seconds)

    async def put(
        self,
        url: str,
        source: bytes | Path | FileSlice,
        *,
        headers: Mapping[str, str] | None = None,
        policy: RetryPolicy = _DEFAULT_POLICY,
        deadline_seconds: float,
        on_sent: Callable[[int], None] | None = None,
    ) -> Response:
        """Upload bytes or a file to a (signed) URL, without credentials, from the start each time.

        Up to 64 KiB for the host of `base_url` share the connection of the control lane.

        Args:
            url: Absolute, or a path of the server.
            source: A file, or a part of one, is read on the portal's threads in chunks.
            headers: What the URL's signature asks for.
            policy: What to retry.
            deadline_seconds: Time for all attempts and waits; an attempt also ends after 60 s
                without progress.
            on_sent: Called in the loop with the size of each piece of a file that went out, in
                every attempt; not for what fits into the control lane.

        Raises:
            InvalidValueError: The file cannot be read.
            CommError: As for `post`.
        """
        from asyncwb.transport.body import read_small

        target = self._url(url)
        lane: Lane = "bulk"
        if origin_of(target) == self._config.origin:
            if isinstance(source, bytes):
                small = source if len(source) <= CONTROL_BODY_BYTES else None
            elif isinstance(source, FileSlice):
                small = None
            else:
                small = await read_small(source, CONTROL_BODY_BYTES)
            if small is not None:
                source, lane = small, "control"
        given = self._headers({}, private=False, given=headers)
        outgoing = Outgoing("PUT", target, given, source, on_sent)
        return await self._call(outgoing, lane, "up", policy, deadline_seconds)

    async def download(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        policy: RetryPolicy = _DEFAULT_POLICY,
        deadline_seconds: float,
    ) -> Response:
        """Get a body into memory; credentials go along only under `base_url`.

        Redirects are followed, with credentials only where the target lies under `base_url` too,
        and never from https to http.

        Raises:
            CommError: As for `post`.
        """
        opened = await self._get(url, headers, policy, deadline_seconds, whole=True)
        assert isinstance(opened, Response)
        return opened

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        start: int = 0,
        end: int | None = None,
        headers: Mapping[str, str] | None = None,
        policy: RetryPolicy = _DEFAULT_POLICY,
        deadline_seconds: float,
    ) -> AsyncGenerator[Download]:
        """Get a body piece by piece: `async with t.stream(url, ...) as d: async for piece in d`.

        A connection lost in the middle is replaced, and the download goes on where it was, if the
        server knows ranges and the file did not change. `download` explains the credentials.

        Args:
            url: Absolute, or a path of the server.
            start: First byte wanted.
            end: First byte not wanted; None: to the end.
            headers: Added to the usual ones.
            policy: What to retry, also in the middle.
            deadline_seconds: Time until the first byte may come; later each 60 s of silence end
                an attempt.

        Raises:
            CommError: As for `post`; also while iterating.
        """
        from asyncwb.transport.download import Download

        async def reopen(extra: Mapping[str, str]) -> Opened:
            merged = {**(headers or {}), **extra}
            opened = await self._get(url, merged, policy, deadline_seconds, whole=False)
            assert not isinstance(opened, Response)
            return opened

        download = await Download.open(reopen, start=start, end=end, attempts=policy.max_attempts)
        try:
            yield download
        finally:
            await download.aclose()

    async def _call(
        self,
        outgoing: Outgoing,
        lane: Lane,
        purpose: Purpose,
        policy: RetryPolicy,
        deadline_seconds: float,
    ) -> Response:
        from asyncwb.transport.attempts import Attempts, StatusFailure

        async def attempt(seconds: float) -> Response:
            if lane == "control":
                control = await self._pools.control(self._config)
                response = await control.send(outgoing, seconds)
            else:
                bulk = await self._pools.bulk(self._config, outgoing.url, purpose)
                response = await bulk.send(outgoing, seconds)
            if not response.ok:
                raise StatusFailure(response)
            return response

        return await Attempts(
            attempt,
            outgoing=outgoing,
            config=self._config,
            pools=self._pools,
            policy=policy,
            deadline_seconds=deadline_seconds,
            attempt_seconds=_CONTROL_ATTEMPT_SECONDS if lane == "control" else _UNBOUNDED,
        ).run()

    async def _get(
        self,
        url: str,
        headers: Mapping[str, str] | None,
        policy: RetryPolicy,
        deadline_seconds: float,
        *,
        whole: bool,
    ) -> Response | Opened:
        from asyncwb.transport.attempts import Attempts

        first = self._url(url)

        async def attempt(seconds: float) -> Response | Opened:
            target = first
            for _ in range(_MAX_REDIRECTS):
                result = await self._hop(target, headers, seconds, whole=whole)
                if isinstance(result, str):
                    target = result
                    continue
                if not isinstance(result, Response):
                    result.url = target
                return result
            raise CommError(f"more than {_MAX_REDIRECTS} redirects from {origin_of(first)}")

        return await Attempts(
            attempt,
            outgoing=Outgoing("GET", first, {}),
            config=self._config,
            pools=self._pools,
            policy=policy,
            deadline_seconds=deadline_seconds,
            attempt_seconds=_UNBOUNDED,
        ).run()

    async def _hop(
        self, url: str, headers: Mapping[str, str] | None, seconds: float, *, whole: bool
    ) -> Response | Opened | str:
        """One request of a download; a str is where it was redirected to."""
        from asyncwb.transport.attempts import StatusFailure

        base = {"Accept-Encoding": "gzip" if whole else "identity"}
        outgoing = Outgoing(
            "GET", url, self._headers(base, private=self._config.owns(url), given=headers)
        )
        lane = await self._pools.bulk(self._config, url, "down")
        if whole:
            response = await lane.send(outgoing, seconds)
        else:
            opened = await lane.open(outgoing, seconds)
            if 200 <= opened.response.status < 300:
                return opened
            try:
                response = await opened.response.read()
            finally:
                await opened.aclose()
        if response.ok:
            return response
        location = response.headers.get("location")
        if response.status not in _REDIRECTS or location is None:
            raise StatusFailure(response)
        target = urljoin(url, location)
        if origin_of(url).scheme == "https" and origin_of(target).scheme == "http":
            raise CommError(
                f"{origin_of(url)} redirects a download to unencrypted http, which is refused",
                response=response,
            )
        return target

    def _url(self, url: str) -> str:
        if url.startswith("/") and not url.startswith("//"):
            return self._root + url
        if "://" not in url:
            raise InvalidValueError("a URL is neither absolute nor a path that starts with '/'")
        return url

    def _headers(
        self, base: dict[str, str], *, private: bool, given: Mapping[str, str] | None
    ) -> dict[str, str]:
        headers = {"User-Agent": self._config.user_agent, "Accept-Encoding": "gzip", **base}
        if private:
            headers.update(self._config.private_headers())
        if given:
            names = {name.lower() for name in given}
            headers = {name: value for name, value in headers.items() if name.lower() not in names}
            headers.update(given)
        return headers
