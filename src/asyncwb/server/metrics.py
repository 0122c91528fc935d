"""What the server counts of itself, for Prometheus.

Labels are methods, the patterns of routes and statuses: their number does not grow with users,
runs or addresses. Each process counts for itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from asyncwb.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ROUTE", "Measured", "Metrics"]

ROUTE = "asyncwb.route"
"""Where a route leaves its pattern in the scope of a request."""

_MANY = 1000
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one process.

    Args:
        waiting: The number of changes that wait for the writer.
        silent_after: Seconds without a file-stream request after which a run is no longer live.
    """

    def __init__(self, waiting: Callable[[], int], silent_after: float) -> None:
        self._registry = registry = CollectorRegistry()
        self._silent_after = silent_after
        self._heard: dict[int, float] = {}
        self._forget_from = _MANY
        self.requests = Counter(
            "asyncwb_requests", "Requests that were answered.", ("method", "route", "status"),
            registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "asyncwb_request_seconds", "Time until an answer was sent.", ("route",),
            buckets=_BUCKETS, registry=registry,
        )  # fmt: skip
        self.received = Counter(
            "asyncwb_received_bytes", "Bytes of request bodies.", registry=registry
        )
        self.sent = Counter("asyncwb_sent_bytes", "Bytes of answers.", registry=registry)
        self.rows = Counter(
            "asyncwb_rows", "Lines taken from file streams.", ("stream",), registry=registry
        )
        Gauge(
            "asyncwb_writer_waiting", "Changes that wait for the writer of the database.",
            registry=registry,
        ).set_function(waiting)  # fmt: skip
        Gauge(
            "asyncwb_runs_live", "Runs that were heard of lately by this process.",
            registry=registry,
        ).set_function(self._live)  # fmt: skip
        Info("asyncwb", "The server.", registry=registry).info({"version": VERSION})
        ProcessCollector(registry=registry)

    def heard(self, run_id: int, *, ended: bool) -> None:
        """Note a sign of life of a run, or its end."""
        if ended:
            self._heard.pop(run_id, None)
        else:
            self._heard[run_id] = time.monotonic()
            if len(self._heard) > self._forget_from:
                # nobody may ask for metrics, ever
                self._forget_from = _MANY + 2 * self._live()

    def _live(self) -> int:
        oldest = time.monotonic() - self._silent_after
        self._heard = {run: at for run, at in self._heard.items() if at >= oldest}
        return len(self._heard)

    def text(self) -> bytes:
        """All of it in the text format of Prometheus."""
        return generate_latest(self._registry)


class Measured:
    """Counts what goes through an application.

    Args:
        app: The application.
        metrics: Where it is counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics = self._metrics
        begun, status = time.perf_counter(), 0

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                metrics.received.inc(len(message.get("body", b"")))
            return message

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                metrics.sent.inc(len(message.get("body", b"")))
            await send(message)

        try:
            await self._app(scope, received, sent)
        finally:
            route = scope.get(ROUTE, "none")
            metrics.requests.labels(scope["method"] if route != "none" else "", route, status).inc()
            metrics.seconds.labels(route).observe(time.perf_counter() - begun)
