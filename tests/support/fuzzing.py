"""What a fuzz of the server sends: documents made from its schema, bodies, addresses."""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import hypothesis.strategies as st
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.ids import make_id

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

SECONDS = 20  # an answer that takes longer is a hang

SEED = """mutation {
  run: upsertBucket(input: {name: "r", modelName: "demo", tags: ["t"],
    config: "{\\"a\\": {\\"value\\": 1}, \\"n\\": {\\"value\\": NaN}}"}) { inserted }
  other: upsertBucket(input: {name: "s", modelName: "demo", groupName: "g"}) { inserted }
  files: createRunFiles(input: {entityName: "local", projectName: "demo", runName: "r",
    files: ["a.txt", "b/c.txt"]}) { files { uploadUrl } }
  artifact: createArtifact(input: {entityName: "local", projectName: "demo", runName: "r",
    artifactTypeName: "dataset", artifactCollectionNames: ["data"], digest: "d",
    aliases: [{artifactCollectionName: "data", alias: "latest"}]}) { artifact { id } }
  sweep: upsertSweep(input: {entityName: "local", projectName: "demo",
    config: "method: grid\\nparameters: {x: {values: [1, 2]}}"}) { sweep { name } }
  view: upsertView(input: {entityName: "local", projectName: "demo", type: "runs",
    name: "report", spec: "{}"}) { view { id } }
}"""
ROWS = [
    '{"_step": 0, "loss": 1.5, "n": {"m": 2}}',
    '{"_step": 1, "loss": NaN, "t": "x"}',
    '{"_step": 5, "loss": 1e400, "l": [1, {"_type": "image-file"}]}',
]


