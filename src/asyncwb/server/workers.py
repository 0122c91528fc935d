"""Several server processes behind one port of one machine: `asyncwb server run --workers N`.

This process only listens and watches. Each worker is a server process of its own that takes
connections from the one socket, as they come; one that ends is started anew.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import UsageError

from .bootstrap import prepare_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from .process import ServerOptions

__all__ = ["LISTENER", "run_workers"]

LISTENER = "ASYNCWB_SERVER_LISTENER"
"""Tells a worker the number of the socket that it has from its parent."""

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.2
_PAUSE_SECONDS = 1.0  # before one that ended is started anew


def run_workers(
    options: ServerOptions, count: int, listener: socket, ready: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT. Blocks; call it from the main thread.

    Args:
        options: Checked options.
        count: How many workers.
        listener: The socket, listening.
        ready: Called with the address for clients once all workers answer.

    Raises:
        UsageError: A worker could not start; its log says why.
    """
    prepare_folder(options.data_dir)
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    workers: list[_Worker] = []
    try:
        # One by one: the first makes tables and the first user.
        for _ in range(count):
            workers.append(_Worker(options, listener))
            if not workers[-1].wait_until_ready(stopped):
                break
        else:
            ready(options.url_pattern.format(port=listener.getsockname()[1]))
        while not stopped.wait(_POLL_SECONDS):
            for worker in workers:
                worker.keep_alive()
    finally:
        for worker in workers:
            worker.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for worker in workers:
            worker.join(deadline)


class _Worker:
    def __init__(self, options: ServerOptions, listener: socket) -> None:
        self._options, self._listener = options, listener
        self._ended: float | None = None
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        command = [sys.executable, "-P", "-m", "asyncwb.server.serve"]
        return subprocess.Popen(
            [*command, self._options.encode(), str(os.getpid())],
            stdin=subprocess.PIPE,  # it ends when we do, however that is
            stdout=subprocess.PIPE,
            cwd=self._options.data_dir,
            env={**os.environ, **self._options.environment, LISTENER: str(descriptor)},
            pass_fds=[descriptor],
        )

    def wait_until_ready(self, stopped: threading.Event) -> bool:
        """Wait until it answers requests; False: we are to stop before it does."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + _START_SECONDS
        while not stopped.is_set() and time.monotonic() < deadline:
            if not select.select([self._process.stdout], [], [], _POLL_SECONDS)[0]:
                continue
            line = self._process.stdout.readline()
            if not line:
                self._process.wait()
                raise UsageError("A worker could not start; what it wrote above says why.")
            msgspec.json.decode(line, type=dict[str, int])
            return True
        if not stopped.is_set():
            raise UsageError(f"A worker did not answer within {_START_SECONDS:g} seconds.")
        return False

    def keep_alive(self) -> None:
        """Start it anew when it has ended, after a pause."""
        if self._process.poll() is None:
            return
        now = time.monotonic()
        if self._ended is None:
            self._ended = now
        elif now - self._ended > _PAUSE_SECONDS:
            self._ended = None
            self._close()
            self._process = self._start()

    def terminate(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def join(self, deadline: float) -> None:
        """Wait until it has ended; kill it when that takes too long."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
