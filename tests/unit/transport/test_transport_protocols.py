"""Which HTTP version is spoken, over which connections, through which proxy."""

import gc
import ssl
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
import trustme
from http_loopback import ConnectProxy, Reply, Request, Server
from transports import KEY, with_transport

from asyncwb.errors import CommError, InvalidValueError
from asyncwb.transport import NO_RETRY, Auth, Transport, TransportConfig

CA = trustme.CA()


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    CA.cert_pem.write_to_path(str(path))
    return str(path)


async def many(transport: Transport, count: int) -> set[str]:
    versions: set[str] = set()

    async def one(index: int) -> None:
        body = b"%d" % index
        answer = await transport.post("/graphql", body, deadline_seconds=10)
        assert answer.body == body
        versions.add(answer.http_version)

    async with anyio.create_task_group() as group:
        for index in range(count):
            group.start_soon(one, index)
    return versions


async def test_alpn_chooses_http2_on_one_connection(ca_file: str) -> None:
    async with Server(ca=CA) as server:
        versions = await with_transport(server.url, lambda t: many(t, 100), ca_file=ca_file)
        assert versions == {"HTTP/2"}
        assert server.connections == 1


async def test_alpn_without_http2_falls_back(ca_file: str) -> None:
    async with Server(ca=CA, alpn=("http/1.1",)) as server:
        versions = await with_transport(server.url, lambda t: many(t, 100), ca_file=ca_file)
        assert versions == {"HTTP/1.1"}
        assert server.connections <= 8


async def test_off_means_http1_although_the_server_offers_http2(ca_file: str) -> None:
    async with Server(ca=CA) as server:
        versions = await with_transport(
            server.url, lambda t: many(t, 5), ca_file=ca_file, http2="off"
        )
        assert versions == {"HTTP/1.1"}


async def test_prior_knowledge_on_cleartext() -> None:
    async with Server(protocol="h2") as server:
        versions = await with_transport(server.url, lambda t: many(t, 100), http2="h2c")
        assert versions == {"HTTP/2"}
        assert server.connections == 1


async def test_cleartext_is_http1_by_default() -> None:
    async with Server() as server:
        versions = await with_transport(server.url, lambda t: many(t, 50))
        assert versions == {"HTTP/1.1"}
        assert server.connections <= 8


async def test_bulk_posts_are_http1_beside_an_http2_control_lane(ca_file: str) -> None:
    async def body(transport: Transport) -> tuple[str, str]:
        small = await transport.post("/a", b"x" * 65_536, deadline_seconds=10)
        large = await transport.post("/a", b"x" * 65_537, deadline_seconds=10)
        assert len(large.body) == 65_537
        return small.http_version, large.http_version

    async with Server(ca=CA) as server:
        assert await with_transport(server.url, body, ca_file=ca_file) == ("HTTP/2", "HTTP/1.1")


async def test_many_accounts_share_one_connection() -> None:
    from asyncwb.portal import PORTAL
    from asyncwb.transport.pools import open_pools

    async with Server(protocol="h2") as server:

        async def main() -> None:
            await Transport.shared(TransportConfig(base_url=server.url))
            pools = await open_pools()
            try:
                async with anyio.create_task_group() as group:
                    for index in range(200):
                        config = TransportConfig(
                            base_url=server.url, http2="h2c", auth=Auth.bearer(f"token-{index}")
                        )
                        group.start_soon(many, Transport(config, pools), 3)
            finally:
                await pools.aclose()

        await PORTAL.acall(main)
        assert server.connections == 1
        assert len({request.headers["authorization"] for request in server.seen}) == 200
        assert len(server.seen) == 600


async def test_an_unknown_authority_is_refused() -> None:
    async with Server(ca=CA) as server:
        with pytest.raises(CommError, match="certificate"):
            await with_transport(
                server.url,
                lambda t: t.post("/graphql", b"{}", policy=NO_RETRY, deadline_seconds=5),
            )


async def test_ssl_cert_file_is_honoured(ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    async with Server(ca=CA) as server:
        assert await with_transport(server.url, lambda t: many(t, 1)) == {"HTTP/2"}


async def test_insecure_accepts_any_certificate() -> None:
    async with Server(ca=CA, host="elsewhere.test") as server:
        assert await with_transport(server.url, lambda t: many(t, 1), insecure=True) == {"HTTP/2"}


async def test_a_wrong_ca_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"ca_file names .*missing\.pem"):
        await with_transport(
            "https://127.0.0.1:9",
            lambda t: t.post("/graphql", b"{}", deadline_seconds=5),
            ca_file=str(tmp_path / "missing.pem"),
        )


