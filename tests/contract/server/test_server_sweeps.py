"""Sweeps on the server: who gets which run, and when there are no more."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
import server_client
from server_client import Client
from sweep_requests import UPSERT, Sweeps
from test_access import add_user, post_as

from asyncwb.searchspace import Space
from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.sweeps.bayes import RANDOM_RUNS, Observation, propose

GRID: dict[str, Any] = {
    "method": "grid", "program": "train.py", "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"a": {"values": [1, 2]}, "o": {"parameters": {"b": {"values": ["x", "y"]}}}},
}  # fmt: skip
POINTS = [{"a": a, "o": {"b": b}} for a in (1, 2) for b in ("x", "y")]
RANDOM = {"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}


@pytest.fixture
def sweeps(client: Client) -> Sweeps:
    return Sweeps(client)


def sql(client: Client, statement: str, **values: Any) -> None:
    """Change the database behind the server's back: time passes, things break."""
    server_client.sql(client.data_dir, statement, **values)


def silence(client: Client, table: str, where: str = "1 = 1") -> None:
    """Let the last sign of life be an hour ago."""
    sql(
        client, f"UPDATE {table} SET heartbeat_at = :moment WHERE {where}",
        moment=time.time() - 3600,
    )  # fmt: skip


async def test_a_grid_from_its_first_run_to_its_last(sweeps: Sweeps) -> None:
    sweep = await sweeps.create(GRID, description="words", displayName="shown")
    assert sweep["project"]["name"] == "demo"
    fields = "name displayName description method state runCount runCountExpected bestLoss config"
    assert await sweeps.read(sweep, fields) == {
        "name": sweep["name"], "displayName": "shown", "description": "words", "method": "grid",
        "state": "PENDING", "runCount": 0, "runCountExpected": 4, "bestLoss": None,
        "config": (await sweeps.read(sweep, "config"))["config"],
    }  # fmt: skip
    agent = await sweeps.agent(sweep)
    given = []
    for number in range(4):
        (command,) = await sweeps.beat(agent)
        run = command["run_id"]
        given.append({key: item["value"] for key, item in command["args"].items()})
        assert (command["type"], command["program"]) == ("run", "train.py")
        ahead = await sweeps.client.run(run, 'state config sweepName wandbConfig(keys: ["t"])')
        assert (ahead["state"], ahead["sweepName"], ahead["wandbConfig"]) == (
            "pending", sweep["name"], "{}",
        )  # fmt: skip
        assert json.loads(ahead["config"]) == command["args"]
        await sweeps.begin(run, {**given[-1], "own": 1}, sweep=sweep["name"])
        assert (await sweeps.client.run(run, "state"))["state"] == "running"
        assert await sweeps.beat(agent, run) == []
        assert (await sweeps.read(sweep, "state"))["state"] == "RUNNING"
        await sweeps.end(run, loss=10 - number)
    assert given == POINTS
    assert await sweeps.read(sweep, "state runCount bestLoss") == {
        "state": "FINISHED", "runCount": 4, "bestLoss": 7.0,
    }  # fmt: skip
    assert await sweeps.beat(agent) == [{"type": "exit"}]


async def test_many_agents_on_two_servers_never_share_a_point(
    client: Client, sweeps: Sweeps
) -> None:
    """Two server instances on one database, ten agents that ask at once."""
    config = {"method": "grid", "parameters": {"a": {"min": 1, "max": 30}}}
    sweep = await sweeps.create(config)
    identity = ensure_first_user(client.data_dir)
    app = create_app(ServerConfig(data_dir=str(client.data_dir)))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://second.test",
            auth=("api", identity.api_key),
        ) as http,
    ):  # fmt: skip
        second = Sweeps(Client(http, client.data_dir))
        seen: list[int] = []

        async def work(server: Sweeps) -> None:
            agent = await server.agent(sweep)
            while True:
                (command,) = await server.beat(agent)
                if command["type"] == "exit":
                    return
                seen.append(command["args"]["a"]["value"])
                await server.begin(command["run_id"], {"a": seen[-1]})
                await server.end(command["run_id"])

        await asyncio.gather(*(work(server) for server in (sweeps, second) * 5))
    assert sorted(seen) == list(range(1, 31))
    assert (await sweeps.read(sweep, "state runCount")) == {"state": "FINISHED", "runCount": 30}


