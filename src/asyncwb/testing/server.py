"""A server in a child process, for tests and demos."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import UsageError
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.process import ServerOptions, ServerProcess

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

__all__ = ["LocalServer", "local_server"]


def local_server(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
    ca_file: str | os.PathLike[str] | None = None,
) -> LocalServer:
    """Describe a server; `with` or `async with` starts it and waits until it answers.

    The server is a child process: it can be killed and restarted, has its own CPU time, and ends
    when this process does, however that ends.

    Args:
        data_dir: Where the server keeps everything; None: a temporary folder, removed at the end.
        host: Address to listen on.
        port: Port to listen on; 0: any free one, kept over restarts.
        tls: PEM files of certificate and key; the server then speaks HTTPS.
        ca_file: PEM file with which clients check the certificate; only put into `env`.

    Raises:
        InvalidValueError: A port out of range, or a missing certificate file (on entering).
        UnsupportedError: The `server` extra is not installed (on entering).
        UsageError: The server could not start; the message has the end of its log (on entering).
    """
    certificate, key = (Path(file) for file in tls) if tls else (None, None)
    options = ServerOptions(
        data_dir=Path(data_dir) if data_dir is not None else Path(),
        host=host,
        port=port,
        tls_cert=certificate,
        tls_key=key,
    )
    return LocalServer(
        options, temporary=data_dir is None, ca_file=None if ca_file is None else str(ca_file)
    )


class LocalServer:
    """A server process under the control of a test; see `local_server`.

    The methods block for the time a process takes to start or end (a fraction of a second);
    entering with `async with` does so in a worker thread.
    """

    def __init__(self, options: ServerOptions, *, temporary: bool, ca_file: str | None) -> None:
        self._options = options
        self._temporary = temporary
        self._ca_file = ca_file
        self._process: ServerProcess | None = None
        # One change at a time: a cancelled start goes on in its thread while we leave.
        self._lock = threading.RLock()
        self._url = ""
        self._api_key = ""
        self._entity = ""

    @property
    def url(self) -> str:
        """Base URL, the same after a restart."""
        self._check_entered()
        return self._url

    @property
    def api_key(self) -> str:
        """Key of the server's first user."""
        self._check_entered()
        return self._api_key

    @property
    def entity(self) -> str:
        """Entity of the server's first user."""
        self._check_entered()
        return self._entity

    @property
    def data_dir(self) -> Path:
        """Folder of everything the server keeps."""
        self._check_entered()
        return self._options.data_dir

    @property
    def pid(self) -> int:
        """Process id of the server.

        Raises:
            UsageError: It does not run.
        """
        if self._process is None:
            raise UsageError("The server does not run.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.alive

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that point clients (the `wandb` package, too) at this server."""
        env = {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.api_key,
            "WANDB_ENTITY": self.entity,
            # The package tries to report errors to its makers; no test should wait for that.
            "WANDB_ERROR_REPORTING": "false",
        }
        if self._ca_file is not None:
            env |= {"ASYNCWB_CA_FILE": self._ca_file, "SSL_CERT_FILE": self._ca_file}
        return env

    @property
    def settings(self) -> dict[str, object]:
        """The same as keywords: for `asyncwb.settings.resolve` and `settings=` arguments."""
        keywords: dict[str, object] = {
            "base_url": self.url,
            "api_key": self.api_key,
            "entity": self.entity,
        }
        return keywords | ({"ca_file": self._ca_file} if self._ca_file else {})

    def start(self) -> None:
        """Start the server, at the address it had before, and wait until it answers.

        Raises:
            UsageError: It runs already, or could not start.
        """
        with self._lock:
            if self.running:
                raise UsageError("The server runs already.")
            identity = ensure_first_user(self._options.data_dir)
            self._process = ServerProcess(self._options)
            self._url = self._process.url
            self._api_key, self._entity = identity.api_key, identity.entity
            self._options = msgspec.structs.replace(self._options, port=self._process.port)

    def stop(self) -> None:
        """End the server cleanly and wait until it is gone. Harmless when it does not run."""
        with self._lock:
            if self._process is not None:
                self._process.stop()
                self._process = None

    def kill(self) -> None:
        """End the server as `kill -9` does and wait until it is gone."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process = None

    def restart(self) -> None:
        """Stop and start: same address, same data."""
        with self._lock:
            self.stop()
            self.start()

    def __enter__(self) -> Self:
        """Start; blocks until the server answers."""
        with self._lock:
            if self._temporary:
                folder = Path(tempfile.mkdtemp(prefix="asyncwb-server-"))
                self._options = msgspec.structs.replace(self._options, data_dir=folder)
            try:
                self.start()
            except BaseException:
                self._clean_up()
                raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop and remove a temporary folder."""
        with self._lock:
            try:
                self.stop()
            finally:
                self._clean_up()

    async def __aenter__(self) -> Self:
        """Start; awaits until the server answers."""
        from anyio.to_thread import run_sync

        try:
            return await run_sync(self.__enter__)
        except BaseException:
            # A cancelled caller never gets to leave what the thread has entered meanwhile.
            await self.__aexit__(None, None, None)
            raise

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, also when the caller was cancelled."""
        from anyio import CancelScope
        from anyio.to_thread import run_sync

        with CancelScope(shield=True):
            await run_sync(self.__exit__, exc_type, exc, traceback)

    def _clean_up(self) -> None:
        if self._temporary:
            shutil.rmtree(self._options.data_dir, ignore_errors=True)

    def _check_entered(self) -> None:
        if not self._url:
            raise UsageError("The server starts with `with` or `async with`.")

    def __repr__(self) -> str:
        """Without the key."""
        state = f"{self._url}, pid {self._process.pid}" if self._process else "not running"
        return f"<LocalServer {state}>"
