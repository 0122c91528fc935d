"""The same questions asked by the wandb package and by us, on one server, get equal answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from seed import post, seed

from asyncwb.api import Api, PanelMetricsHelper, PythonMongoishQueryGenerator, QueryGenerator
from asyncwb.errors import CommError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

START = """
import json, os, wandb
from wandb.apis import public
api = wandb.Api()
def result(value):
    print("RESULT " + json.dumps(value))
def error_of(action):
    try:
        action()
    except Exception as error:
        return type(error).__name__
"""

SPEC = {
    "panelGroups": [
        {
            "runSets": [
                {
                    "filters": {
                        "op": "OR",
                        "filters": [{"op": "AND", "filters": [
                            {"key": {"section": "config", "name": "lr"}, "op": ">", "value": 0},
                        ]}],
                    },
                    "sort": {"key": {"section": "summary", "name": "loss"}, "ascending": True},
                    "selections": {"tree": ["r1", "r3"]},
                }
            ]
        }
    ]
}  # fmt: skip

READ = (
    START
    + """
out = {}
project = api.project("sides")
out["project"] = [project.name, project.entity, project.id, project.path, project.url,
                  project.created_at, project.is_benchmark, project.owner.username]
out["projects"] = [[p.name, p.id, p.url] for p in api.projects()]
def show(sweep):
    return [sweep.id, sweep.name, sweep.state, sweep.method, sweep.config, sweep.path, sweep.url,
            sweep.order, sweep.expected_run_count, sweep.best_loss, sweep.run_count,
            sweep.created_at, sweep.updated_at, [run.id for run in sweep.runs]]
sweep = api.sweep("sides/" + os.environ["SWEEP"])
out["sweep"] = show(sweep)
out["sweeps"] = [show(s) for s in project.sweeps(per_page=1)]
out["some sweeps"] = [s.id for s in project.sweeps(filters={"method": "random"})]
out["count of sweeps"] = len(project.sweeps())
out["best"] = [getattr(sweep.best_run(order), "id", None) for order in (None, "loss", "+loss")]
out["agents"] = [[a.id, a.name, a.host, a.state, a.total_runs, [r.id for r in a.runs()],
                  len(a.runs())] for a in sweep.agents()]
reports = api.reports("sides")
out["reports"] = [[r.id, r.name, r.display_name, r.description, r.spec, r.url, r.created_at,
                   r.updated_at, r.user["username"], r.sections] for r in reports]
out["one report"] = [r.display_name for r in api.reports("sides", "Second")]
first = reports[0]
out["of a report"] = [[run.id for run in first.runs(first.sections[0], only_selected=s)]
                      for s in (True, False)]
runs = api.runs("sides", per_page=3)
out["runs"] = [[r.id for r in runs], len(runs), runs[2].id, [r.id for r in runs[1:4]],
               runs.more]
out["with sweeps"] = [getattr(r.sweep, "id", None)
                      for r in api.runs("sides", include_sweeps=True)]
out["histories"] = api.runs("sides").histories(samples=50, keys=["loss"])
out["all histories"] = api.runs("sides").histories(samples=50)
out["frame"] = api.runs("sides").histories(samples=50, format="pandas").to_dict("list")
run = api.run("sides/r1")
out["lines"] = [[l.number, str(l.timestamp), l.level, l.label, l.content]
                for l in run.console_logs(per_page=4)]
out["last lines"] = [l.number for l in run.console_logs(last=3)]
out["json"] = json.loads(run.json_config)
out["user"] = [[u.username, u.name, u.email, u.admin, u.entity, u.teams, len(u.api_keys)]
               for u in (api.viewer, api.user("local"), api.user("pat"), *api.users("example"))]
out["no user"] = api.user("nobody")
team = api.team("sideteam")
out["team"] = [team.name, team.id, team.is_team, team.entity_type, team.default_access]
out["members"] = [[m.id, m.name, m.username, m.email, m.admin, m.pending, m.account_type,
                   m.api_key] for m in team.members]
