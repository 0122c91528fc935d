"""Server processes: start, wait until they answer, stop; in the background or as a child.

The client's part: nothing of the server's own packages is imported here.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import InvalidValueError, UnsupportedError, UsageError
from asyncwb.server.background import one_at_a_time
from asyncwb.server.bootstrap import prepare_folder
from asyncwb.settings.background import BackgroundServer, background_server, is_locked, state_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

__all__ = [
    "DEFAULT_PORT",
    "EXPOSED",
    "ServerOptions",
    "ServerProcess",
    "default_data_dir",
    "require_extra",
    "run",
    "start",
    "status",
    "stop",
]

DEFAULT_PORT = 8383
"""Port of `asyncwb server start|run`, so that links stay valid over restarts."""

EXPOSED = (
    "The server listens on more than this machine without TLS: API keys and data cross the network "
    "in clear text. Give it a certificate, or let a proxy with one stand before it."
)
"""What to say to those who start an exposed server."""

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.01
_LOG_TAIL_BYTES = 4000


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a server process.

    Attributes:
        data_dir: Folder of everything the server keeps; made when missing.
        host: Address to listen on; loopback unless asked otherwise.
        port: Port to listen on; 0: any free one.
        tls_cert: PEM file of the certificate chain; with `tls_key` the server speaks HTTPS.
        tls_key: PEM file of the private key.
        database: `postgresql://...`; None: what `ASYNCWB_SERVER_DATABASE_URL` says, or SQLite.
        blobs: Folder or `s3://...` of uploaded files; None: what `ASYNCWB_SERVER_BLOBS_URL` says,
            or a folder in `data_dir`.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    tls_cert: Path | None = None
    tls_key: Path | None = None
    database: str | None = None
    blobs: str | None = None

    def checked(self) -> ServerOptions:
        """The same with absolute paths.

        Raises:
            InvalidValueError: A port out of range, or one of certificate and key without the other.
        """
        if not 0 <= self.port <= 65535:
            raise InvalidValueError(f"port must be 0 to 65535, not {self.port}.")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InvalidValueError("TLS needs both a certificate and a key.")
        for path in (self.tls_cert, self.tls_key):
            if path is not None and not path.is_file():
                raise InvalidValueError(f"There is no file {path}.")
        return msgspec.structs.replace(
            self,
            data_dir=self.data_dir.expanduser().absolute(),
            tls_cert=self.tls_cert and self.tls_cert.absolute(),
            tls_key=self.tls_key and self.tls_key.absolute(),
        )

    @property
    def exposed(self) -> bool:
        """Whether other machines reach the server and nothing encrypts what they send."""
        if self.tls_cert is not None or self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name: who knows where it leads
            return True

    def encode(self) -> str:
        """As JSON, for the command line of the server process, but for what is secret."""
        plain = msgspec.structs.replace(self, database=None, blobs=None)
        return msgspec.json.encode(plain, enc_hook=os.fspath).decode()

    @property
    def environment(self) -> dict[str, str]:
        """What the server process reads from its environment: others cannot see it there."""
        given = {
            "ASYNCWB_SERVER_DATA_DIR": str(self.data_dir),
            "ASYNCWB_SERVER_DATABASE_URL": self.database,
            "ASYNCWB_SERVER_BLOBS_URL": self.blobs,
        }
        return {name: value for name, value in given.items() if value}

    @classmethod
    def decode(cls, text: str) -> ServerOptions:
        """Read what `encode` wrote."""
        return msgspec.json.decode(text, type=cls, dec_hook=lambda _, value: Path(value))

    @property
    def url_pattern(self) -> str:
        """Address for clients on this machine, with `{port}`."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
        host = everywhere.get(self.host, self.host)
        scheme = "https" if self.tls_cert else "http"
        return f"{scheme}://[{host}]:{{port}}" if ":" in host else f"{scheme}://{host}:{{port}}"


