"""A small HTTP/1.1 and HTTP/2 server with switches for everything that servers do to clients."""

import asyncio
import contextlib
import dataclasses
import random
import ssl
from collections.abc import Awaitable, Callable

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import trustme

from asyncwb.testing._loopback import LoopbackServer, reset


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    version: str


@dataclasses.dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Reply]]


async def echo(request: Request) -> Reply:
    return Reply(body=request.body)


class Server(LoopbackServer):
    """Answers by `handler`; remembers every request that arrived whole.

    `connections` counts all that were made, `open` those that are.

    protocol: "h1", "h2" (prior knowledge) or, with `ca`, by ALPN among `alpn`.
    """

    def __init__(
        self,
        handler: Handler = echo,
        *,
        protocol: str = "h1",
        ca: trustme.CA | None = None,
        alpn: tuple[str, ...] = ("h2", "http/1.1"),
        host: str = "127.0.0.1",
        goaway_every: int | None = None,
        reset_rate: float = 0.0,
        window: int = 65_535,
        max_streams: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.handler = handler
        self.protocol = protocol
        self.goaway_every = goaway_every
        self.reset_rate = reset_rate
        self.window = window
        self.max_streams = max_streams
        self.seen: list[Request] = []
        self.connections = 0
        self.open = 0
        self.served = 0
        self.goaways = 0
        self.resets = 0
        self.random = random.Random(seed)
        self._speaking: set[_Http2Connection] = set()
        self._context: ssl.SSLContext | None = None
        if ca is not None:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ca.issue_cert(host).configure_cert(self._context)
            self._context.set_alpn_protocols(list(alpn))

    @property
    def url(self) -> str:
        return f"{'http' if self._context is None else 'https'}://{self.netloc}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = self.protocol
        if self._context is not None:
            await writer.start_tls(self._context)
            chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
            protocol = "h2" if chosen == "h2" else "h1"
        self.connections += 1
        self.open += 1
        try:
            await (self._http2 if protocol == "h2" else self._http1)(reader, writer)
        finally:
            self.open -= 1

    async def _http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Request(method, path, headers, body, "1.1")
            self.seen.append(request)
            reply = await self.handler(request)
            lines = [f"HTTP/1.1 {reply.status} X", f"content-length: {len(reply.body)}"]
            lines += [f"{name}: {value}" for name, value in reply.headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + reply.body)
            await writer.drain()

    async def _http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Http2Connection(self, reader, writer)
        self._speaking.add(connection)
        try:
            await connection.run()
        finally:
            self._speaking.discard(connection)

    def limit_streams(self, most: int) -> None:
        """Change MAX_CONCURRENT_STREAMS of every open connection; any thread."""

        def tell() -> None:
            for connection in self._speaking:
                connection.h2.update_settings(
                    {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: most}
                )
                connection.writer.write(connection.h2.data_to_send())

        self.run_in_loop(tell)


class _Http2Connection:
    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.requests: dict[int, Request] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.window_changed = asyncio.Event()

    async def run(self) -> None:
        self.h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.server.max_streams,
            },
        )
        self.h2.initiate_connection()
        if self.server.window != 65_535:
            # Takes effect when the client has acknowledged it: what it sends before may be more.
            self.h2.update_settings(
                {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: self.server.window}
            )
        await self.flush()
        try:
            while data := await self.reader.read(65_536):
                try:
                    events = self.h2.receive_data(data)
                except h2.exceptions.ProtocolError:
                    break
                for event in events:
                    await self.on_event(event)
                await self.flush()
        finally:
            for task in self.tasks:
                task.cancel()

    async def flush(self) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def on_event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            headers = {k.decode(): v.decode() for k, v in event.headers}
            self.requests[event.stream_id] = Request(
                headers[":method"], headers[":path"], headers, b"", "2"
            )
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id].body += event.data
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.WindowUpdated):
            self.window_changed.set()
        elif isinstance(event, h2.events.StreamEnded):
            task = asyncio.get_running_loop().create_task(self.answer(event.stream_id))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def answer(self, stream_id: int) -> None:
        request = self.requests.pop(stream_id)
        self.server.seen.append(request)
        reply = await self.server.handler(request)
        if self.server.random.random() < self.server.reset_rate:
            self.server.resets += 1
            if self.server.random.random() < 0.5:
                reset(self.writer)
            else:
                with contextlib.suppress(h2.exceptions.ProtocolError, OSError):
                    self.h2.reset_stream(stream_id)
                    await self.flush()
            return
        with contextlib.suppress(h2.exceptions.ProtocolError, OSError):
            head = [(":status", str(reply.status)), ("content-length", str(len(reply.body)))]
            self.h2.send_headers(stream_id, head + list(reply.headers.items()))
            await self.send_body(stream_id, reply.body)
            self.server.served += 1
            if self.server.goaway_every and self.server.served % self.server.goaway_every == 0:
                # As servers with a limit of requests do: the last answers, GOAWAY, close.
                self.server.goaways += 1
                self.h2.close_connection(last_stream_id=stream_id)
                await self.flush()
                self.writer.close()

    async def send_body(self, stream_id: int, body: bytes) -> None:
        while body:
            room = min(
                self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size
            )
            if room == 0:
                self.window_changed.clear()
                await self.window_changed.wait()
                continue
            self.h2.send_data(stream_id, body[:room])
            body = body[room:]
            await self.flush()
        self.h2.end_stream(stream_id)
        await self.flush()


class ConnectProxy(LoopbackServer):
    """A proxy for CONNECT that sends every tunnel to one address and notes where it should go."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.target_port = port
        self.asked: list[str] = []
        self.heads: list[str] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        self.asked.append(head.split(" ")[1])
        there = await asyncio.open_connection("127.0.0.1", self.target_port)
        writer.write(b"HTTP/1.1 200 connected\r\n\r\n")
        try:
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        finally:
            there[1].transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)
        await writer.drain()
    writer.close()
