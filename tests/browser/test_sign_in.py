"""Signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer


def test_by_a_key(anonymous: Any, server: LocalServer) -> None:
    page = anonymous
    page.goto(f"{server.url}/local/digits")
    page.get_by_label("Or paste an API key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").get_by_text("does not know that API key").wait_for()
    page.get_by_label("Or paste an API key").fill(server.api_key)
    page.get_by_role("button", name="Sign in").click()
    # where somebody wanted to go in the first place
    page.get_by_role("link", name="h64-lr0.5-m0.0").wait_for()
    assert server.api_key not in page.url
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="local", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.reload()
    page.get_by_role("heading", name="Sign in").wait_for()


def test_by_a_link_once(anonymous: Any, link: Callable[[], str]) -> None:
    page, address = anonymous, link()
    page.goto(address)
    page.get_by_role("heading", name="Projects").wait_for()
    assert "sign-in" not in page.url
    page.context.clear_cookies()
    page.goto("about:blank")
    page.goto(address)
    page.get_by_role("alert").get_by_text("used already").wait_for()


def test_a_session_that_ends_asks_again(page: Any) -> None:
    page.context.clear_cookies()
    page.get_by_role("link", name="digits").click()
    page.get_by_role("heading", name="Sign in").wait_for()
