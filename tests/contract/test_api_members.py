"""Members of runs, listings, sweeps and artifacts, against the embedded server, in both faces."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from artifact_logging import log
from seed import post, seed

import asyncwb.sync.api as blocking
from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.errors import CommError, GraphQLError, InvalidValueError, NotFoundError, UsageError
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The blocking face is tried beside the other, where a test may wait.
pytestmark = pytest.mark.filterwarnings("ignore::asyncwb.errors.BlockingInAsyncWarning")

CONFIG: dict[str, Any] = {
    "name": "search",
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [1, 2, 3]}},
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        for n in range(7):
            seed(
                running,
                "many",
                f"r{n}",
                rows=[{"_step": step, "loss": n + step / 10} for step in range(3)],
                config={"lr": n},
                summary={"loss": n},
            )
        yield running


@pytest.fixture
def api(server: LocalServer) -> Api:
    return Api(server.settings)


@pytest.fixture
def plain(server: LocalServer) -> blocking.Api:
    return blocking.Api(server.settings)


async def test_the_api_says_who_it_is(api: Api, plain: blocking.Api, server: LocalServer) -> None:
    assert "asyncwb" in api.user_agent
    assert await api.api_key() == plain.api_key == server.api_key
    assert server.api_key not in repr(api) + repr(api.client)
    assert plain.default_entity == plain.viewer.entity == server.entity
    assert api.client.app_url == server.url + "/"


async def test_documents_of_ones_own(api: Api, plain: blocking.Api, server: LocalServer) -> None:
    text = "query Mine($name: String) { project(name: $name) { runCount } }"
    assert await api.client.execute(text, {"name": "many"}) == {"project": {"runCount": 7}}
    assert plain.client.execute("{ viewer { entity } }") == {"viewer": {"entity": server.entity}}
    with pytest.raises(GraphQLError, match=r"^Wrong: .*nonsense"):
        await api.client.execute("query Wrong { nonsense }")
    with pytest.raises(InvalidValueError):
        await api.client.execute("")


async def test_a_listing_is_a_list_a_stream_and_a_cursor(api: Api) -> None:
    runs = api.runs("many", per_page=2)
    assert (runs.more, runs.cursor) == (True, None)
    ids = [f"r{n}" for n in range(7)]
    assert [(await runs.next()).id for _ in range(3)] == ids[:3]
    assert runs.cursor is not None
    assert [run.id for run in await runs.slice(1, 6, 2)] == ids[1:6:2]
    assert [run.id for run in await runs.slice(-2)] == ids[-2:]
    assert (await runs.get(-7)).id == "r0"
    assert [run.id async for run in runs] == ids
    assert not runs.more
    rest = [(await runs.next()).id for _ in range(4)]
    assert rest == ids[3:]
    with pytest.raises(StopAsyncIteration):
        await runs.next()
    for index in (7, -8):
        with pytest.raises(IndexError):
            await runs.get(index)
    with pytest.raises(InvalidValueError):
        await runs.slice(0, 1, 0)


@pytest.mark.parametrize("limit", [0, 1, 3, 7, 100])
async def test_a_limit_holds_for_every_way_to_read(api: Api, limit: int) -> None:
    def runs() -> Any:
        return api.runs("many", per_page=2, limit=limit)

    ids = [f"r{n}" for n in range(7)][:limit]
    assert [run.id async for run in runs()] == ids
    assert await runs().length() == len(ids)
    assert [run.id for run in await runs().slice()] == ids
    listed = runs()
    assert [(await listed.next()).id for _ in ids] == ids
    with pytest.raises(StopAsyncIteration):
        await listed.next()
    with pytest.raises(IndexError):
        await listed.get(len(ids))


def test_the_blocking_way_to_read_a_listing(plain: blocking.Api) -> None:
    runs = plain.runs("many", per_page=2)
    assert len(runs) == 7
    assert [run.id for run in runs[1:3]] == ["r1", "r2"]
    assert runs[-1].id == "r6"
    assert (next(runs).id, runs.next().id) == ("r0", "r1")
    assert [run.id for run in itertools.islice(runs, 2)] == ["r0", "r1"]
    last = plain.runs("many", limit=1)
    assert last.next().id == "r0"
    with pytest.raises(StopIteration):
        last.next()


async def test_light_runs_become_full_ones(api: Api, plain: blocking.Api) -> None:
    runs = api.runs("many", per_page=3, lazy=True)
    first = await runs.get(0)
    with pytest.raises(UsageError):
        _ = first.config
    await runs.upgrade_to_full()
    assert first.config == {"lr": 0}
    assert [run.config["lr"] async for run in runs] == list(range(7))
    light = await api.runs("many", lazy=True).get(4)
    await light.load_full_data()
    assert light.json_config == '{"lr":{"value":4,"desc":null}}'
    # In blocking code what is missing comes by itself.
    assert plain.runs("many", lazy=True)[2].config == {"lr": 2}
    assert plain.runs("many", lazy=True)[3].summary["loss"] == 3


async def test_histories_of_all_runs(api: Api, plain: blocking.Api) -> None:
    rows = await api.runs("many").histories(samples=10, keys=["loss"])
    assert [(row["run_id"], row["_step"], row["loss"]) for row in rows] == [
        (f"r{n}", step, n + step / 10) for n in range(7) for step in range(3)
    ]
    frame = plain.runs("many").histories(format="pandas")
    assert list(frame.columns) == ["_step", "loss", "run_id"]
    assert len(frame) == 21
    assert await api.runs("many", {"name": "none"}).histories() == []
    assert len(await api.runs("many", {"name": "none"}).histories(format="pandas")) == 0
    wrong: list[dict[str, Any]] = [
        {"format": "excel"}, {"stream": "x"}, {"samples": 0}, {"keys": "loss"},
        {"stream": "system", "keys": ["a"]},
    ]  # fmt: skip
    for arguments in wrong:
        with pytest.raises(InvalidValueError):
            await api.runs("many").histories(**arguments)


async def test_what_a_run_has_besides_its_fields(api: Api, plain: blocking.Api) -> None:
    run = await api.run("many/r1")
    assert run.username == run.entity
    assert [row async for row in run.beta_scan_history(["loss"], max_step=1)] == [
        {"_step": 0, "loss": 1}
    ]
    assert await run.sweep() is None
    assert plain.run("many/r1").sweep is None
    assert plain.run("many/r1").metadata is None
    assert "many/runs/r1" in run.to_html()
    assert "button" in run.to_html(hidden=True)
    assert run.display() is False


async def test_runs_are_made_without_a_process(api: Api, plain: blocking.Api) -> None:
    made = await api.create_run(run_id="mine", project="made")
    assert (made.id, made.project, made.state) == ("mine", "made", "running")
    random = await api.create_run(project="made")
    assert len(random.id) == 8
    waiting = blocking.Run.create(plain, "later", "made", state="pending")
    assert waiting.state == "pending"
    assert [run.id async for run in api.runs("made")] == ["mine", random.id, "later"]
    with pytest.raises(InvalidValueError, match="paused"):
        await type(made).create(api, state="paused")  # type: ignore[arg-type]
    with pytest.raises(CommError):
        await api.create_run(run_id="a/b", project="made")


async def test_console_lines(api: Api, plain: blocking.Api, server: LocalServer) -> None:
    seed(server, "talk", "r", finished=False)
    lines = [f"2026-01-02T03:04:05.{n:09d} line {n}\n" for n in range(25)]
    lines[3] = "ERROR 2026-01-02T03:04:06 bad\n"
    post(
        server,
        f"/files/{server.entity}/talk/r/file_stream",
        {"files": {"output.log": {"offset": 0, "content": lines}}},
    )
    run = await api.run("talk/r")
    found = [line async for line in run.console_logs(per_page=10)]
    assert [line.number for line in found] == list(range(25))
    assert "line 7" in found[7].content
    assert found[7].timestamp == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (found[3].level, "bad" in found[3].content) == ("error", True)
    assert [line.number async for line in run.console_logs(last=4)] == [21, 22, 23, 24]
    assert await run.console_logs().length() == 25
    assert [line.number for line in plain.run("talk/r").console_logs()] == list(range(25))
    await run.delete()
    with pytest.raises(NotFoundError):
        await run.console_logs().length()
    for arguments in ({"per_page": 0}, {"last": -1}):
        with pytest.raises(InvalidValueError):
            run.console_logs(**arguments)


async def test_files_of_other_places(api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    run = await api.run("many/r0")
    file = await run.upload_file(tmp_path / "a.txt", tmp_path)
    assert (file.path_uri, file.digest) == ("", file.md5)
    file.direct_url = "https://bucket.s3.eu-west-1.amazonaws.com/some/a%20b?X-Amz=1"
    assert file.path_uri == "s3://bucket/some/a b"
    assert [f.name async for f in run.files(per_page=1, limit=1)] == ["a.txt"]


async def test_a_sweep_with_runs_and_agents(
    api: Api, plain: blocking.Api, server: LocalServer
) -> None:
    sweep = await api.create_sweep(CONFIG, project="swept")
    beat = """mutation($id: ID!) { agentHeartbeat(input: {id: $id}) { commands } }"""
    made = await api.client.execute(
        """mutation($sweep: String!) {
          createAgent(input: {host: "here", projectName: "swept", sweep: $sweep}) { agent { id } }
        }""",
        {"sweep": sweep.id},
    )
    await api.client.execute(beat, {"id": made["createAgent"]["agent"]["id"]})
    [agent] = await sweep.agents()
    assert (agent.host, agent.state, agent.total_runs) == ("here", "RUNNING", 1)
    assert (await sweep.agent(agent.name)).id == agent.id
    [run] = [run async for run in agent.runs()]
    assert await agent.runs().length() == 1
    assert agent.runs().cursor is None
    await run.load()
    run.summary["loss"] = 0.5
    await run.update()
    found = await run.sweep()
    assert found is not None
    assert (found.id, found.url) == (sweep.id, f"{server.url}/local/swept/sweeps/{sweep.id}")
    assert [one.id async for one in sweep.runs] == [run.id]
    for order in (None, "loss", "+summary_metrics.loss", "createdAt"):
        best = await sweep.best_run(order)
        assert best is not None
        assert best.id == run.id
    await sweep.load()
    assert (sweep.best_loss, sweep.run_count) == (0.5, 1)
    assert sweep.config == CONFIG
    same = await type(sweep).get(api, project="swept", sid=sweep.id)
    assert same.path == sweep.path == [server.entity, "swept", sweep.id]
    assert "iframe" in same.to_html()
    there = plain.runs("swept", include_sweeps=True)[0].sweep
    assert there is not None
    assert (there.name, there.expected_run_count, there.username) == ("search", 3, "local")
    kinds = [type(plain.from_path(f"local/swept{path}")).__name__ for path in ("", f"/{run.id}")]
    assert kinds == ["Project", "Run"]


async def test_artifacts_by_a_cursor(api: Api, server: LocalServer) -> None:
    for n in range(5):
        made = Artifact(f"set{n}", "dataset")
        with made.new_file("a") as file:
            file.write(str(n))
        logged = await log(api, made, "kept")
    assert (logged.commit_hash, logged.distributed_id, logged.incremental) == (
        logged.commit_hash, None, False,
    )  # fmt: skip
    assert logged.history_step is None
    project = await api.project("kept")
    assert [kind.name async for kind in project.artifacts_types()] == ["dataset"]
    names = [one.name async for one in project.collections(order="+name")]
    assert names == [f"set{n}" for n in range(5)]
    first = api.artifact_collections("kept", "dataset", "+name", per_page=2)
    await first.get(1)
    assert first.cursor is not None
    rest = api.artifact_collections("kept", "dataset", "+name", start=first.cursor)
    assert [one.name async for one in rest] == names[2:]
    kind = await api.artifact_type("dataset", "kept")
    await kind.load()
    assert [one.name async for one in kind.collections(order="+name", start=first.cursor)] == [
        *names[2:]
    ]
    collection = await api.artifact_collection("dataset", "kept/set0")
    assert collection.project_id == project.id
    versions = collection.artifacts()
    assert (await versions.next()).version == "v0"
    assert [one.version async for one in api.artifacts("dataset", "kept/set0", start=None)] == [
        "v0"
    ]
    assert logged.files().path == [server.entity, "kept", "set4:v0"]
    await project.delete()
    assert not await api.artifact_collection_exists("kept/set0", "dataset")


async def test_runs_by_the_artifacts_that_they_made_and_read(api: Api, server: LocalServer) -> None:
    for name in ("maker", "reader", "idle"):
        seed(server, "lineage", name)
    made = Artifact("data", "dataset")
    with made.new_file("a") as file:
        file.write("a")
    logged = await log(api, made, "lineage", run_id="maker")
    await (await api.run("lineage/reader")).use_artifact(logged)

    async def ids(filters: dict[str, Any]) -> list[str]:
        return [run.id async for run in api.runs("lineage", filters)]

    assert await ids({"outputArtifacts": "data:v0"}) == ["maker"]
    assert await ids({"input_artifacts": {"$in": ["data:v0", "other:v1"]}}) == ["reader"]
    assert await ids({"inputArtifacts": {"$regex": "^data:"}}) == ["reader"]
    assert await ids({"inputArtifacts": None, "outputArtifacts": {"$exists": False}}) == ["idle"]
    assert await ids({"outputArtifacts": {"$ne": "data:v0"}}) == ["reader", "idle"]


async def test_many_listings_at_once_share_the_bound_of_the_api(api: Api) -> None:
    found: list[int] = []

    async def count() -> None:
        found.append(len([run async for run in api.runs("many", per_page=1)]))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(count)
    assert found == [7] * 20


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("runs", ("a/b/c",), {}),
    ("runs", ("",), {}),
    ("runs", (3,), {}),
    ("runs", ("many",), {"per_page": -1}),
    ("runs", ("many",), {"per_page": "10"}),
    ("runs", ("many",), {"limit": -1}),
    ("runs", ("many",), {"filters": ["config.lr"]}),
    ("runs", ("many",), {"filters": {"config.lr": object()}}),
    ("runs", ("many",), {"order": 3}),
    ("runs", ("many",), {"order": "+"}),
    ("projects", (), {"per_page": 0}),
    ("sweeps", ("many",), {"filters": 3}),
    ("sweeps", ("many",), {"order": "-"}),
    ("reports", ("a/b/c",), {}),
    ("watch_runs", ("many",), {"poll_seconds": 0}),
    ("watch_runs", ("many",), {"filters": 3}),
    ("artifact_types", ("many",), {"per_page": 0}),
    ("artifacts", ("dataset", "a:v0"), {}),
]


@pytest.mark.parametrize(("name", "arguments", "named"), WRONG)
def test_wrong_arguments_are_refused_at_the_call(
    api: Api, plain: blocking.Api, name: str, arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    for face in (api, plain):
        with pytest.raises(InvalidValueError) as caught:
            getattr(face, name)(*arguments, **named)
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "path", "kind"),
    [
        ("run", "many/none", NotFoundError),
        ("run", "none/none", NotFoundError),
        ("run", "nobody/many/r1", NotFoundError),
        ("run", "a/b/c/d", InvalidValueError),
        ("run", "", InvalidValueError),
        ("sweep", "many/none", NotFoundError),
        ("sweep", "a/b/c/d", InvalidValueError),
        ("project", "none", NotFoundError),
        ("project", "a/b/c", InvalidValueError),
        ("team", "none", NotFoundError),
        ("user", " ", InvalidValueError),
        ("from_path", "nobody/many", NotFoundError),
    ],
)
async def test_what_is_not_there_and_what_is_no_path(
    api: Api, plain: blocking.Api, name: str, path: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await getattr(api, name)(path)
    with pytest.raises(kind) as caught:
        getattr(plain, name)(path)
    assert isinstance(caught.value, ValueError)
    assert hasattr(caught.value, "exc")


@pytest.mark.parametrize(
    ("filters", "order", "said"),
    [
        ({"$what": 1}, "+created_at", r"\$what"),
        ({"config.lr": {"$mod": 2}}, "+created_at", r"\$mod"),
        ({"config.lr": {"$in": 2}}, "+created_at", r"\$in"),
        ({"nothing": 1}, "+created_at", "nothing"),
        ({"displayName": {"$regex": "("}}, "+created_at", "RE2"),
        ({}, "+nothing", "nothing"),
        ({}, "-tags", "tags"),
    ],
)
async def test_the_server_names_what_is_wrong(
    api: Api, filters: dict[str, Any], order: str, said: str
) -> None:
    with pytest.raises(GraphQLError, match=said) as caught:
        await api.runs("many", filters, order).length()
    assert caught.value.exc is not None