async def test_pause_resume_stop_and_cancel(sweeps: Sweeps) -> None:
    sweep = await sweeps.create(RANDOM)
    busy, idle = await sweeps.agent(sweep), await sweeps.agent(sweep)
    run, values = await sweeps.next_run(busy)
    await sweeps.begin(run, values)
    await sweeps.set_state(sweep, "PAUSED")
    assert (await sweeps.read(sweep, "state"))["state"] == "PAUSED"
    assert (await sweeps.beat(busy, run), await sweeps.beat(idle)) == ([], [])
    await sweeps.set_state(sweep, "RUNNING")
    other, values = await sweeps.next_run(idle)
    await sweeps.begin(other, values)
    await sweeps.set_state(sweep, "FINISHED")  # what runs may end
    assert await sweeps.beat(busy, run) == []
    assert (await sweeps.client.stream(run, {})).get("stopped") is None
    await sweeps.end(run)
    assert await sweeps.beat(busy) == [{"type": "exit"}]
    await sweeps.set_state(sweep, "CANCELED")  # what runs is stopped
    assert await sweeps.beat(idle, other) == [{"type": "stop", "run_id": other}]
    assert (await sweeps.client.stream(other, {}))["stopped"] is True
    assert await sweeps.beat(idle) == [{"type": "exit"}]
    document = 'mutation($id: ID) { upsertSweep(input: {id: $id, state: "ODD"}) { sweep { id } } }'
    response = await sweeps.client.post(document, id=sweep["id"])
    assert (response.status_code, "unknown sweep state 'ODD'" in response.text) == (400, True)


async def test_a_run_that_is_asked_to_stop(sweeps: Sweeps) -> None:
    sweep = await sweeps.create(RANDOM)
    agent = await sweeps.agent(sweep)
    run, values = await sweeps.next_run(agent)
    await sweeps.begin(run, values)
    found = await sweeps.client.run(run, "id")
    await sweeps.client.data(
        "mutation($id: ID!) { stopRun(input: {id: $id}) { success } }", id=found["id"]
    )
    assert await sweeps.beat(agent, run) == [{"type": "stop", "run_id": run}]
    assert await sweeps.beat(agent, run) == [{"type": "stop", "run_id": run}]
    other, _ = await sweeps.next_run(agent)
    assert other != run


async def test_run_cap_and_target_end_a_sweep(sweeps: Sweeps) -> None:
    sweep = await sweeps.create({**RANDOM, "run_cap": 2})
    agent = await sweeps.agent(sweep)
    values = []
    for _ in range(2):
        run, config = await sweeps.next_run(agent)
        values.append(config["x"])
        await sweeps.begin(run, config)
        await sweeps.end(run)
    assert len(set(values)) == 2
    assert await sweeps.beat(agent) == [{"type": "exit"}]
    assert await sweeps.read(sweep, "state runCountExpected") == {
        "state": "FINISHED", "runCountExpected": 2,
    }  # fmt: skip

    metric = {"name": "acc", "goal": "maximize", "target": 0.9}
    sweep = await sweeps.create({**RANDOM, "metric": metric})
    agent = await sweeps.agent(sweep)
    for acc in (0.5, 0.95):
        run, config = await sweeps.next_run(agent)
        await sweeps.begin(run, config)
        await sweeps.end(run, acc=acc)
    assert await sweeps.beat(agent) == [{"type": "exit"}]
    assert await sweeps.read(sweep, "state bestLoss") == {"state": "FINISHED", "bestLoss": 0.95}


async def test_the_best_value_may_be_one_that_define_metric_keeps(sweeps: Sweeps) -> None:
    sweep = await sweeps.create({**RANDOM, "metric": {"name": "val/acc", "goal": "maximize"}})
    agent = await sweeps.agent(sweep)
    for summary in ({"val/acc": {"max": 5, "min": 1}}, {"val/acc": 4}, {"val/acc": float("nan")}):
        run, config = await sweeps.next_run(agent)
        await sweeps.begin(run, config)
        await sweeps.end(run, **summary)
    assert (await sweeps.read(sweep, "bestLoss"))["bestLoss"] == 5


async def test_an_agent_that_dies_frees_its_run(client: Client, sweeps: Sweeps) -> None:
    sweep = await sweeps.create(GRID)
    lost, other = await sweeps.agent(sweep), await sweeps.agent(sweep)
    run, values = await sweeps.next_run(lost)
    assert await sweeps.next_run(other) != (run, values)
    await sweeps.set_state(sweep, "RUNNING")
    third = await sweeps.agent(sweep)
    silence(client, "sweep_agents", "id = 1")
    # Never begun: the same run; and not to two.
    assert await sweeps.next_run(third) == (run, values)
    assert (await sweeps.next_run(await sweeps.agent(sweep)))[0] != run