class Target:
    """A server in this thread, with some of everything on it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self._begin()

    def _begin(self) -> None:
        key = ensure_first_user(self._folder.name).api_key  # type: ignore[arg-type]
        app = create_app(ServerConfig(data_dir=self._folder.name))
        self._lifespan = app.router.lifespan_context(app)
        self._runner.run(self._lifespan.__aenter__())
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://fuzz.test", auth=("api", key)
        )
        self.uploads: list[str] = []
        self.seed()

    def seed(self) -> None:
        """Make what is gone anew, as far as the user still may."""
        answer = self.ask("POST", "/graphql", json={"query": SEED})
        if answer.status_code == 401:  # the key or its user was deleted
            self._end()
            self._begin()
            return
        data = answer.json().get("data") or {}
        if data.get("files"):
            self.uploads = [
                file["uploadUrl"].removeprefix("http://fuzz.test")
                for file in data["files"]["files"]
            ]
        files = {
            "wandb-history.jsonl": {"offset": 0, "content": ROWS},
            "wandb-events.jsonl": {"offset": 0, "content": ['{"_runtime": 1, "system.cpu": 2}']},
            "output.log": {"offset": 0, "content": ["line"]},
        }
        self.ask("POST", "/files/local/demo/r/file_stream", json={"files": files})
        for url in self.uploads:
            self.ask("PUT", url, content=b"0123456789")

    def ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        """One request; fails where the answer takes too long."""

        async def sent() -> httpx.Response:
            return await asyncio.wait_for(self.http.request(method, url, **more), SECONDS)

        return self._runner.run(sent())

    def check(self, method: str, url: str, **more: Any) -> httpx.Response:
        """The same, and the answer must be no fault of the server and nothing that is retried."""
        answer = self.ask(method, url, **more)
        assert answer.status_code < 500, answer.text
        assert answer.status_code not in (408, 429), answer.text
        return answer

    def works(self) -> None:
        """The server answers properly."""
        assert self.ask("GET", "/healthz").status_code == 200
        answer = self.ask("POST", "/graphql", json={"query": "{ viewer { username } }"})
        if answer.status_code != 401:
            assert answer.json() == {"data": {"viewer": {"username": "local"}}}

    def _end(self) -> None:
        self._runner.run(self.http.aclose())
        leave: Callable[..., Coroutine[Any, Any, Any]] = self._lifespan.__aexit__
        self._runner.run(leave(None, None, None))
        self._folder.cleanup()
        self._folder = tempfile.TemporaryDirectory()

    def close(self) -> None:
        self._end()
        self._folder.cleanup()
        self._runner.close()


KINDS = [
    "Run",
    "Project",
    "User",
    "Entity",
    "File",
    "Artifact",
    "ArtifactCollection",
    "ArtifactType",
    "Sweep",
    "View",
    "ApiKey",
    "Organization",
    "Team",
    "Registry",
    "ArtifactCollectionMembership",
    "ArtifactAlias",
    "Agent",
]
NAMES = [
    "local",
    "demo",
    "r",
    "s",
    "data",
    "data:latest",
    "data:v0",
    "dataset",
    "latest",
    "v0",
    "report",
    "runs",
    "a.txt",
    "b/c.txt",
    "loss",
    "_step",
    "n.m",
    "config",
    "output.log",
    "finished",
    "running",
    "grid",
    "admin",
    "member",
]
# fmt: off
ODD = (
    "", " ", "\0", "a\nb", "..", "../..", "/", "//", ":", "a:b:c", "%", "%00", "'", '"', "\\", "é",
    "\U0001f600", "\ud800", "x" * 300, "x" * 5000, "(", "[", "(a+)+$", "*", "-", "+", "NaN", "null",
    "1e400", "9" * 40, "-1", "0", "2020-01-01", "2020-01-01T00:00:00Z", "9999-99-99", "$where",
    "{}", "[]", "{", "SELECT 1", "__typename",
)
# fmt: on
ORDERS = (
    "-created_at",
    "+config.a.value",
    "summary_metrics.loss",
    "-heartbeatAt",
    "name",
    "-",
    "+",
    "a b",
    "-config.",
)

known_ids = st.builds(make_id, st.sampled_from(KINDS), st.integers(1, 4))
ids = known_ids | st.builds(
    make_id, st.sampled_from(KINDS), st.sampled_from((-1, 2**31, 2**63, 10**30))
)
texts = st.one_of(
    st.sampled_from(NAMES), st.sampled_from(ODD), st.sampled_from(ORDERS), ids, st.text(max_size=8)
)
numbers = st.one_of(
    st.sampled_from(
        (0, 1, -1, 2, 50, 1000, 2**31 - 1, -(2**31), 2**53, 2**63, -(2**63) - 1, 10**30)
    ),
    st.floats(),
)
plain = st.one_of(st.none(), st.booleans(), numbers, texts)
keys = st.one_of(
    st.sampled_from(
        [
            "$and",
            "$or",
            "$not",
            "$nor",
            "$in",
            "$nin",
            "$eq",
            "$ne",
            "$gt",
            "$lt",
            "$gte",
            "$lte",
            "$regex",
            "$exists",
            "config.a",
            "config.a.value",
            "summary_metrics.loss",
            "state",
            "tags",
            "createdAt",
            "created_at",
            "name",
            "display_name",
            "user.username",
            "keys",
            "samples",
            "minStep",
            "maxStep",
            "version",
            "alias",
            "tag",
        ]
    ),
    texts,
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
json_texts = st.one_of(
    st.dictionaries(keys, values, max_size=3).map(json.dumps), values.map(json.dumps), texts
)

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Int": st.one_of(st.integers(-2, 5), st.sampled_from((50, 1000, 2**31 - 1, -(2**31)))),
    "Float": numbers,
    "Boolean": st.booleans(),
    "String": texts | json_texts,
    "ID": st.one_of(ids, texts),
    "JSONString": json_texts,
    "JSON": values,
    "Int64": st.one_of(st.integers(-2, 100), numbers, st.sampled_from(("5", "-", "9" * 30))),
    "DateTime": st.sampled_from(("2020-01-01T00:00:00Z", "2020-01-01", "", "soon", "9999-99-99")),
}


# Names of arguments, and what they are told most often: few requests get far otherwise.
HINTS: dict[str, tuple[Any, ...]] = {
    "entity": ("local",),
    "entityName": ("local",),
    "project": ("demo",),
    "projectName": ("demo",),
    "modelName": ("demo",),
    "run": ("r", "s"),
    "runName": ("r", "s"),
    "names": (["a.txt"], ["r"]),
    "collectionName": ("data",),
    "artifactCollectionName": ("data",),
    "artifactTypeName": ("dataset",),
    "after": (None,),
    "cursor": (None,),
    "clientMutationId": (None,),
    "state": ("finished", "RUNNING"),
    "username": ("local",),
    "userName": ("local",),
    "order": ("-created_at", "name", "+config.a.value"),
    "specs": (['{"keys": ["loss"], "samples": 3}'],),
    "config": ('{"a": {"value": 2}}', "method: random\nparameters: {x: {min: 0, max: 1}}"),
}


def named_value(draw: st.DrawFn, name: str, kind: GraphQLInputType, depth: int = 3) -> Any:
    """The same for an argument of some name."""
    if name in HINTS and draw(st.integers(0, 3)):
        return draw(st.sampled_from(HINTS[name]))
    if name.lower().endswith("id") and draw(st.integers(0, 3)):
        return draw(known_ids)
    return input_value(draw, kind, depth)


def input_value(draw: st.DrawFn, kind: GraphQLInputType, depth: int = 3) -> Any:
    """A value for an input type, now and then of another one."""
    if draw(st.integers(0, 99)) == 0:
        return draw(values)
    if is_non_null_type(kind):
        return input_value(draw, kind.of_type, depth)
    nothing = depth <= 0 or draw(st.integers(0, 9)) == 0
    if nothing and not isinstance(kind, GraphQLInputObjectType):
        return None
    if is_list_type(kind):
        return [input_value(draw, kind.of_type, depth - 1) for _ in range(draw(st.integers(0, 2)))]
    if isinstance(kind, GraphQLEnumType):
        return draw(st.sampled_from(list(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: named_value(draw, name, field.type, depth - 1)
            for name, field in kind.fields.items()
            if is_required_input_field(field) or draw(st.integers(0, 2)) == 0
        }
    return draw(SCALARS.get(kind.name, texts))


class _Document:
    """A document under way, with its variables."""

    def __init__(self, schema: GraphQLSchema, draw: st.DrawFn) -> None:
        self.schema, self.draw = schema, draw
        self.declared: list[str] = []
        self.variables: dict[str, Any] = {}

    def field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        field = parent.fields[name]
        arguments = []
        for argument, definition in field.args.items():
            if is_required_argument(definition) or self.draw(st.booleans()):
                variable = f"v{len(self.declared)}"
                self.declared.append(f"${variable}: {definition.type}")
                self.variables[variable] = named_value(self.draw, argument, definition.type)
                arguments.append(f"{argument}: ${variable}")
        head = f"f{len(self.declared)}x{depth}{name}: {name}"
        if arguments:
            head += f"({', '.join(arguments)})"
        return head + self.selection(field.type, depth - 1)

    def selection(self, kind: GraphQLOutputType, depth: int) -> str:
        named = get_named_type(kind)
        if is_leaf_type(named):
            return ""
        if is_abstract_type(named):
            chosen = self.draw(st.sampled_from(list(self.schema.get_possible_types(named))))
            return f" {{ __typename ... on {chosen.name} {self.fields(chosen, depth)} }}"
        assert isinstance(named, GraphQLObjectType)
        return " " + self.fields(named, depth)

    def fields(self, parent: GraphQLObjectType, depth: int) -> str:
        names = [
            name
            for name, field in parent.fields.items()
            if depth > 0 or is_leaf_type(get_named_type(field.type))
        ]
        if not names:
            return "{ __typename }"
        chosen = self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
        return "{ " + " ".join(self.field(parent, name, depth) for name in chosen) + " }"


@st.composite
def requests(draw: st.DrawFn, schema: GraphQLSchema) -> dict[str, Any]:
    """A GraphQL request with random arguments for random fields."""
    document = _Document(schema, draw)
    mutating = draw(st.booleans())
    root = schema.mutation_type if mutating else schema.query_type
    assert root is not None
    name = draw(st.sampled_from(list(root.fields)))
    body = document.field(root, name, draw(st.integers(1, 5)))
    declared = f"({', '.join(document.declared)})" if document.declared else ""
    kind = "mutation" if mutating else "query"
    return {"query": f"{kind} Q{declared} {{ {body} }}", "variables": document.variables}


def encoded(value: Any) -> bytes:
    """Extended JSON with the bare tokens and lone surrogates escaped, as clients send it."""
    return json.dumps(value).encode()


chunks = st.one_of(
    st.fixed_dictionaries(
        {
            "offset": st.one_of(st.integers(0, 5), numbers, plain),
            "content": st.one_of(
                st.lists(st.one_of(st.sampled_from(ROWS), json_texts), max_size=4), values
            ),
        }
    ),
    values,
)
streams = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "files": st.dictionaries(
                st.sampled_from(
                    (
                        "wandb-history.jsonl",
                        "wandb-events.jsonl",
                        "output.log",
                        "wandb-summary.json",
                        "other",
                        "../x",
                    )
                ),
                chunks,
                max_size=3,
            ),
            "complete": st.one_of(st.booleans(), plain),
            "exitcode": st.one_of(st.integers(-1, 3), plain),
            "preempting": st.one_of(st.booleans(), plain),
            "uploaded": st.one_of(st.lists(texts, max_size=2), plain),
        },
    ),
    values,
)


@st.composite
def bodies(draw: st.DrawFn, content: st.SearchStrategy[Any]) -> tuple[bytes, dict[str, str]]:
    """A body and its headers: as it should be, cut off, of other bytes, packed well or badly."""
    body = encoded(draw(content))
    how = draw(st.integers(0, 11))
    if how == 0:
        body = body[: draw(st.integers(0, len(body)))]
    elif how == 1:
        body = draw(st.binary(max_size=50))
    elif how == 2:
        body = b"[" * 5000
    headers: dict[str, str] = {}
    packed = draw(st.integers(0, 5))
    if packed == 0:
        body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
    elif packed == 1:
        headers = {"Content-Encoding": draw(st.sampled_from(("gzip", "br", "deflate", "")))}
    writer = draw(st.integers(0, 9))
    if writer == 0:
        headers |= {
            "x-wandb-use-async-filestream": "true",
            "x-wandb-async-client-id": draw(st.sampled_from(("w1", "w2", "x" * 100))),
        }
    return body, headers


def in_address(part: str) -> str:
    """A text as a part of a path."""
    return quote(part.encode("utf-8", "surrogatepass"), safe="")


parts = st.one_of(
    st.sampled_from(
        [
            "local",
            "demo",
            "r",
            "runs",
            "artifacts",
            "dataset",
            "data",
            "v0",
            "a.txt",
            "b%2Fc.txt",
            "%ff",
            "%",
            "-",
        ]
    ),
    texts.map(in_address),
)
PLACES = [
    "/files/{}/{}/{}/{}",
    "/-/frame/{}/{}/{}/{}",
    "/{}",
    "/{}/{}",
    "/{}/{}/runs/{}",
    "/{}/{}/{}/{}",
    "/artifacts/{}/{}",
    "/artifactsV2/{}/{}/{}/{}/{}/{}/{}",
    "/artifactsV2/{}/{}/{}/{}/{}/{}/{}/{}",
    "/storage/get/{}/{}",
    "/storage/put/{}/{}",
    "/storage/artifact-get/{}/{}",
    "/storage/part-put/{}/{}",
    "/storage/manifest-put/{}/{}",
    "/storage/manifest-get/{}/{}",
    "/-/assets/{}/{}",
    "/-/session",
    "/-/series",
    "/storage/batch/get",
    "/storage/batch/put",
    "/graphql",
    "/healthz",
]
queries = st.sampled_from(
    (
        "",
        "?",
        "?expires=1&signature=x",
        "?expires=9999999999&signature=",
        "?expires=-&signature=%ff",
        "?x=%00&=&a",
    )
)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """An address of some kind with any parts."""
    place = draw(st.sampled_from(PLACES))
    return place.format(*(draw(parts) for _ in range(place.count("{}")))) + draw(queries)


ranges = st.one_of(
    st.builds(
        "bytes={}-{}".format, st.integers(-1, 20), st.one_of(st.integers(-1, 30), st.just(""))
    ),
    st.sampled_from(
        (
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=-5",
            "bytes=0-0,2-3",
            "bytes=5-1",
            "bytes=99-",
            "x=1-2",
            "bytes=a-b",
            "bytes=" + ",".join(f"{i}-{i}" for i in range(500)),
            "bytes=" + "9" * 50 + "-",
        )
    ),
)


def mostly(usual: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What is right, four times out of five."""
    return st.integers(0, 4).flatmap(lambda n: other if n == 0 else st.just(usual))


series = st.fixed_dictionaries(
    {
        "entity": mostly("local", texts),
        "project": mostly("demo", texts),
        "runs": mostly(["r", "s"], st.lists(texts, max_size=3)),
        "y": st.one_of(st.sampled_from(("loss", "n.m", "_step")), texts),
    },
    optional={
        "x": st.one_of(st.just("_step"), texts),
        "stream": st.sampled_from(("history", "history", "events", "output")),
        "points": mostly(5, st.one_of(st.integers(-1, 20), plain)),
        "low": st.one_of(numbers, plain),
        "high": st.one_of(numbers, plain),
        "logarithmic": st.booleans(),
    },
)


def signed(uploads: Sequence[str]) -> st.SearchStrategy[str]:
    """Addresses that a server gave out, as they are and changed a little."""
    if not uploads:
        return st.just("/storage/get/1/x")
    return st.sampled_from(uploads).flatmap(
        lambda url: st.sampled_from(
            (
                url,
                url.replace("/put/", "/get/"),
                url.replace("a.txt", "%2e%2e"),
                url + "0",
                url[:-3],
                url.replace("expires=", "expires=9"),
            )
        )
    )
