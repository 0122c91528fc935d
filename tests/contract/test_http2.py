"""HTTP/2 against the embedded server: by ALPN over TLS, and by prior knowledge on cleartext."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import anyio
import anyio.streams.tls
import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from asyncwb.errors import CommError
from asyncwb.portal import PORTAL
from asyncwb.testing import LocalServer, local_server
from asyncwb.transport import NO_RETRY, Auth, Transport, TransportConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asyncwb.transport import Http2Mode

QUERY = b'{"query": "query Who { viewer { entity } }", "variables": {}}'


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Certificate, key and the authority to trust."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, ca = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    return certificate, key, ca


@pytest.fixture(scope="module")
def secure(tls: tuple[Path, Path, Path]) -> Iterator[LocalServer]:
    with local_server(tls=tls[:2], ca_file=tls[2]) as server:
        yield server


@pytest.fixture(scope="module")
def plain() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


def config(server: LocalServer, http2: Http2Mode, ca_file: Path | None = None) -> TransportConfig:
    return TransportConfig(
        base_url=server.url,
        auth=Auth.basic(server.api_key),
        http2=http2,
        ca_file=str(ca_file) if ca_file else None,
    )


async def version(of: TransportConfig, requests: int = 1) -> set[str]:
    """The HTTP versions of one answer, and of others that were in flight together."""

    async def ask() -> set[str]:
        transport = await Transport.shared(of)
        seen: set[str] = set()

        async def one() -> None:
            answer = await transport.post(
                "/graphql",
                QUERY,
                headers={"Content-Type": "application/json"},
                policy=NO_RETRY,
                deadline_seconds=20,
            )
            assert answer.json()["data"]["viewer"]["entity"] == "local"
            seen.add(answer.http_version)

        await one()
        async with anyio.create_task_group() as group:
            for _ in range(requests - 1):
                group.start_soon(one)
        return seen

    return await PORTAL.acall(ask)


async def test_http2_by_alpn_over_tls(secure: LocalServer, tls: tuple[Path, Path, Path]) -> None:
    assert secure.url.startswith("https://")
    assert await version(config(secure, "auto", tls[2]), requests=40) == {"HTTP/2"}


async def test_http1_over_tls_where_http2_is_off(
    secure: LocalServer, tls: tuple[Path, Path, Path]
) -> None:
    assert await version(config(secure, "off", tls[2])) == {"HTTP/1.1"}


async def test_an_unknown_authority_is_refused(secure: LocalServer) -> None:
    with pytest.raises(CommError, match="CERTIFICATE_VERIFY_FAILED"):
        await version(config(secure, "auto"))


async def test_http2_by_prior_knowledge(plain: LocalServer) -> None:
    assert await version(config(plain, "h2c"), requests=40) == {"HTTP/2"}


async def test_cleartext_is_http1_unless_asked(plain: LocalServer) -> None:
    assert await version(config(plain, "auto")) == {"HTTP/1.1"}


async def test_the_server_speaks_http2_to_a_client_that_is_not_ours(
    secure: LocalServer, tls: tuple[Path, Path, Path]
) -> None:
    """ALPN and one exchange of frames, by `ssl` and `h2` alone."""
    context = ssl.create_default_context(cafile=str(tls[2]))
    context.set_alpn_protocols(["h2", "http/1.1"])
    port = int(secure.url.rpartition(":")[2])
    with anyio.fail_after(20):
        stream = await anyio.connect_tcp(
            "127.0.0.1", port, ssl_context=context, tls_standard_compatible=False
        )
        async with stream:
            assert stream.extra(anyio.streams.tls.TLSAttribute.alpn_protocol) == "h2"
            wire = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            wire.initiate_connection()
            wire.send_headers(
                1,
                [
                    (":method", "POST"),
                    (":path", "/graphql"),
                    (":scheme", "https"),
                    (":authority", f"127.0.0.1:{port}"),
                    ("content-type", "application/json"),
                    ("authorization", Auth.basic(secure.api_key).header()),
                ],
            )
            wire.send_data(1, QUERY, end_stream=True)
            await stream.send(wire.data_to_send())
            status, body, ended = "", b"", False
            while not ended:
                for event in wire.receive_data(await stream.receive()):
                    if isinstance(event, h2.events.ResponseReceived):
                        status = dict(event.headers)[":status"]
                    elif isinstance(event, h2.events.DataReceived):
                        body += event.data
                    elif isinstance(event, h2.events.StreamEnded):
                        ended = True
                await stream.send(wire.data_to_send())
    assert status == "200"
    assert b'"local"' in body