async def test_a_point_whose_run_crashed_with_its_agent_is_tried_again(
    client: Client, sweeps: Sweeps
) -> None:
    sweep = await sweeps.create({"method": "grid", "parameters": {"a": {"values": [1, 2]}}})
    lost, other = await sweeps.agent(sweep), await sweeps.agent(sweep)
    run, values = await sweeps.next_run(lost)
    await sweeps.begin(run, values)
    silence(client, "runs")
    silence(client, "sweep_agents", "id = 1")
    again, same = await sweeps.next_run(other)
    assert (same, again != run) == (values, True)
    await sweeps.begin(again, same)
    await sweeps.end(again)
    last, different = await sweeps.next_run(other)
    assert different == {"a": 2}
    await sweeps.begin(last, different)
    await sweeps.end(last)
    assert await sweeps.beat(other) == [{"type": "exit"}]
    assert await sweeps.read(sweep, "state runCount") == {"state": "FINISHED", "runCount": 3}


async def test_a_point_that_kills_its_machine_is_not_tried_for_ever(
    client: Client, sweeps: Sweeps
) -> None:
    sweep = await sweeps.create({"method": "grid", "parameters": {"a": {"values": [1]}}})
    tries = 0
    while True:
        agent = await sweeps.agent(sweep)
        (command,) = await sweeps.beat(agent)
        if command["type"] == "exit":
            break
        tries += 1
        await sweeps.begin(command["run_id"], {"a": 1})
        silence(client, "runs")
        silence(client, "sweep_agents")
    assert tries == 3


async def test_a_preempted_run_goes_on_elsewhere(client: Client, sweeps: Sweeps) -> None:
    sweep = await sweeps.create({"method": "grid", "parameters": {"a": {"values": [1]}}})
    first, second = await sweeps.agent(sweep), await sweeps.agent(sweep)
    run, values = await sweeps.next_run(first)
    await sweeps.begin(run, {**values, "own": 3})
    await sweeps.client.stream(run, {"preempting": True})
    await sweeps.client.stream(run, {"complete": True, "exitcode": 1})
    assert (await sweeps.read(sweep, "state"))["state"] == "RUNNING"
    # Not while its agent may still be at it.
    assert await sweeps.beat(second) == [{"type": "exit"}]
    assert await sweeps.beat(first, run) == []
    (command,) = await sweeps.beat(first)
    assert command["args"] == {"a": {"value": 1}}
    assert (command["type"], command["run_id"]) == ("resume", run)
    await sweeps.begin(run, values)
    await sweeps.end(run)
    assert (await sweeps.read(sweep, "state"))["state"] == "FINISHED"


async def test_a_run_that_never_begins(client: Client, sweeps: Sweeps) -> None:
    """The answer that gave it may be lost: once more. A program that cannot start: no more."""
    sweep = await sweeps.create(GRID)
    agent = await sweeps.agent(sweep)
    run, values = await sweeps.next_run(agent)
    assert await sweeps.next_run(agent) == (run, values)
    other, _ = await sweeps.next_run(agent)
    assert other != run
    assert (await sweeps.client.run(run, "state"))["state"] == "failed"
    # It ran for long without a word (offline, perhaps): not again.
    sql(client, "UPDATE sweep_trials SET given_at = given_at - 60")
    third, _ = await sweeps.next_run(agent)
    assert third not in (run, other)
    assert (await sweeps.client.run(other, "state"))["state"] == "failed"


async def test_a_stopped_run_whose_process_says_no_more(sweeps: Sweeps) -> None:
    """SIGTERM ends a process that does not handle it: its agent is the one to tell."""
    sweep = await sweeps.create(RANDOM)
    agent = await sweeps.agent(sweep)
    run, values = await sweeps.next_run(agent)
    await sweeps.begin(run, values)
    await sweeps.set_state(sweep, "CANCELED")
    assert await sweeps.beat(agent, run) == [{"type": "stop", "run_id": run}]
    assert await sweeps.beat(agent) == [{"type": "exit"}]
    assert (await sweeps.client.run(run, "state"))["state"] == "killed"


