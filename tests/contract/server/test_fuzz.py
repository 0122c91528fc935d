"""Whatever is sent: no answer is a fault of the server, none takes long, and it goes on to work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fuzzing
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from asyncwb.server.resolvers.server import make_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT, LONG = 120, 6000
READ = """query($n: String!) { project(name: "demo") { run(name: $n) {
    state history events historyKeys summaryMetrics logLines(first: 5) { edges { node { line } } }
    sampledHistory(specs: ["{\\"keys\\": [\\"loss\\"], \\"samples\\": 5}"]) } } }"""
EVERY = 40  # examples, after which things that are gone are made anew

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.leaks("the server of all tests opens a connection when it needs one"),
]

forms = pytest.mark.parametrize(
    "examples",
    [
        pytest.param(SHORT, id="short"),
        pytest.param(LONG, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)


@pytest.fixture(scope="module")
def target() -> Iterator[fuzzing.Target]:
    target = fuzzing.Target()
    yield target
    target.close()


def repeat(
    examples: int,
    target: fuzzing.Target,
    strategy: st.SearchStrategy[Any],
    send: Callable[[Any], object],
) -> None:
    """Send that many examples; the short form sends the same ones each time."""
    count = 0

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=examples == SHORT,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def every(value: Any) -> None:
        nonlocal count
        if count % EVERY == 0:
            target.seed()
        count += 1
        send(value)
        target.works()

    every()


@forms
def test_documents_of_the_schema(target: fuzzing.Target, examples: int) -> None:
    def send(request: dict[str, Any]) -> None:
        answer = target.check("POST", "/graphql", content=fuzzing.encoded(request))
        assert isinstance(answer.json(), dict)

    repeat(examples, target, fuzzing.requests(make_schema()), send)


@forms
def test_bodies_of_graphql(target: fuzzing.Target, examples: int) -> None:
    documents = st.sampled_from(
        (
            "{ viewer { id } }",
            "{",
            "",
            "query A { viewer { id } } query B { viewer { id } }",
            "{ x }",
        )
    )
    requests = st.one_of(
        st.fixed_dictionaries(
            {"query": st.one_of(documents, fuzzing.plain)},
            optional={"variables": fuzzing.values, "operationName": fuzzing.plain},
        ),
        fuzzing.values,
    )

    def send(body: tuple[bytes, dict[str, str]]) -> None:
        target.check("POST", "/graphql", content=body[0], headers=body[1])

    repeat(examples, target, fuzzing.bodies(requests), send)


@forms
def test_file_streams(target: fuzzing.Target, examples: int) -> None:
    runs = st.sampled_from(("r", "r", "s", "none", "%00"))

    def send(request: tuple[str, tuple[bytes, dict[str, str]]]) -> None:
        run, (content, headers) = request
        url = f"/files/local/demo/{run}/file_stream"
        target.check("POST", url, content=content, headers=headers)
        body = {"query": READ, "variables": {"n": run}}
        target.check("POST", "/graphql", json=body)

    repeat(examples, target, st.tuples(runs, fuzzing.bodies(fuzzing.streams)), send)


@forms
def test_addresses(target: fuzzing.Target, examples: int) -> None:
    methods = st.sampled_from(("GET", "GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"))
    requests = st.tuples(methods, fuzzing.addresses(), fuzzing.bodies(fuzzing.values))

    def send(request: tuple[str, str, tuple[bytes, dict[str, str]]]) -> None:
        method, url, (content, headers) = request
        target.check(method, url, content=content, headers=headers)

    repeat(examples, target, requests, send)


@forms
def test_signed_addresses_and_ranges(target: fuzzing.Target, examples: int) -> None:
    requests = st.tuples(
        st.sampled_from(("GET", "PUT")), st.data(), fuzzing.ranges, st.binary(max_size=30)
    )

    def send(request: tuple[str, st.DataObject, str, bytes]) -> None:
        method, data, range_, content = request
        url = data.draw(fuzzing.signed(target.uploads))
        target.check(method, url, content=content, headers={"Range": range_, "If-Range": range_})

    repeat(examples, target, requests, send)


@forms
def test_batches(target: fuzzing.Target, examples: int) -> None:
    urls = st.one_of(
        fuzzing.texts,
        st.sampled_from(
            ("/storage/artifact-put/1/a?expires=9&signature=x", "/storage/artifact-get/9/a?")
        ),
    )
    lists = st.one_of(
        st.lists(
            st.fixed_dictionaries({"url": urls, "size": fuzzing.numbers | st.integers(0, 9)}),
            max_size=3,
        ),
        st.lists(urls, max_size=3),
        fuzzing.values,
    )
    requests = st.tuples(
        st.sampled_from(("get", "put")), fuzzing.bodies(lists), st.binary(max_size=9)
    )

    def send(request: tuple[str, tuple[bytes, dict[str, str]], bytes]) -> None:
        action, (content, headers), more = request
        body = content + b"\n" + more if "Content-Encoding" not in headers else content
        target.check("POST", f"/storage/batch/{action}", content=body, headers=headers)

    repeat(examples, target, requests, send)


@forms
def test_series(target: fuzzing.Target, examples: int) -> None:
    accepts = st.sampled_from(("*/*", "application/octet-stream", ""))
    requests = st.tuples(fuzzing.bodies(fuzzing.series), accepts)

    def send(request: tuple[tuple[bytes, dict[str, str]], str]) -> None:
        (content, headers), accept = request
        headers = {**headers, "Accept": accept}
        target.check("POST", "/-/series", content=content, headers=headers)

    repeat(examples, target, requests, send)
