"""The server process: `python -m asyncwb.server.serve`, started by `asyncwb.server.process`.

One process: granian's HTTP threads and the application's event loop. It prints one line of JSON,
`{"port": ...}`, on standard output once it answers requests, and ends cleanly on SIGTERM, SIGINT
and, where asked, when its parent goes.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import granian.net
import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server

from asyncwb.errors import Error, UsageError
from asyncwb.server.background import claim, forget, remember
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.process import EXPOSED, ServerOptions
from asyncwb.server.workers import LISTENER
from asyncwb.settings import BackgroundServer

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

_log = logging.getLogger("asyncwb.server")
_BACKLOG = 1024
_DRAIN_SECONDS = 5
_PARENT_POLL_SECONDS = 1.0
# How long a thread that reads or settles rows may keep the loop from the interpreter, a fifth of
# what is usual: with many runs that post at once the slowest answers come twice as fast.
_SWITCH_SECONDS = 0.001
# A page of runs is some thousand objects, all without cycles, and the server itself some hundred
# thousand that stay: the garbage collector, with its usual 700, took a fifth of the time of a page.
_YOUNG_OBJECTS = 10_000


class _EmbeddedServer(Server):
    """Granian in this process, on a socket that is bound already (so that port 0 is known)."""

    def __init__(self, app: Any, listener: socket.socket, options: ServerOptions) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            backlog=_BACKLOG,
            websockets=False,
            log_enabled=False,
            ssl_cert=options.tls_cert,
            ssl_key=options.tls_key,
        )
        self.workers_kill_timeout = _DRAIN_SECONDS
        self._listener = listener
        self._serving = self._stopping = False

    def interrupt(self) -> None:
        """End `serve`, from the loop; before the worker serves, as soon as it does.

        Granian's worker would not notice a stop that comes before it listens for one.
        """
        self._stopping = True
        if self._serving:
            self.interrupt_signal = True
            self.main_loop_interrupt.set()

    def begin(self) -> None:
        """Note that the worker serves."""
        self._serving = True
        if self._stopping:
            self.interrupt()

    def _init_shared_socket(self) -> None:
        # Granian would bind with SO_REUSEPORT: a second server on the port would go unnoticed.
        descriptor = self._listener.fileno()
        holder: Any = vars(granian.net)["SocketHolder"]  # its constructor is not in the stubs
        vars(self).update(_shd=holder(descriptor, False, _BACKLOG), _sfd=descriptor)


def _announcing(app: Any, announce: Callable[[], None]) -> Any:
    """The application, with a call once it is up and granian's worker serves it."""

    async def wrapped(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return

        async def sent(message: MutableMapping[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                # The message has woken the worker: it comes before this in the loop's queue, and
                # serves before it waits again.
                asyncio.get_running_loop().call_soon(announce)

        await app(scope, receive, sent)

    return wrapped


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; a worker has that of its parent.

    Raises:
        OSError: The port cannot be listened on.
    """
    inherited = os.environ.pop(LISTENER, None)
    if inherited is not None:
        return socket.socket(fileno=int(inherited))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        # A restarted server takes its old port although closed connections still linger.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _watch_parent(parent: int, gone: Callable[[], None]) -> None:
    """Call `gone` when the parent process is: its end of our standard input closes.

    A child that the parent forked may hold that end open, hence the look at the parent's id.
    """
    finished = threading.Event()

    def read() -> None:
        while os.read(0, 1024):
            pass
        finished.set()

    def watch() -> None:
        while not finished.wait(_PARENT_POLL_SECONDS) and os.getppid() == parent:
            pass
        gone()

    threading.Thread(target=read, name="asyncwb-stdin", daemon=True).start()
    threading.Thread(target=watch, name="asyncwb-parent", daemon=True).start()


async def serve(options: ServerOptions, ready: Callable[[int], None], *, parent: int = 0) -> None:
    """Serve until SIGTERM, or SIGINT where there is no parent.

    Sets signal handlers, how often threads take turns and how often garbage is collected: the
    process is the server's alone.

    Args:
        options: Checked options.
        ready: Called with the port once requests are answered.
        parent: End, too, when the process of this id does; it holds our standard input.

    Raises:
        OSError: The port cannot be listened on.
        UsageError: The server ended by itself.
    """
    # The application reads its settings from the environment, here as under any ASGI server.
    os.environ.update(options.environment)
    from asyncwb.server.asgi import app_factory

    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(_YOUNG_OBJECTS)
    loop = asyncio.get_running_loop()
    if options.exposed:
        _log.warning(EXPOSED)
    listener = listen(options.host, options.port)
    port: int = listener.getsockname()[1]

    def announce() -> None:
        gc.freeze()
        server.begin()
        ready(port)

    server = _EmbeddedServer(_announcing(app_factory(), announce), listener, options)

    def stop(*_: object) -> None:
        loop.call_soon_threadsafe(server.interrupt)

    signal.signal(signal.SIGTERM, stop)
    # Ctrl-C reaches a parent's children as well, but the parent may still have rows to send.
    signal.signal(signal.SIGINT, signal.SIG_IGN if parent else stop)
    if parent:
        _watch_parent(parent, stop)
    await server.serve()
    if not server.interrupt_signal:
        raise UsageError("The server could not start or ended by itself; its log says why.")


def _background(options: ServerOptions, port: int) -> BackgroundServer:
    identity = ensure_first_user(options.data_dir)
    return BackgroundServer(
        pid=os.getpid(),
        url=options.url_pattern.format(port=port),
        api_key=identity.api_key,
        entity=identity.entity,
        data_dir=str(options.data_dir),
        started=time.time(),
    )


def _tell(port: int) -> None:
    """Say it once, then let go of the pipe: nobody reads it from now on."""
    os.write(1, msgspec.json.encode({"port": port}) + b"\n")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def main(arguments: Sequence[str]) -> None:
    """Serve as the child of `asyncwb.server.process`.

    Args:
        arguments: The options as JSON, then `--remember` (let clients of this user find the
            server) or the id of the process to end with.
    """
    options = ServerOptions.decode(arguments[0])
    remembered = arguments[1] == "--remember"
    log_to_stderr()

    def ready(port: int) -> None:
        if remembered:
            remember(_background(options, port))
        _tell(port)

    if remembered:
        claim()
        forget()  # what a killed server left: with our lock held, clients would believe it
    try:
        asyncio.run(serve(options, ready, parent=0 if remembered else int(arguments[1])))
    except (OSError, Error) as exc:
        raise SystemExit(f"asyncwb: {exc}") from exc
    finally:
        if remembered:
            forget()


def log_to_stderr() -> None:
    """Write warnings of every library to standard error."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