async def test_an_agent_that_comes_back_too_late(client: Client, sweeps: Sweeps) -> None:
    """Its run is another's by now."""
    sweep = await sweeps.create(GRID)
    late, other = await sweeps.agent(sweep), await sweeps.agent(sweep)
    run, values = await sweeps.next_run(late)
    silence(client, "sweep_agents", "id = 1")
    assert await sweeps.next_run(other) == (run, values)
    assert await sweeps.beat(late, run) == [{"type": "stop", "run_id": run}]
    assert await sweeps.beat(other, run) == []
    assert (await sweeps.next_run(late))[0] != run


async def test_a_deleted_run_frees_its_point(sweeps: Sweeps) -> None:
    sweep = await sweeps.create(GRID)
    agent = await sweeps.agent(sweep)
    names = []
    for _ in POINTS:
        run, values = await sweeps.next_run(agent)
        await sweeps.begin(run, values)
        await sweeps.end(run)
        names.append(run)
    found = await sweeps.client.run(names[1], "id")
    await sweeps.client.data(
        "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", id=found["id"]
    )
    _, values = await sweeps.next_run(agent)
    assert values == POINTS[1]


async def test_prior_runs_belong_to_the_sweep(sweeps: Sweeps) -> None:
    for name, config in (("old1", POINTS[0]), ("old2", {"a": 9}), ("none", POINTS[1])):
        await sweeps.begin(name, config)
        await sweeps.end(name, loss=3)
    filters = json.dumps({"$or": [{"name": "old1"}, {"name": "old2"}]})
    sweep = await sweeps.create(GRID, priorRunsFilters=filters)
    found = await sweeps.read(sweep, "runs { edges { node { name } } } bestLoss runCount")
    assert [edge["node"]["name"] for edge in found["runs"]["edges"]] == ["old1", "old2"]
    assert (found["bestLoss"], found["runCount"]) == (3, 2)
    _, values = await sweeps.next_run(await sweeps.agent(sweep))
    assert values == POINTS[1]  # that of old1 is done


async def test_the_config_may_change_until_a_run_begins(sweeps: Sweeps) -> None:
    sweep = await sweeps.create(RANDOM)
    other = {"method": "grid", "parameters": {"y": {"values": [5]}}}
    assert (await sweeps.create(other, id=sweep["id"]))["name"] == sweep["name"]
    assert await sweeps.read(sweep, "method runCountExpected") == {
        "method": "grid", "runCountExpected": 1,
    }  # fmt: skip
    agent = await sweeps.agent(sweep)
    assert (await sweeps.next_run(agent))[1] == {"y": 5}
    assert "runs have begun" in await sweeps.refused(RANDOM, id=sweep["id"])


async def test_listings(sweeps: Sweeps) -> None:
    made = [await sweeps.create(RANDOM) for _ in range(3)]
    agents = [await sweeps.agent(made[0]) for _ in range(2)]
    runs = [(await sweeps.next_run(agent))[0] for agent in agents]
    page = """query($after: String) { project(name: "demo") { totalSweeps sweeps(first: 2,
        after: $after) { pageInfo { hasNextPage endCursor } edges { node { name } } } } }"""
    first = (await sweeps.client.data(page))["project"]
    assert (first["totalSweeps"], first["sweeps"]["pageInfo"]["hasNextPage"]) == (3, True)
    cursor = first["sweeps"]["pageInfo"]["endCursor"]
    second = (await sweeps.client.data(page, after=cursor))["project"]
    assert second["sweeps"]["pageInfo"]["hasNextPage"] is False
    names = [edge["node"]["name"] for p in (first, second) for edge in p["sweeps"]["edges"]]
    assert names == [sweep["name"] for sweep in made]
    found = await sweeps.read(
        made[0],
        """agents { edges { node { id name host state totalRuns
           runs { totalCount edges { node { name } } } } } }
           runs(first: 1, order: "-created_at") { totalCount pageInfo { hasNextPage }
           edges { node { name } } }""",
    )
    nodes = [edge["node"] for edge in found["agents"]["edges"]]
    assert [node["id"] for node in nodes] == agents
    assert [node["runs"]["edges"][0]["node"]["name"] for node in nodes] == runs
    assert {(node["host"], node["state"], node["totalRuns"]) for node in nodes} == {
        ("h", "RUNNING", 1)
    }
    assert found["runs"] == {
        "totalCount": 2, "pageInfo": {"hasNextPage": True},
        "edges": [{"node": {"name": runs[1]}}],
    }  # fmt: skip
    one = await sweeps.read(made[0], f'agent(agentName: "{nodes[1]["name"]}") {{ id }}')
    assert one["agent"]["id"] == agents[1]
    assert (await sweeps.read(made[0], 'agent(agentName: "no") { id }'))["agent"] is None
    assert await sweeps.read({"name": "none"}, "id") is None