out["paths"] = [type(api.from_path(p)).__name__ for p in (
    "sides", "local/sides", "local/sides/r1", "local/sides/runs/r1",
    "local/sides/sweeps/" + sweep.id)]
out["nothing"] = [[p.name for p in api.projects("nobody")],
                  error_of(lambda: api.sweep("sides/none")),
                  error_of(lambda: api.run("sides/none")),
                  error_of(lambda: len(api.runs("none")))]
result(out)
"""
)


@pytest.fixture
async def filled(server: LocalServer) -> str:
    """A project with runs, sweeps, reports, console lines, and people; the id of a sweep."""
    api = Api(server.settings)
    for n in range(6):
        seed(
            server, "sides", f"r{n}", config={"lr": n / 10, "deep": {"x": [n, None]}},
            rows=[{"_step": s, "loss": n + s / 10, **({"odd": s} if s % 2 else {})}
                  for s in range(4)],
            summary={"loss": (n * 7) % 5}, finished=n != 1,
        )  # fmt: skip
    lines = [f"2026-01-02T03:04:0{n}.123456 line {n}\n" for n in range(9)]
    log = {"output.log": {"offset": 0, "content": lines}}
    post(server, f"/files/{server.entity}/sides/r1/file_stream", {"files": log})
    parameters = {"lr": {"values": [1, 2]}}
    metric = {"name": "loss", "goal": "maximize"}
    sweep = await api.create_sweep(
        {"name": "named", "method": "grid", "metric": metric, "parameters": parameters},
        "sides", prior_runs=["r2", "r4"],
    )  # fmt: skip
    await api.create_sweep({"method": "random", "parameters": parameters}, "sides")
    made = await api.client.execute(
        """mutation($sweep: String!) { createAgent(input: {
          host: "here", projectName: "sides", sweep: $sweep}) { agent { id } } }""",
        {"sweep": sweep.id},
    )
    beat = "mutation($id: ID!) { agentHeartbeat(input: {id: $id}) { commands } }"
    await api.client.execute(beat, {"id": made["createAgent"]["agent"]["id"]})
    await api.create_report("sides", "First: of all!", "words", SPEC)
    await api.create_report("sides", "Second")
    await api.create_user("pat@example.com")
    team = await api.create_team("sideteam")
    await team.invite("pat")
    await team.invite("new@example.com", admin=True)
    await team.create_service_account("robot")
    return sweep.id


async def test_reading(server: LocalServer, sdk: Callable[..., Any], filled: str) -> None:
    theirs = sdk(READ, SWEEP=filled)
    api = Api(server.settings)
    ours: dict[str, Any] = {}
    project = await api.project("sides")
    ours["project"] = [
        project.name, project.entity, project.id, project.path, project.url, project.created_at,
        project.is_benchmark, project.owner.username,
    ]  # fmt: skip
    ours["projects"] = [[p.name, p.id, p.url] async for p in api.projects()]

    async def show(sweep: Any) -> list[Any]:
        return [
            sweep.id, sweep.name, sweep.state, sweep.method, sweep.config, sweep.path, sweep.url,
            sweep.order, sweep.expected_run_count, sweep.best_loss, sweep.run_count,
            sweep.created_at, sweep.updated_at, [run.id async for run in sweep.runs],
        ]  # fmt: skip

    sweep = await api.sweep(f"sides/{filled}")
    ours["sweep"] = await show(sweep)
    ours["sweeps"] = [await show(one) async for one in project.sweeps(per_page=1)]
    ours["some sweeps"] = [one.id async for one in project.sweeps(filters={"method": "random"})]
    ours["count of sweeps"] = await project.sweeps().length()
    best = [await sweep.best_run(order) for order in (None, "loss", "+loss")]
    ours["best"] = [run and run.id for run in best]
    ours["agents"] = [
        [a.id, a.name, a.host, a.state, a.total_runs, [r.id async for r in a.runs()],
         await a.runs().length()]
        for a in await sweep.agents()
    ]  # fmt: skip
    reports = [one async for one in api.reports("sides")]
    ours["reports"] = [
        [r.id, r.name, r.display_name, r.description, r.spec, r.url, r.created_at, r.updated_at,
         r.user and r.user.username, r.sections]
        for r in reports
    ]  # fmt: skip
    ours["one report"] = [r.display_name async for r in api.reports("sides", "Second")]
    section = reports[0].sections[0]
    ours["of a report"] = [
        [run.id async for run in reports[0].runs(section, only_selected=s)] for s in (True, False)
    ]
    runs = api.runs("sides", per_page=3)
    ours["runs"] = [
        [run.id async for run in runs], await runs.length(), (await runs.get(2)).id,
        [run.id for run in await runs.slice(1, 4)], runs.more,
    ]  # fmt: skip
    swept = [await run.sweep() async for run in api.runs("sides", include_sweeps=True)]
    ours["with sweeps"] = [one and one.id for one in swept]
    ours["histories"] = await api.runs("sides").histories(samples=50, keys=["loss"])
    ours["all histories"] = await api.runs("sides").histories(samples=50)
    frame = await api.runs("sides").histories(samples=50, format="pandas")
    ours["frame"] = frame.to_dict("list")
    run = await api.run("sides/r1")
    ours["lines"] = [
        [line.number, str(line.timestamp), line.level, line.label, line.content]
        async for line in run.console_logs(per_page=4)
    ]
    ours["last lines"] = [line.number async for line in run.console_logs(last=3)]
    ours["json"] = json.loads(run.json_config)
    people = [await api.viewer(), await api.user("local"), await api.user("pat")]
    ours["user"] = [
        [u.username, u.name, u.email, u.admin, u.entity, u.teams, len(u.api_keys)]
        for u in [*people, *await api.users("example")]
        if u is not None
    ]
    ours["no user"] = await api.user("nobody")
    team = await api.team("sideteam")
    ours["team"] = [team.name, team.id, team.is_team, team.entity_type, team.default_access]
    ours["members"] = [
        [m.id, m.name, m.username, m.email, m.admin, m.pending, m.account_type, m.api_key]
        for m in team.members
    ]
    paths = (
        "sides",
        "local/sides",
        "local/sides/r1",
        "local/sides/runs/r1",
        f"local/sides/sweeps/{filled}",
    )
    ours["paths"] = [type(await api.from_path(path)).__name__ for path in paths]
    ours["nothing"] = [
        [p.name async for p in api.projects("nobody")], "CommError", "CommError", "ValueError",
    ]  # fmt: skip
    for path in ("sides/none",):
        for ask in (api.sweep, api.run):
            with pytest.raises(CommError):
                await ask(path)
    with pytest.raises(ValueError, match="none"):
        await api.runs("none").length()
    for question, answer in theirs.items():
        assert normal(ours[question]) == normal(answer), question
    assert theirs["members"][-1][-1] == ours["members"][-1][-1] is not None
    assert len(theirs["members"]) == 4


def normal(value: Any) -> Any:
    """As JSON has it, with NaN equal to NaN and 1.0 to 1."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [normal(item) for item in value]
    return "NaN" if isinstance(value, float) and value != value else value


