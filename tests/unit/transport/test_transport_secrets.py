"""The key goes to the server's origin and nowhere else: no host, no log, no error, no repr."""

import base64
import logging
import traceback

import pytest
import trustme
from http_loopback import Reply, Request, Server
from hypothesis import given
from hypothesis import strategies as st
from transports import KEY, with_transport

from asyncwb.errors import CommError
from asyncwb.transport import NO_RETRY, Auth, RetryPolicy, Transport, TransportConfig
from asyncwb.transport.messages import Outgoing

BASIC = Auth.basic(KEY).header()
SIGNED = "/x?signature=topsecret"
ENCODED = base64.b64encode(f"api:{KEY}".encode()).decode()


def spills(text: str) -> bool:
    return KEY in text or ENCODED in text


async def test_key_and_gateway_headers_stay_on_the_server() -> None:
    async def body(transport: Transport) -> None:
        await transport.post("/graphql", b"{}", deadline_seconds=5)
        await transport.download("/files/a", deadline_seconds=5)
        await transport.download(f"{other.url}/signed?sig=1", deadline_seconds=5)
        await transport.put(f"{other.url}/signed?sig=1", b"x", deadline_seconds=5)
        await transport.put("/storage/x", b"x", deadline_seconds=5)
        async with transport.stream(f"{other.url}/s", deadline_seconds=5) as download:
            assert [piece async for piece in download] == []

    async with Server() as server, Server() as other:
        await with_transport(server.url, body, extra_headers=(("X-Gateway", "gate-secret"),))
    for request in server.seen:
        sent = request.method != "PUT"
        assert ("authorization" in request.headers) is sent
        assert ("x-gateway" in request.headers) is sent
    assert len(server.seen) == 3
    assert len(other.seen) == 3
    for request in other.seen:
        assert not {"authorization", "x-gateway", "cookie"} & set(request.headers)


async def test_redirects_keep_the_key_on_the_same_origin_only() -> None:
    async def handler(request: Request) -> Reply:
        if request.path == "/here":
            return Reply(302, headers={"location": "/there"})
        if request.path == "/there":
            return Reply(307, headers={"location": f"{other.url}/blob?sig=1"})
        return Reply(body=b"?")

    async def body(transport: Transport) -> bytes:
        return (await transport.download("/here", deadline_seconds=5)).body

    async with Server() as other, Server(handler) as server:
        await with_transport(server.url, body)
    assert [request.headers.get("authorization") for request in server.seen] == [BASIC, BASIC]
    assert [request.path for request in other.seen] == ["/blob?sig=1"]
    assert "authorization" not in other.seen[0].headers


async def test_no_downgrade_and_no_endless_redirects(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ca = trustme.CA()
    target = {"location": "http://127.0.0.1:1/plain"}

    async def handler(request: Request) -> Reply:
        return Reply(302, headers={"location": "/again"} if request.path != "/down" else target)

    async with Server(handler, ca=ca) as server:
        for path, message in (("/down", "unencrypted"), ("/loop", "more than 10 redirects")):

            async def body(transport: Transport, path: str = path) -> None:
                await transport.download(path, policy=NO_RETRY, deadline_seconds=5)

            with pytest.raises(CommError, match=message):
                await with_transport(server.url, body, insecure=True)


def test_what_lies_under_the_base_url() -> None:
    config = TransportConfig(base_url="https://user:pw@wb.test/wandb/")
    assert config.root == "https://wb.test/wandb"
    assert config.owns("https://wb.test/wandb/files/x?y=1")
    assert config.owns("https://wb.test:443/wandb")
    for url in (
        "https://wb.test/wandb-evil",
        "https://wb.test/",
        "https://wb.test/wandb/../storage",
        "https://wb.test/wandb/%2e%2e/storage",
        "http://wb.test/wandb/x",
        "https://wb.test:8443/wandb/x",
        "https://wb.test@evil.test/wandb/x",
        "https://wb.test.evil.test/wandb/x",
    ):
        assert not config.owns(url), url


@pytest.mark.parametrize("http2", ["off", "h2c"])
@pytest.mark.parametrize("status", [200, 401, 500])
async def test_no_log_and_no_error_holds_the_key(
    http2: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def handler(request: Request) -> Reply:
        # A rude server quotes what it got.
        return Reply(status, f"{KEY} and {ENCODED} are wrong".encode())

    async def body(transport: Transport) -> None:
        policy = RetryPolicy(max_attempts=2, wait_base=0.001)
        if status == 200:
            await transport.post("/graphql", b"{}", policy=policy, deadline_seconds=5)
            return
        with pytest.raises(CommError) as caught:
            await transport.post("/graphql", b"{}", policy=policy, deadline_seconds=5)
        assert not spills("".join(traceback.format_exception(caught.value)))
        assert "*** and *** are wrong" in str(caught.value)
        assert not spills(repr(caught.value.response))

    async with Server(handler, protocol="h2" if http2 == "h2c" else "h1") as server:
        await with_transport(server.url, body, http2=http2)
    ours = [record for record in caplog.records if record.name == "asyncwb.transport"]
    assert any("POST http://127.0.0.1" in record.getMessage() for record in ours)
    # The test's server decodes headers in its own thread, with the same library.
    here = "\n".join(r.getMessage() for r in caplog.records if r.threadName != "Server")
    assert not spills(here)
    # Header blocks are compressed with a fixed code: as good as plain text.
    assert "Encoded header block" not in here


async def test_signatures_of_urls_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def body(transport: Transport) -> None:
        await transport.put(SIGNED, b"1", deadline_seconds=5)

    async def refuse(transport: Transport) -> None:
        with pytest.raises(CommError) as caught:
            await transport.put(SIGNED, b"1", policy=NO_RETRY, deadline_seconds=5)
        assert "topsecret" not in "".join(traceback.format_exception(caught.value))

    async def gone(request: Request) -> Reply:
        return Reply(403)

    async with Server() as server:
        await with_transport(server.url, body)
    async with Server(gone) as server:
        await with_transport(server.url, refuse)
    await with_transport("http://127.0.0.1:1", refuse)
    assert "topsecret" not in caplog.text


async def test_a_wrong_key_says_where_keys_come_from() -> None:
    async def handler(request: Request) -> Reply:
        return Reply(401, b'{"errors":[{"message":"invalid API key"}]}')

    async def body(transport: Transport) -> None:
        with pytest.raises(CommError, match=r"401: invalid API key; check the API key\. Look in"):
            await transport.post("/graphql", b"{}", deadline_seconds=5)

    async with Server(handler) as server:
        await with_transport(server.url, body, auth_hint="Look in the drawer.")


@given(st.text(min_size=8), st.text())
def test_nothing_shows_in_reprs(key: str, value: str) -> None:
    auth = Auth.basic("SECRET" + key)
    config = TransportConfig(
        base_url="https://u:SECRET@h.test", auth=auth, extra_headers=(("X-A", "SECRET" + value),)
    )
    outgoing = Outgoing("GET", "https://u:SECRET@h.test/x?SECRET", config.private_headers())
    for shown in (repr(auth), repr(config), repr(outgoing), str(outgoing), outgoing.label):
        assert "SECRET" not in shown
    assert hash(config) == hash(
        TransportConfig(
            base_url="https://u:SECRET@h.test",
            auth=auth,
            extra_headers=(("X-A", "SECRET" + value),),
        )
    )