class ServerProcess:
    """A running server process that answers requests.

    Attributes:
        port: The port it listens on.
        url: Its address for clients on this machine.
        pid: Its process id.
    """

    def __init__(self, options: ServerOptions, *, detached: bool = False) -> None:
        """Start it and wait until it answers. Blocks, up to 30 seconds.

        Args:
            options: How to start it.
            detached: Outlive this process and be found by clients; else the server ends with it.

        Raises:
            UnsupportedError: The `server` extra is not installed.
            UsageError: The process ended before it answered (the message has the end of its log),
                or was too slow.
        """
        require_extra()
        options = options.checked()
        prepare_folder(options.data_dir)
        # -P: a module of the user's in the working directory must not stand in for one of ours.
        command = [sys.executable, "-P", "-m", "asyncwb.server.serve"]
        command += [options.encode()]
        command += ["--remember" if detached else str(os.getpid())]
        self._log = options.data_dir / "server.log"
        with open(self._log, "ab", opener=_private) as log:
            log_start = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=options.data_dir,
                env={**os.environ, **options.environment},
                start_new_session=detached,
            )
        self.pid = self._process.pid
        try:
            self.port = self._wait_for_port(log_start)
        except BaseException:
            self.kill()
            raise
        self.url = options.url_pattern.format(port=self.port)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end, wait; kill it after 15 seconds. Blocks; harmless when it has ended."""
        if self.alive:
            with suppress(ProcessLookupError):
                self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End it at once (`kill -9`) and wait until it is gone. Harmless when it has ended."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._reap()

    def release(self) -> None:
        """Let a detached process live on; this object is of no use afterwards."""
        self._close_pipes()
        # Popen warns about a process that nobody waited for; this one is meant to outlive us.
        self._process.returncode = 0

    def _reap(self) -> None:
        self._process.wait()
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _wait_for_port(self, log_start: int) -> int:
        stdout = self._process.stdout
        assert stdout is not None
        line = _read_line(stdout, _START_SECONDS)
        if line:
            return msgspec.json.decode(line, type=dict[str, int])["port"]
        if self.alive and line is None:
            raise UsageError(f"The server did not answer within {_START_SECONDS:g} seconds.")
        self._process.wait()
        raise UsageError(f"The server could not start. {self._log_tail(log_start)}")

    def _log_tail(self, log_start: int) -> str:
        with self._log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(log_start, log.tell() - _LOG_TAIL_BYTES))
            tail = log.read().decode(errors="replace").strip()
        return f"The end of {self._log}:\n{tail}" if tail else f"See {self._log}."


def _private(path: str, flags: int) -> int:
    """Open a file; a new one can be read by its owner alone."""
    return os.open(path, flags, 0o600)


def _read_line(stream: IO[bytes], seconds: float) -> bytes | None:
    """The first line; b"" at the end of the stream, None when time ran out."""
    if sys.platform == "win32":  # select() knows only sockets there
        return stream.readline()
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select([stream], [], [], left)[0]:
            return stream.readline()
    return None


def require_extra() -> None:
    """Check that the embedded server can run here.

    Raises:
        UnsupportedError: The `server` extra is not installed.
    """
    missing = [
        name
        for name in ("granian", "starlette", "graphql", "sqlalchemy", "re2", "prometheus_client")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise UnsupportedError(
            f"The embedded server needs {', '.join(missing)}: pip install 'asyncwb[server]'."
        )


def default_data_dir() -> Path:
    """`$ASYNCWB_SERVER_DATA_DIR`, else `asyncwb/server` in the user's data folder."""
    named = os.environ.get("ASYNCWB_SERVER_DATA_DIR")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "asyncwb" / "server"


def start(options: ServerOptions) -> tuple[BackgroundServer, bool]:
    """Start the background server of this user, unless it runs. Blocks until it answers.

    Clients that name no server and no key find it from then on.

    Returns:
        The running server, and whether this call started it. One that ran before is returned as
        it is, whatever the options say.

    Raises:
        UnsupportedError: The `server` extra is not installed.
        UsageError: It could not start; the message has the end of its log.
    """
    with one_at_a_time():
        running = background_server()
        if running is not None:
            return running, False
        process = ServerProcess(options, detached=True)
        process.release()
        started = background_server()
    if started is None:
        raise UsageError("The server ended right after its start; its log says why.")
    return started, True


def stop() -> BackgroundServer | None:
    """Stop the background server of this user and wait until it has ended. Blocks.

    Returns:
        The server that was stopped, or None when none ran.
    """
    with one_at_a_time():
        running = background_server()
        if running is None:
            return None
        with suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGTERM)
        if not _gone(running, _STOP_SECONDS) and sys.platform != "win32":
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
            _gone(running, _STOP_SECONDS)
        return running


def status() -> BackgroundServer | None:
    """The running background server of this user, or None. Reads one small file."""
    return background_server()


def run(options: ServerOptions, ready: Callable[[str], None], *, workers: int = 1) -> None:
    """Serve in this process until SIGTERM or SIGINT. Blocks; call it from the main thread.

    Args:
        options: How to serve.
        ready: Called with the address for clients once requests are answered.
        workers: Above 1: serve in so many processes that this one starts and watches.

    Raises:
        UnsupportedError: The `server` extra is not installed, or workers are asked for on Windows.
        UsageError: The port cannot be listened on, or the server ended by itself.
    """
    require_extra()
    options = options.checked()
    if workers > 1 and sys.platform == "win32":
        raise UnsupportedError("On Windows a server is one process; leave out --workers.")
    import asyncio

    from asyncwb.server import serve

    serve.log_to_stderr()
    try:
        if workers > 1:
            from asyncwb.server.workers import run_workers

            with serve.listen(options.host, options.port) as listener:
                run_workers(options, workers, listener, ready)
            return
        asyncio.run(serve.serve(options, lambda port: ready(options.url_pattern.format(port=port))))
    except OSError as exc:
        raise UsageError(f"{options.host}:{options.port}: {exc.strerror or exc}", exc=exc) from exc


def _gone(server: BackgroundServer, seconds: float) -> bool:
    lock = state_path().with_suffix(".lock")
    deadline = time.monotonic() + seconds
    while is_locked(lock, server.pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
