"""Signing in to the page: keys, links that work once, cookies, tokens of changes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from server_client import sql

from asyncwb.server import links
from asyncwb.server.bootstrap import ensure_first_user, load_secrets
from asyncwb.server.storage import sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from server_client import Client

VIEWER = {"query": "{ viewer { username } }"}


@asynccontextmanager
async def browser(client: Client, base: str = "http://server.test:1") -> AsyncIterator[Any]:
    """A client with a cookie jar and no key."""
    transport = client.http._transport  # the application that the fixture serves
    async with httpx.AsyncClient(transport=transport, base_url=base) as http:
        yield http


def key_of(client: Client) -> str:
    return ensure_first_user(client.data_dir).api_key


def link_of(client: Client, username: str = "local") -> str:
    address = links.make_link("http://x", load_secrets(client.data_dir)[1], username)
    return address.partition("#sign-in=")[2]


async def test_a_key_begins_a_session(client: Client) -> None:
    async with browser(client) as http:
        assert (await http.get("/-/session")).json()["user"] is None
        answer = await http.post("/-/session", json={"key": f" {key_of(client)}\n"})
        assert answer.json()["user"]["username"] == "local"
        assert answer.headers["cache-control"] == "no-store"
        seen = (await http.get("/-/session")).json()
        assert seen["user"]["entity"] == "local"
        token = {"X-CSRF-Token": seen["csrf"]}
        data = (await http.post("/graphql", json=VIEWER, headers=token)).json()
        assert data["data"]["viewer"]["username"] == "local"


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(client: Client) -> None:
    for base, path, secure in (
        ("http://server.test:1", "Path=/;", False),
        ("https://server.test", "Path=/;", True),
    ):
        async with browser(client, base) as http:
            answer = await http.post("/-/session", json={"key": key_of(client)})
            cookie = answer.headers["set-cookie"] + ";"
            assert "HttpOnly" in cookie
            assert "samesite=strict" in cookie.lower()
            assert ("Secure" in cookie) == secure
            assert path in cookie
    async with browser(client) as http:
        prefix = {"X-Forwarded-Prefix": "/tools/wb", "X-Forwarded-Proto": "https"}
        answer = await http.post("/-/session", json={"key": key_of(client)}, headers=prefix)
        assert "Path=/tools/wb;" in answer.headers["set-cookie"] + ";"


async def test_nothing_that_opens_a_session_is_kept(client: Client) -> None:
    link = link_of(client)
    async with browser(client) as http:
        await http.post("/-/session", json={"link": link})
        (token,) = http.cookies.values()
    stored = repr(
        sql(client.data_dir, "SELECT * FROM page_sessions")
        + sql(client.data_dir, "SELECT * FROM spent_links")
    )
    assert token not in stored
    assert link not in stored


async def test_a_change_needs_the_token_of_the_page(client: Client) -> None:
    async with browser(client) as http:
        csrf = (await http.post("/-/session", json={"key": key_of(client)})).json()["csrf"]
        for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": csrf[:-1] + "ü"}):
            encoded = {name: value.encode() for name, value in headers.items()}
            refused = await http.post("/graphql", json=VIEWER, headers=encoded)
            assert refused.status_code == 403
            stream = await http.post("/files/local/p/r/file_stream", json={}, headers=encoded)
            assert stream.status_code == 403
            assert (await http.delete("/-/session", headers=encoded)).status_code == 403
        # the token of another session is none
        async with browser(client) as other:
            theirs = (await other.post("/-/session", json={"key": key_of(client)})).json()["csrf"]
        answer = await http.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": theirs})
        assert answer.status_code == 403
        # reading needs none: addresses of pictures cannot carry one
        assert (await http.get("/files/local/p/r/x.png")).status_code == 404


async def test_keys_go_on_working_beside_cookies(client: Client) -> None:
    async with browser(client) as http:
        await http.post("/-/session", json={"key": key_of(client)})
        bearer = {"Authorization": f"Bearer {key_of(client)}"}
        assert (await http.post("/graphql", json=VIEWER, headers=bearer)).status_code == 200
        wrong = {"Authorization": "Bearer nonsense"}
        assert (await http.post("/graphql", json=VIEWER, headers=wrong)).status_code == 401


async def test_other_sites_cannot_sign_somebody_in(client: Client) -> None:
    async with browser(client) as http:
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            answer = await http.post(
                "/-/session",
                content=b'{"key": "%s"}' % key_of(client).encode(),
                headers={"Content-Type": kind},
            )
            assert answer.status_code == 415
            assert "set-cookie" not in answer.headers


async def test_bad_sign_ins_are_refused(client: Client) -> None:
    async with browser(client) as http:
        for body in ({"key": "wrong"}, {"key": ""}, {}, {"link": "x.y.z"}, {"link": ""}):
            answer = await http.post("/-/session", json=body)
            assert answer.status_code == 401, body
            # the browser would ask in a window of its own, before the page can say anything
            assert "WWW-Authenticate" not in answer.headers
        for content in (b"", b"[]", b'{"key": 1}', b"{" * 5000):
            answer = await http.post(
                "/-/session", content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in (400, 413)
        assert not http.cookies


async def test_a_link_works_once(client: Client) -> None:
    link = link_of(client)
    async with browser(client) as http, browser(client) as other:
        assert (await http.post("/-/session", json={"link": link})).status_code == 200
        again = await other.post("/-/session", json={"link": link})
        assert again.status_code == 401
        assert "used already" in again.json()["errors"][0]["message"]
        csrf = (await http.get("/-/session")).json()["csrf"]
        await http.delete("/-/session", headers={"X-CSRF-Token": csrf})
        # nor does it come back to life by signing out
        assert (await other.post("/-/session", json={"link": link})).status_code == 401


async def test_a_link_is_of_this_server_and_of_this_quarter_of_an_hour(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature, _, body = link_of(client).partition(".")
    changed = f"{signature}.{body.removesuffix('local')}admin"
    foreign = links.make_link("http://x", b"another secret", "local").partition("#sign-in=")[2]
    old_time = links.time.time() - links.LINK_MINUTES * 60 - 1
    with monkeypatch.context() as patch:
        patch.setattr(links.time, "time", lambda: old_time)
        expired = link_of(client)
    async with browser(client) as http:
        for link in (changed, foreign, expired, link_of(client, "nobody")):
            assert (await http.post("/-/session", json={"link": link})).status_code == 401


async def test_signing_out_ends_the_session(client: Client) -> None:
    async with browser(client) as http:
        csrf = (await http.post("/-/session", json={"key": key_of(client)})).json()["csrf"]
        cookies = dict(http.cookies)
        token = {"X-CSRF-Token": csrf}
        assert (await http.post("/graphql", json=VIEWER, headers=token)).status_code == 200
        assert (await http.delete("/-/session", headers=token)).json()["user"] is None
        assert not http.cookies
        http.cookies.update(cookies)  # somebody kept it
        ended = await http.post("/graphql", json=VIEWER, headers=token)
        assert ended.status_code == 401
        # the page asks for the key; the browser's own window must not come before it
        assert "WWW-Authenticate" not in ended.headers


async def test_a_session_ends_with_its_key(client: Client) -> None:
    made = await client.data("mutation { generateApiKey(input: {}) { apiKey { id name } } }")
    key = made["generateApiKey"]["apiKey"]
    async with browser(client) as http:
        await http.post("/-/session", json={"key": key["name"]})
        assert (await http.get("/-/session")).json()["user"]
        remove = "mutation($id: String!) { deleteApiKey(input: {id: $id}) { success } }"
        await client.data(remove, id=key["id"])
        assert (await http.get("/-/session")).json()["user"] is None


async def test_a_session_expires(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSION_SECONDS", 0.0)
    async with browser(client) as http:
        await http.post("/-/session", json={"key": key_of(client)})
        assert http.cookies
        assert (await http.get("/-/session")).json()["user"] is None
