"""Every route, tried by people who should not have what it is about; signed addresses.

A route that is new and has no case here fails the first test: say what a stranger and a viewer get.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from artifact_client import anonymous
from server_world import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

Given = dict[str, Any]


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def test_a_viewer_gets_no_address_to_upload_to(there: World) -> None:
    legacy = (
        '{ project(name: "hush", entityName: "crew") { run(name: "r") { files(names: ["new"])'
        " { edges { node { url(upload: true) } } } } } }"
    )
    listed = (
        '{ project(name: "hush", entityName: "crew") { run(name: "r") { files { edges { node'
        " { uploadUrl url(upload: true) directUrl } } } } } }"
    )
    assert (await there.ask("vic", legacy)).status_code == 403
    answer = (await there.data("vic", listed))["project"]["run"]["files"]["edges"]
    (edge,) = answer
    assert (edge["node"]["uploadUrl"], edge["node"]["url"]) == (None, None)
    assert (await there.request(None, "GET", edge["node"]["directUrl"])).content == b"hush"
    (edge,) = (await there.data("max", listed))["project"]["run"]["files"]["edges"]
    assert edge["node"]["uploadUrl"] == edge["node"]["url"]


def at(url: str) -> str:
    return url.partition("server.test:1")[2]


DIGEST = "8d777f385d3dfec8815d20f7496026dc"  # of b"data"

# method and path of a route -> an address of it, and what comes of a request by
# (nobody, a stranger, a viewer, a member)
STREAM: Given = {"files": {}}
CHART = {"entity": "crew", "project": "hush", "runs": ["r"], "y": "hush"}
ROUTES: dict[tuple[str, str], tuple[Any, tuple[int, int, int, int], Given]] = {
    ("POST", "/files/{entity}/{project}/{run}/file_stream"): (
        "/files/crew/hush/r/file_stream", (401, 404, 403, 200), {"json": STREAM}),
    ("GET", "/files/{entity}/{project}/{run}/{name:path}"): (
        "/files/crew/hush/r/hush.html", (401, 404, 200, 200), {}),
    ("GET", "/-/frame/{entity}/{project}/{run}/{name:path}"): (
        "/-/frame/crew/hush/r/hush.html", (401, 404, 200, 200), {}),
    ("GET", "/-/export/{entity}/{project}/runs.parquet"): (
        "/-/export/crew/hush/runs.parquet", (401, 404, 200, 200), {}),
    ("GET", "/-/export/{entity}/{project}/{run}/history.parquet"): (
        "/-/export/crew/hush/r/history.parquet", (401, 404, 200, 200), {}),
    ("GET", "/artifactsV2/{region}/{entity}/{project}/{collection}/{id}/{birth}/{digest}/{name}"):
        (lambda w: at(w.urls["artifact"]), (401, 404, 200, 200), {}),
    ("GET", "/artifactsV2/{region}/{entity}/{project}/{collection}/{birth}/{digest}/{name}"): (
        f"/artifactsV2/default/crew/hush/hush-data/x/{DIGEST}/hush.bin", (401, 404, 200, 200), {}),
    ("GET", "/artifacts/{entity}/{digest}"): (
        f"/artifacts/crew/{DIGEST}", (401, 404, 200, 200), {}),
}  # fmt: skip
# for administrators of the server alone
ADMIN = {
    ("GET", "/metrics"): None,
    ("GET", "/admin/users"): None,
    ("POST", "/admin/users"): {"username": "x"},
    ("DELETE", "/admin/users/{username}"): None,
    ("POST", "/admin/users/{username}/role"): {"role": "admin"},
    ("GET", "/admin/users/{username}/keys"): None,
    ("POST", "/admin/users/{username}/keys"): {},
    ("DELETE", "/admin/users/{username}/keys/{key}"): None,
    ("GET", "/admin/organizations"): None,
    ("POST", "/admin/organizations"): {"name": "x", "username": "eve"},
    ("DELETE", "/admin/organizations/{name}"): None,
    ("GET", "/admin/organizations/{name}/members"): None,
    ("POST", "/admin/organizations/{name}/members"): {"username": "eve", "role": "admin"},
    ("DELETE", "/admin/organizations/{name}/members/{username}"): None,
    ("GET", "/admin/teams"): None,
    ("POST", "/admin/teams"): {"name": "x", "organization": "local-org", "username": "eve"},
    ("DELETE", "/admin/teams/{name}"): None,
    ("GET", "/admin/teams/{name}/members"): None,
    ("POST", "/admin/teams/{name}/members"): {"username": "eve", "role": "admin"},
    ("DELETE", "/admin/teams/{name}/members/{username}"): None,
}
# what opens with a signed address alone, whoever sends it, and nothing else
SIGNED = {
    ("PUT", "/storage/put/{file_id:int}/{name:path}"): "put",
    ("GET", "/storage/get/{file_id:int}/{name:path}"): "get",
    ("PUT", "/storage/artifact-put/{number:int}/{name:path}"): "artifact-put of draft",
    ("PUT", "/storage/part-put/{number:int}/{name:path}"): "part-put",
    ("PUT", "/storage/manifest-put/{number:int}/{name:path}"): "manifest-put of draft",
    ("GET", "/storage/artifact-get/{number:int}/{name:path}"): "artifact-get",
    ("GET", "/storage/manifest-get/{number:int}/{name:path}"): "manifest-get",
}
OPEN = {
    ("POST", "/graphql"): "each operation has its case above",
    ("POST", "/storage/batch/put"): "signed addresses; test_batches_take_signed_addresses_alone",
    ("POST", "/storage/batch/get"): "signed addresses; test_batches_take_signed_addresses_alone",
    ("GET", "/healthz"): "says that the server lives",
    ("GET", "/readyz"): "says whether it can serve, and no more",
    ("GET", "/-/session"): "the caller's own session; test_page_sessions.py",
    ("POST", "/-/session"): "signs in; test_page_sessions.py",
    ("DELETE", "/-/session"): "the caller's own session; test_page_sessions.py",
    ("POST", "/-/series"): "leaves out what is hidden; test_series_of_strangers_are_empty",
    ("GET", "/-/assets/{digest}/{name:path}"): "files of the page, the same for everybody",
}


def routes_of(made: World) -> set[tuple[str, str]]:
    from asyncwb.server.routes.page import PAGES

    return {
        (method, route.path)
        for route in made.app.routes
        if route.path not in PAGES  # one document, the same for everybody
        for method in route.methods
        if method != "HEAD"
    }


async def test_every_route_has_a_case(there: World) -> None:
    assert routes_of(there) == {*ROUTES, *ADMIN, *SIGNED, *OPEN}


async def test_what_each_gets_of_each_route(there: World) -> None:
    before = await there.snapshot()
    for (method, _), (address, wanted, more) in ROUTES.items():
        path = address if isinstance(address, str) else address(there)
        for who, status in zip((None, "eve", "vic"), wanted, strict=False):
            answer = await there.request(who, method, path, **more)
            assert answer.status_code == status, (who, method, path, answer.text)
            if who == "eve":
                absent = path.replace("crew", "nobody").replace(DIGEST, "0" * 32)
                nothing = await there.request(who, method, absent, **more)
                text = answer.text.replace("crew", "nobody")
                assert (nothing.status_code, nothing.text) == (status, text), path
        if method == "GET":
            for who in ("bob", "zoe"):
                assert (await there.request(who, method, path)).status_code == 404, path
    assert await there.snapshot() == before
    for (method, _), (address, wanted, more) in ROUTES.items():
        path = address if isinstance(address, str) else address(there)
        answer = await there.request("max", method, path, **more)
        assert answer.status_code == wanted[3], (method, path, answer.text)


async def test_administration_is_for_administrators(there: World) -> None:
    before = await there.snapshot()
    for (method, route), body in ADMIN.items():
        for name, username in (("crew", "max"), ("nothing", "nobody")):
            path = route.format(name=name, username=username, key="0" * 10)
            for who, status in ((None, 401), ("eve", 403), ("vic", 403), ("ann", 403)):
                answer = await there.request(who, method, path, json=body)
                assert answer.status_code == status, (who, method, path, answer.text)
    assert await there.snapshot() == before


async def test_signed_addresses_open_one_thing_by_one_method_for_a_while(there: World) -> None:
    for (method, _), name in SIGNED.items():
        url = there.urls[name]
        head, _, query = url.partition("?")
        expires = re.search(r"expires=(\d+)", query)
        assert expires is not None
        later = query.replace(expires[1], str(int(expires[1]) + 1))
        past = query.replace(expires[1], "1")
        number = re.search(r"/(\d+)/", head)
        assert number is not None
        other = head.replace(f"/{number[1]}/", f"/{int(number[1]) + 1}/", 1)
        action = head.split("/")[4]
        for tried in (
            head, f"{head}?{later}", f"{head}?{past}", f"{other}?{query}", f"{head}?{query}0",
            f"{head}?expires={expires[1]}&signature=",
        ):  # fmt: skip
            answer = await there.request(None, method, tried, content=b"x")
            assert answer.status_code == 403, tried
            # a key of somebody is no signature
            answer = await there.request("max", method, tried, content=b"x")
            assert answer.status_code == 403, tried
        for verb, route in SIGNED:
            wanted = route.split("/")[2]
            if wanted == action:
                continue
            crossed = url.replace(f"/storage/{action}/", f"/storage/{wanted}/")
            answer = await there.request(None, verb, crossed, content=b"x")
            assert answer.status_code == 403, crossed
        wrong = "GET" if method == "PUT" else "PUT"
        answer = await there.request(None, wrong, url, content=b"x")
        assert answer.status_code == 405, url


async def test_batches_take_signed_addresses_alone(there: World) -> None:
    put, get = there.urls["artifact-put of draft"], there.urls["artifact-get"]
    for url in (get, put.partition("?")[0], put.replace("signature=", "signature=0"), "x"):
        body = json.dumps([{"url": url, "size": 1}]).encode() + b"\nx"
        answer = await there.request("max", "POST", "/storage/batch/put", content=body)
        (outcome,) = answer.json()
        assert outcome["status"] in (400, 403), url
    for url in (put, get.partition("?")[0], get.replace("signature=", "signature=0"), "x"):
        answer = await there.request("max", "POST", "/storage/batch/get", json=[url])
        (outcome,) = json.loads(answer.content.partition(b"\n")[0])
        assert outcome["status"] in (400, 403), url
        assert b"data" not in answer.content
    answer = await there.request(None, "POST", "/storage/batch/get", json=[get])
    assert answer.content.endswith(b"\ndata")


async def test_series_of_strangers_are_empty(there: World) -> None:
    assert (await there.request(None, "POST", "/-/series", json=CHART)).status_code == 401
    for who in ("eve", "bob", "zoe"):
        answer = await there.request(who, "POST", "/-/series", json=CHART)
        assert answer.json() == {"x": [], "y": {}, "mean": None}
    answer = await there.request("vic", "POST", "/-/series", json=CHART)
    assert answer.json()["y"] == {"r": [1]}


async def test_a_digest_of_another_entity_opens_nothing(there: World) -> None:
    """Neither at the address of one's own entity, nor through a version of one's own."""
    for path in (f"/artifacts/eve/{DIGEST}", f"/artifactsV2/default/eve/p/c/x/{DIGEST}/hush.bin"):
        assert (await there.request("eve", "GET", path)).status_code == 404
    hidden = at(there.urls["artifact"]).replace("/crew/hush/", "/eve/uncategorized/")
    assert (await there.request("eve", "GET", hidden)).status_code == 404


async def test_a_key_in_the_wrong_place_is_no_key(there: World) -> None:
    key = there.keys["max"]
    path = "/files/crew/hush/r/hush.html"
    for headers in (
        {"Authorization": key}, {"Authorization": f"Token {key}"}, {"X-Api-Key": key},
        {"Authorization": "Basic !!!"}, {"Authorization": "Bearer "},
    ):  # fmt: skip
        answer = await there.http.get(path, headers=headers, auth=anonymous)
        assert answer.status_code == 401, headers
    assert (await there.http.get(f"{path}?key={key}", auth=anonymous)).status_code == 401
