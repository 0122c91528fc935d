"""The page behind a proxy that takes a path prefix away and says nothing of it."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from page_view import chart

from asyncwb.server.bootstrap import load_secrets
from asyncwb.server.links import make_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.testing import LocalServer

PREFIX = "/tools/wb"
OWN = {"host", "connection", "accept-encoding", "content-length", "transfer-encoding"}


@pytest.fixture
def proxied(server: LocalServer) -> Iterator[str]:
    class Proxy(BaseHTTPRequestHandler):
        def forward(self) -> None:
            if not self.path.startswith(f"{PREFIX}/"):
                self.send_error(404)
                return
            size = int(self.headers.get("Content-Length", 0))
            kept = {k: v for k, v in self.headers.items() if k.lower() not in OWN}
            request = urllib.request.Request(
                server.url + self.path.removeprefix(PREFIX),
                self.rfile.read(size) if size else None,
                kept,
                method=self.command,
            )
            try:
                answer: Any = urllib.request.urlopen(request, timeout=20)
            except urllib.error.HTTPError as refused:
                answer = refused
            with answer:
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in OWN:
                        self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = forward  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}{PREFIX}"
        listening.shutdown()
        thread.join()


def test_everything_stays_below_the_prefix(
    anonymous: Any, server: LocalServer, proxied: str
) -> None:
    page = anonymous
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(make_link(proxied, load_secrets(server.data_dir)[1], server.entity))
    page.get_by_role("link", name="digits").click()
    chart(page, "train/loss")
    page.get_by_role("link", name="h64-lr0.5-m0.0").click()
    page.get_by_role("link", name="Files").click()
    page.get_by_role("button", name="config.yaml").click()
    page.get_by_label("Preview of config.yaml").get_by_text("momentum").wait_for()
    page.reload()
    page.get_by_role("button", name="config.yaml").wait_for()
    assert len(asked) > 20
    assert [url for url in asked if not url.startswith(f"{proxied}/")] == []