async def test_a_deleted_sweep_is_a_404(sweeps: Sweeps) -> None:
    sweep = await sweeps.create(RANDOM)
    agent = await sweeps.agent(sweep)
    await sweeps.client.data(
        "mutation($id: String!) { deleteModel(input: {id: $id}) { success } }",
        id=sweep["project"]["id"],
    )
    response = await sweeps.post_beat(agent)
    assert response.status_code == 404
    assert "may have been deleted" in response.json()["errors"][0]["message"]


async def test_nothing_of_a_sweep_is_open_to_another_user(client: Client, sweeps: Sweeps) -> None:
    sweep = await sweeps.create(RANDOM)
    agent = await sweeps.agent(sweep)
    other = await add_user(client, "eve")
    read = """query($s: String!) {
        project(name: "demo", entityName: "local") { sweep(sweepName: $s) { id } } }"""
    assert (await post_as(client, other, read, s=sweep["name"])).json()["data"]["project"] is None
    refused: list[tuple[str, dict[str, Any], int]] = [
        (
            "mutation($id: ID!) { agentHeartbeat(input: {id: $id}) { commands } }",
            {"id": agent}, 404,
        ),
        (
            'mutation($id: ID) { upsertSweep(input: {id: $id, state: "PAUSED"}) { sweep { id } } }',
            {"id": sweep["id"]}, 404,
        ),
        (
            'mutation($s: String!) { createAgent(input: {host: "h", sweep: $s, projectName: "demo",'
            ' entityName: "local"}) { agent { id } } }',
            {"s": sweep["name"]}, 404,
        ),
        (
            UPSERT,
            {"config": json.dumps(RANDOM), "projectName": "demo", "entityName": "local"}, 404,
        ),
    ]  # fmt: skip
    for query, variables, status in refused:
        assert (await post_as(client, other, query, **variables)).status_code == status
    assert (await sweeps.read(sweep, "state runCount")) == {"state": "PENDING", "runCount": 0}


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefghijklm", "bcdefghijklmn", strict=True)
)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "is not YAML"),
        ("- 1", "is a dict, got list"),
        ("", "is a dict, got NoneType"),
        (BOMB, "aliases"),
        ("method: random\nparameters: {<<: {a: 1}}", "parameter 'a'"),
        ("[" * 5000, "nested more than"),
        ("{a: " * 100 + "1" + "}" * 100, "nested more than"),
        ("? [1, 2]\n: 3", "unhashable key"),
        ("!!python/object/apply:os.system [true]", "is not YAML"),
        ("!!set {a, b}", "no place for set"),
        ("x: " + "9" * 5000, "is not YAML"),
        ("x: '" + "y" * 300_000 + "'", "at most 262144 characters"),
        ("method: bayes\nparameters: {x: {value: 1}}", "needs a metric"),
        ("method: random\nmetric: {name: 'a\"b'}\nparameters: {x: {value: 1}}", "cannot be used"),
    ],
)  # fmt: skip
async def test_configs_that_are_refused(sweeps: Sweeps, config: str, message: str) -> None:
    assert message in await sweeps.refused(config)
    assert (await sweeps.client.data("{ viewer { id } }"))["viewer"]


async def test_a_date_is_a_text_and_what_is_odd_is_told(sweeps: Sweeps) -> None:
    text = "method: grid\nodd: 1\nparameters: {day: {values: [2026-01-02]}}"
    data = await sweeps.client.data(UPSERT, config=text, projectName="demo")
    upserted = data["upsertSweep"]
    assert upserted["configValidationWarnings"] == ["'odd' means nothing in the config of a sweep"]
    assert await sweeps.next_run(await sweeps.agent(upserted["sweep"]))
    assert (await sweeps.next_run(await sweeps.agent(await sweeps.create(text))))[1] == {
        "day": "2026-01-02"
    }


async def test_values_that_json_has_no_number_for(sweeps: Sweeps) -> None:
    text = f"method: grid\nparameters: {{nan: {{value: .nan}}, big: {{value: {10**30}}}}}"
    (command,) = await sweeps.beat(await sweeps.agent(await sweeps.create(text)))
    assert command["args"]["big"] == {"value": 10**30}
    assert command["args"]["nan"]["value"] != command["args"]["nan"]["value"]


HYPERBAND = {
    "method": "random", "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"min": 0.0, "max": 1.0}},
}  # fmt: skip