CHANGE = (
    START
    + """
out = {}
me = api.viewer
key = me.generate_api_key("mine")
out["key"] = [wandb.Api(api_key=key).viewer.username, len(key)]
name = [n for n in me.api_keys if key.startswith(n) or n == key][-1]
out["deleted"] = wandb.Api().viewer.delete_api_key(key[:10])
out["user"] = api.create_user("sam@example.com").email
team = api.create_team("theirs")
out["invite"] = [team.invite("sam"), team.invite("sam"), team.invite("nobody"),
                 team.invite("later@example.com", admin=True)]
team.load(force=True)
out["members"] = sorted([m.name, m.pending] for m in team.members)
robot = team.create_service_account("robot")
out["robot"] = [robot.name, robot.account_type, wandb.Api(api_key=robot.api_key).viewer.name]
out["removed"] = [m.delete() for m in team.members if m.name in ("sam", "later@example.com")]
out["kept"] = [m.delete() for m in api.team("theirs").members if m.username == "local"]
out["run"] = wandb.Api(api_key=robot.api_key).create_run(
    run_id="r", project="robots", entity="theirs").path
api.create_project("made", "local")
out["projects"] = [p.name for p in api.projects() if p.name == "made"]
result(out)
"""
)


async def test_administration_by_the_package(server: LocalServer, sdk: Callable[..., Any]) -> None:
    found = sdk(CHANGE)
    assert found["key"] == ["local", 40]
    assert found["deleted"] is True
    assert found["user"] == "sam@example.com"
    assert found["invite"] == [True, False, False, True]
    assert found["members"] == [["later@example.com", True], ["local", False], ["sam", False]]
    assert found["robot"] == ["robot", "SERVICE", "robot"]
    assert found["removed"] == [True, True]
    assert found["kept"] == [False]
    assert found["run"] == ["theirs", "robots", "r"]
    assert found["projects"] == ["made"]
    team = await Api(server.settings).team("theirs")
    assert [member.name for member in team.members] == ["local", "robot"]


