from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from plain_stream import Stream

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def stdout() -> Stream:
    """The stream that is `sys.stdout` during the test."""
    return Stream()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Not by the fixture itself: after it, pytest puts in a stream of its own."""
    stream = pyfuncitem.funcargs.get("stdout")
    if stream is None:
        return (yield)
    before, sys.stdout = sys.stdout, stream
    try:
        return (yield)
    finally:
        sys.stdout = before