async def hyper_run(sweeps: Sweeps, agent: str, losses: list[float], start: int = 0) -> str:
    run, values = await sweeps.next_run(agent)
    await sweeps.begin(run, values)
    await more(sweeps, run, losses, start)
    return run


async def more(sweeps: Sweeps, run: str, losses: list[float], start: int) -> None:
    rows = [{"_step": start + i, "loss": loss} for i, loss in enumerate(losses)]
    await sweeps.client.history(run, start, rows)


async def test_hyperband_keeps_the_best_third(sweeps: Sweeps) -> None:
    rule = {"type": "hyperband", "min_iter": 3, "eta": 3}
    sweep = await sweeps.create({**HYPERBAND, "early_terminate": rule})
    agents = [await sweeps.agent(sweep) for _ in range(4)]
    first = await hyper_run(sweeps, agents[0], [9, 5, 7])
    assert await sweeps.beat(agents[0], first) == []  # alone
    second = await hyper_run(sweeps, agents[1], [9, 9])
    assert await sweeps.beat(agents[1], second) == []  # has not come to the bracket
    await more(sweeps, second, [8], 2)
    assert await sweeps.beat(agents[1], second) == [{"type": "stop", "run_id": second}]
    assert (await sweeps.client.stream(second, {}))["stopped"] is True
    third = await hyper_run(sweeps, agents[2], [9, 4, 9])
    assert await sweeps.beat(agents[2], third) == []  # the best of three
    # The first was best when it came there, and is not judged again.
    assert await sweeps.beat(agents[0], first) == []
    fourth = await hyper_run(sweeps, agents[3], [4.5, 9, 9])
    assert await sweeps.beat(agents[3], fourth) == []  # of four, two go on
    await more(sweeps, first, [6] * 6, 3)
    assert await sweeps.beat(agents[0], first) == []  # alone at nine
    await more(sweeps, third, [float("nan"), "x", 8, 8, 8, 8, 8], 3)  # type: ignore[list-item]
    assert await sweeps.beat(agents[2], third) == []  # 4 at nine, less than 5


async def test_strict_hyperband_judges_again(sweeps: Sweeps) -> None:
    rule = {"type": "hyperband", "min_iter": 2, "strict": True}
    sweep = await sweeps.create({**HYPERBAND, "early_terminate": rule})
    agents = [await sweeps.agent(sweep) for _ in range(2)]
    first = await hyper_run(sweeps, agents[0], [5, 5])
    assert await sweeps.beat(agents[0], first) == []
    second = await hyper_run(sweeps, agents[1], [1, 1])
    assert await sweeps.beat(agents[1], second) == []
    assert await sweeps.beat(agents[0], first) == [{"type": "stop", "run_id": first}]


async def test_bayes_knows_what_ran_and_what_runs(sweeps: Sweeps) -> None:
    """The proposal is the one that the search makes of this history."""
    config = {**HYPERBAND, "method": "bayes", "metric": {"name": "acc", "goal": "maximize"}}
    sweep = await sweeps.create(config)
    agent, other = await sweeps.agent(sweep), await sweeps.agent(sweep)
    history = []
    for _ in range(RANDOM_RUNS):
        run, values = await sweeps.next_run(agent)
        await sweeps.begin(run, values)
        acc = 1 - (values["x"] - 0.7) ** 2
        await sweeps.end(run, acc=acc)
        history.append(Observation(values, -acc))
    assert len({run.config["x"] for run in history}) == RANDOM_RUNS
    space = Space(config["parameters"])
    _, values = await sweeps.next_run(agent)
    assert values == propose(space, history, f"{sweep['name']}-8")
    history.append(Observation(values, None))
    assert (await sweeps.next_run(other))[1] == propose(space, history, f"{sweep['name']}-9")


async def test_agents_of_a_bayes_sweep_that_ask_at_once(sweeps: Sweeps) -> None:
    sweep = await sweeps.create({**HYPERBAND, "method": "bayes"})
    first = await sweeps.agent(sweep)
    for _ in range(RANDOM_RUNS):
        run, values = await sweeps.next_run(first)
        await sweeps.begin(run, values)
        await sweeps.end(run, loss=values["x"])
    agents = [await sweeps.agent(sweep) for _ in range(4)]
    given = await asyncio.gather(*(sweeps.next_run(agent) for agent in agents))
    assert len({run for run, _ in given}) == len({values["x"] for _, values in given}) == 4