QUERIES = (
    START
    + """
q = public.QueryGenerator()
p = public.PythonMongoishQueryGenerator(type("R", (), {"_runs_config": {"lr": 1, "model": 2}})())
h = public.PanelMetricsHelper()
trees, mongos, orders, expressions, names, special = json.loads(os.environ["QUESTIONS"])
result([
    [q.filter_to_mongo(t) for t in trees], [q.mongo_to_filter(m) for m in mongos],
    [q.format_order_key(o) for o in orders], [p.python_to_mongo(e) for e in expressions],
    [[p.front_to_back(n), p.back_to_front(p.front_to_back(n)), p.pc_front_to_back(n),
      h.front_to_back(n), h.back_to_front(h.front_to_back(n))] for n in names],
    [[h.special_front_to_back(n)] for n in special],
])
"""
)


def test_queries_are_translated_the_same(sdk: Callable[..., Any]) -> None:
    leaf = {"key": {"section": "summary", "name": "a.b"}, "op": "<=", "value": 3}
    tag = {"key": {"section": "tags", "name": "best"}, "op": "=", "value": False}
    trees = [
        leaf, tag, {**leaf, "disabled": True}, {**leaf, "value": None},
        {"op": "AND", "filters": [leaf, {"op": "OR", "filters": [tag, leaf]}]},
    ]  # fmt: skip
    mongos = [
        {"state": "x"}, {"config.a.value": {"$nin": [1]}}, {"$or": [{"tags.x": True}, {"a": None}]},
    ]  # fmt: skip
    orders = ["loss", "+a.b", "-config.x", "name", "tags.x", "summary_metrics.y"]
    expressions = [
        "lr >= 0.5", "model != 2 and State == 'x'",
        "Tags in ['a', 'b'] or loss < 1.5", "User != 'me'",
    ]  # fmt: skip
    names = ["lr", "loss", "State", "Step", "duration", "model.x", "Wall Time"]
    special = ["c::lr.x", "s::a.b", "Index", "loss", "Created Timestamp", "Step"]
    asked = [trees, mongos, orders, expressions, names, special]
    theirs = sdk(QUERIES, QUESTIONS=json.dumps(asked))
    q = QueryGenerator()
    p = PythonMongoishQueryGenerator({"lr": 1, "model": 2})
    h = PanelMetricsHelper()
    assert [
        [q.filter_to_mongo(t) for t in trees],
        [q.mongo_to_filter(m) for m in mongos],
        [q.format_order_key(o) for o in orders],
        [p.python_to_mongo(e) for e in expressions],
        [
            [p.front_to_back(n), p.back_to_front(p.front_to_back(n)), p.pc_front_to_back(n),
             h.front_to_back(n), h.back_to_front(h.front_to_back(n))]
            for n in names
        ],
        [[h.special_front_to_back(n)] for n in special],
    ] == theirs  # fmt: skip