async def test_connect_proxy_with_a_private_authority(
    ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(transport: Transport) -> tuple[str, str]:
        control = await transport.post("/graphql", b"{}", deadline_seconds=10)
        bulk = await transport.put("/file", b"b" * 65_537, deadline_seconds=10)
        return control.http_version, bulk.http_version

    async with Server(ca=CA, host="wb.test") as server, ConnectProxy(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:secret@"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        versions = await with_transport("https://wb.test:8443", body, ca_file=ca_file)
        assert versions == ("HTTP/2", "HTTP/1.1")
        assert proxy.asked == ["wb.test:8443", "wb.test:8443"]
        assert all("Proxy-Authorization: Basic" in head for head in proxy.heads)
        # The key travels inside the tunnel only.
        assert not any("\r\nauthorization" in head.lower() for head in proxy.heads)
        assert server.seen[0].headers["authorization"] == Auth.basic(KEY).header()


async def test_no_proxy_wins(ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from asyncwb.transport.config import Origin
    from asyncwb.transport.proxies import proxy_for

    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", ".corp.test,exact.test:8443,10.0.0.0/8")
    for name in ("https_proxy", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for(Origin("https", "api.test", 443)) == "http://proxy.test:3128"
    assert proxy_for(Origin("https", "a.corp.test", 443)) is None
    assert proxy_for(Origin("https", "exact.test", 8443)) is None
    assert proxy_for(Origin("https", "exact.test", 443)) is not None
    assert proxy_for(Origin("https", "10.1.2.3", 443)) is None
    assert proxy_for(Origin("https", "11.1.2.3", 443)) is not None
    assert proxy_for(Origin("https", "127.0.0.1", 443)) is None
    assert proxy_for(Origin("https", "localhost", 443)) is None


async def test_one_tls_context_for_all_clients(ca_file: str) -> None:
    async def contexts(transport: Transport) -> None:
        await transport.post("/a", b"{}", deadline_seconds=10)
        gc.collect()
        before = sum(isinstance(thing, ssl.SSLContext) for thing in gc.get_objects())
        await transport.post("/a", b"x" * 100_000, deadline_seconds=10)
        await transport.put("/a", b"x" * 100_000, deadline_seconds=10)
        await transport.download("/a", deadline_seconds=10)
        gc.collect()
        after = sum(isinstance(thing, ssl.SSLContext) for thing in gc.get_objects())
        assert after == before

    async with Server(ca=CA) as server:
        await with_transport(server.url, contexts, ca_file=ca_file)


async def test_requests_carry_length_and_never_chunks() -> None:
    async def body(transport: Transport) -> None:
        await transport.post("/graphql", b"", deadline_seconds=5)
        await transport.put("/empty", b"", headers={"X-Signed": "yes"}, deadline_seconds=5)
        await transport.put("/large", b"y" * 700_000, deadline_seconds=5)

    async def handler(request: Request) -> Reply:
        return Reply(body=b"{}")

    async with Server(handler) as server:
        await with_transport(server.url, body, user_agent="agent/1")
        assert [r.headers["content-length"] for r in server.seen] == ["0", "0", "700000"]
        assert not any("transfer-encoding" in r.headers for r in server.seen)
        assert server.seen[0].headers["content-type"] == "application/json"
        assert server.seen[0].headers["accept-encoding"] == "gzip"
        assert server.seen[1].headers["x-signed"] == "yes"
        assert "content-type" not in server.seen[1].headers
        assert {r.headers["user-agent"] for r in server.seen} == {"agent/1"}
        assert server.seen[2].body == b"y" * 700_000


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"asyncio", "ssl", "httpx", "httpcore", "h2", "tenacity", "zlib", "email"}
    code = f"import sys, asyncwb.transport; print(sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_whether_small_bodies_share_a_connection_is_known_from_the_first_on(
    ca_file: str,
) -> None:
    async def known(transport: Transport) -> tuple[bool, bool]:
        before = transport.multiplexed
        await many(transport, 1)
        return before, transport.multiplexed

    async with Server(ca=CA) as new, Server(ca=CA, alpn=("http/1.1",)) as old:
        assert await with_transport(new.url, known, ca_file=ca_file) == (False, True)
        assert await with_transport(old.url, known, ca_file=ca_file) == (False, False)
    async with Server(protocol="h2") as server:
        assert await with_transport(server.url, known, http2="h2c") == (False, True)
