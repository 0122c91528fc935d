"""The page over HTTP: its document, its files, and the frames of documents that users logged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

import asyncwb.server

if TYPE_CHECKING:
    import httpx
    from server_client import Client

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = Path(asyncwb.server.__file__).parent / "page"
VIEWED = ("plotly", "three", "3dmol", "vega", "bokeh")  # libraries that only viewers load


async def document(client: Client, path: str, **headers: str) -> httpx.Response:
    return await client.http.get(path, headers={**BROWSER, **headers}, auth=None)


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/", "./"),
        ("/local", "./"),
        ("/local/demo", "../"),
        ("/local/demo/workspace", "../../"),
        ("/local/demo/table?order=%2Bname", "../../"),
        ("/local/demo/reports", "../../"),
        ("/local/demo/alerts", "../../"),
        ("/local/demo/relations", "../../"),
        ("/local/demo/runs/abc", "../../../"),
        ("/local/demo/runs/abc/files", "../../../../"),
        ("/local/demo/sweeps/abc", "../../../"),
        ("/local/demo/artifacts/model/a%2Fb/v0", "../../../../../"),
    ],
)
async def test_every_page_is_one_document_that_finds_the_root(
    client: Client, path: str, root: str
) -> None:
    answer = await document(client, path)
    if "%2F" in path:  # a name with a slash is no page, whoever encodes it
        assert answer.status_code == 404
        return
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert f'<base href="{root}">' in answer.text
    # behind a proxy that takes a prefix away, relative addresses lead below that prefix
    seen = "https://host/a/prefix" + path.partition("?")[0]
    assert urljoin(seen, root) == "https://host/a/prefix/"


async def test_nothing_in_the_document_needs_a_host_or_an_inline_script(client: Client) -> None:
    text = (await document(client, "/local/demo")).text
    for address in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert not address.startswith(("/", "http:", "https:")), address
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"\son\w+=|\sstyle=|<style", text) == []


async def test_the_document_names_all_modules_that_the_page_loads(client: Client) -> None:
    text = (await document(client, "/local/demo")).text
    named = set(re.findall(r'rel="modulepreload" href="-/assets/\w+/([^"]+)"', text))
    loaded, waiting = set[str](), ["app.js"]
    while waiting:
        name = waiting.pop()
        loaded.add(name)
        script = (PAGE / name).read_text()
        found = re.findall(r'(?:from|import|new URL)\s*\(?"(\./[^"]+)"', script)
        targets = {(PAGE / name).parent.joinpath(each).resolve() for each in found}
        paths = {path.relative_to(PAGE.resolve()).as_posix() for path in targets}
        waiting += paths - loaded
    assert named == loaded


async def test_the_policy_lets_only_this_server_in(client: Client) -> None:
    headers = (await document(client, "/")).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["form-action"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    ["/local/demo/other", "/local/demo/runs/a/b/c", "/a/b/c/d/e/f/g", "/-/nothing/here/x"],
)
async def test_what_is_no_page_is_not_found(client: Client, path: str) -> None:
    assert (await document(client, path)).status_code == 404


@pytest.mark.parametrize("path", ["/local/demo/runs/abc", "/local/demo", "/local"])
async def test_programs_get_no_page(client: Client, path: str) -> None:
    answer = await client.http.get(path, headers={"Accept": "*/*"})
    assert answer.status_code == 404
    assert answer.json()["errors"]
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await client.http.request(method, path, headers=BROWSER)).status_code == 404
    assert "WANDB_BASE_URL" in (await client.http.get("/", headers={"Accept": "*/*"})).text


async def test_documents_are_checked_again_and_files_are_kept(client: Client) -> None:
    page = await document(client, "/local/demo")
    assert page.headers["cache-control"] == "private, no-cache"
    again = await document(client, "/local/demo", **{"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    folder = page.text.partition('href="')[2] and re.search(r"-/assets/(\w+)/app\.js", page.text)
    assert folder
    kept = await client.http.get(f"/-/assets/{folder[1]}/app.js", auth=None)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    etag = {"If-None-Match": kept.headers["etag"]}
    assert (await client.http.get(f"/-/assets/{folder[1]}/app.js", headers=etag)).status_code == 304
    # a tab from before an update asks under its old address, and must not keep what it gets
    old = await client.http.get("/-/assets/000000000000/app.js", auth=None)
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")


async def test_every_file_is_served_as_what_it_is(client: Client) -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    files = [path for path in PAGE.rglob("*") if path.suffix in types]
    assert len(files) > 15
    for path in files:
        name = path.relative_to(PAGE).as_posix()
        for coding in ("identity", "gzip"):
            answer = await client.http.get(
                f"/-/assets/x/{name}", headers={"Accept-Encoding": coding}, auth=None
            )
            assert answer.status_code == 200
            assert answer.headers.get("content-encoding", "identity") == coding
            assert answer.content == path.read_bytes()
            assert answer.headers["content-type"].startswith(types[path.suffix])
            assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "missing.js",
        "../app.py",
        "%2e%2e/app.py",
        "..%2fapp.py",
        "vendor/../../app.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "",
    ],
)
async def test_nothing_else_is_served_as_a_file(client: Client, name: str) -> None:
    assert (await client.http.get(f"/-/assets/x/{name}", auth=None)).status_code == 404


def test_the_page_is_small_and_its_libraries_have_their_licences() -> None:
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    heavy = [path for path in files if path.name.startswith(VIEWED)]
    assert sum(path.stat().st_size for path in files if path not in heavy) < 400_000
    assert sum(path.stat().st_size for path in heavy) < 7_000_000
    vendored = (PAGE / "vendor" / "README.md").read_text()
    for path in (PAGE / "vendor").iterdir():
        assert path.name.startswith("LICENSE") or path.name == "README.md" or path.name in vendored
    named = {"preact", "htm", "uplot", "plotly", "three", "vega", "3dmol", "bokeh"}
    licences = {path.suffix.removeprefix(".") for path in (PAGE / "vendor").glob("LICENSE.*")}
    assert licences == named


@pytest.mark.parametrize("path", sorted(PAGE.glob("*.js")), ids=lambda path: path.name)
def test_scripts_load_their_own_files_alone(path: Path) -> None:
    text = path.read_text()
    for target in re.findall(r'(?:from|import)\s*\(?"([^"]+)"', text):
        assert target.startswith("./"), target
        assert (path.parent / target).is_file(), target
        assert not Path(target).name.startswith(VIEWED), "it would run what somebody logged"
    assert len(text.splitlines()) < 400


@pytest.mark.parametrize("path", sorted(PAGE.glob("viewers/*.html")), ids=lambda path: path.name)
async def test_a_viewer_reaches_nothing(client: Client, path: Path) -> None:
    answer = await client.http.get(f"/-/assets/x/viewers/{path.name}", auth=None)
    policy = answer.headers["content-security-policy"].split("; ")
    assert "sandbox allow-scripts" in policy
    assert {"default-src 'none'", "connect-src data: blob:", "form-action 'none'"} < set(policy)
    # it has no origin, so that modules of its own server come from another one
    for name in re.findall(r'src="([^"]+)"', answer.text):
        script = await client.http.get(f"/-/assets/x/viewers/{name}", auth=None)
        assert script.headers["access-control-allow-origin"] == "*"


async def test_a_logged_document_is_shown_in_an_origin_of_its_own(client: Client) -> None:
    await client.upsert("r")
    made = await client.data(
        """mutation { createRunFiles(input: {entityName: "local", projectName: "demo",
            runName: "r", files: ["media/html/a b.html"]}) { files { uploadUrl } } }"""
    )
    upload = made["createRunFiles"]["files"][0]["uploadUrl"]
    await client.http.put(upload, content=b"<script>alert(1)</script>")
    frame = await client.http.get("/-/frame/local/demo/r/media/html/a b.html")
    assert frame.status_code == 200
    assert frame.headers["content-type"].startswith("text/html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'; ")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy  # default-src 'none' stands
    plain = await client.http.get("/files/local/demo/r/media/html/a b.html")
    assert plain.headers["content-security-policy"] == "sandbox; default-src 'none'"
    for path in ("/-/frame/local/demo/r/..%2f..%2fasyncwb.db", "/-/frame/local/demo/r/none"):
        assert (await client.http.get(path)).status_code == 404
    assert (
        await client.http.get("/-/frame/local/demo/r/media/html/a b.html", auth=None)
    ).status_code == 401
