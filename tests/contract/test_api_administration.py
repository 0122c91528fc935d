"""Users, keys, teams and projects, by the Api against the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from seed import seed

from asyncwb.api import Api
from asyncwb.errors import (
    AuthenticationError,
    CommError,
    GraphQLError,
    InvalidValueError,
    NotFoundError,
    UnsupportedError,
)
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def api(server: LocalServer) -> Api:
    return Api(server.settings)


def as_key(server: LocalServer, key: str) -> Api:
    return Api({"base_url": server.url}, api_key=key)


async def test_a_key_of_ones_own_works_until_it_is_deleted(api: Api, server: LocalServer) -> None:
    me = await api.viewer()
    before = me.api_keys
    key = await me.generate_api_key("for a test")
    assert (await as_key(server, key).viewer()).username == me.username
    [name] = set(me.api_keys) - set(before)
    assert key.startswith(name)
    assert key not in repr(me) + str(me.api_keys)
    assert me.user_api is not None
    assert await me.user_api.default_entity() == me.entity
    assert await me.delete_api_key(name)
    assert me.api_keys == before
    with pytest.raises(AuthenticationError):
        await as_key(server, key).viewer()
    with pytest.raises(InvalidValueError):
        await me.delete_api_key(name)


async def test_an_administrator_makes_users_and_their_keys(api: Api, server: LocalServer) -> None:
    ada = await api.create_user("ada@example.com")
    assert (ada.username, ada.email, ada.admin, ada.api_keys) == (
        "ada", "ada@example.com", False, [],
    )  # fmt: skip
    key = await ada.generate_api_key()
    hers = as_key(server, key)
    assert await hers.viewer() == await api.user("ada")
    assert len(ada.api_keys) == 1
    assert await api.user("nobody") is None
    assert {user.username for user in await api.users("a")} >= {"ada", "local"}
    with pytest.raises(GraphQLError, match="taken"):
        await api.create_user("ada@elsewhere.org")
    with pytest.raises(CommError, match="administrator"):
        await hers.create_user("eve@example.com")
    local = await hers.user("local")
    assert local is not None
    assert local.api_keys == []
    with pytest.raises(CommError, match="administrator"):
        await local.generate_api_key()
    for wrong in ("no address", "@", ""):
        with pytest.raises(InvalidValueError):
            await api.create_user(wrong)


async def test_the_exact_name_is_found_among_those_that_hold_it(api: Api) -> None:
    await api.create_user("bobby@example.com")
    await api.create_user("bob@example.com")
    found = await api.user("bob")
    assert found is not None
    assert found.username == "bob"


async def test_a_team_and_who_is_in_it(api: Api, server: LocalServer) -> None:
    carl = await api.create_user("carl@example.com")
    his = as_key(server, await carl.generate_api_key())
    team = await api.create_team("crew")
    assert (team.name, team.is_team, [m.username for m in team.members]) == (
        "crew", True, ["local"],
    )  # fmt: skip
    with pytest.raises(NotFoundError, match="crew"):
        await his.team("crew")
    assert await team.invite("carl")
    assert not await team.invite("carl")
    assert not await team.invite("not-there")
    assert (await (await his.team("crew")).members[0].delete()) is False
    assert not await (await his.team("crew")).invite("bob")
    await his.create_run(run_id="by-carl", project="shared", entity="crew")
    assert [run.id async for run in api.runs("crew/shared")] == ["by-carl"]
    await team.load()
    [member] = [m for m in team.members if m.username == "carl"]
    assert (member.role, member.pending, member.account_type) == ("member", False, "USER")
    assert await member.delete()
    with pytest.raises(NotFoundError):
        await his.team("crew")
    [last] = (await api.team("crew")).members
    assert not await last.delete()


async def test_an_invited_address_joins_with_its_account(api: Api, server: LocalServer) -> None:
    team = await api.create_team("later")
    assert await team.invite("Dora@Example.com", admin=True)
    assert await team.invite("gone@example.com")
    assert not await team.invite("dora@example.com")
    await team.load()
    [dora, gone] = [m for m in team.members if m.pending]
    assert (dora.email, dora.role, dora.username) == ("dora@example.com", "admin", None)
    assert await gone.delete()
    made = await api.create_user("dora@example.com")
    assert made.teams == ["later"]
    hers = await as_key(server, await made.generate_api_key()).team("later")
    assert [(m.username, m.admin, m.pending) for m in hers.members] == [
        ("local", True, False),
        ("dora", True, False),
    ]
    assert await hers.members[0].delete()


async def test_roles_of_those_who_are_invited(api: Api, server: LocalServer) -> None:
    team = await api.create_team("roles")
    for name in ("vera", "mona", "adam"):
        await api.create_user(f"{name}@example.com")
    for who in ("vera", "later@example.com"):
        assert await team.invite(who, role="viewer")
    assert await team.invite("mona", role="member")
    assert await team.invite("adam", role="admin")
    await team.load()
    found = {member.username or member.email: member.role for member in team.members}
    assert found == {
        "local": "admin",
        "vera": "viewer",
        "later@example.com": "viewer",
        "mona": "member",
        "adam": "admin",
    }
    vera = await api.user("vera")
    assert vera is not None
    hers = as_key(server, await vera.generate_api_key())
    with pytest.raises(CommError, match="viewer"):
        await hers.create_run(project="p", entity="roles")


async def test_a_role_has_to_be_one(api: Api) -> None:
    team = await api.create_team("strict")
    wrong: Any = "owner"
    with pytest.raises(InvalidValueError, match="viewer, member, admin"):
        await team.invite("local", role=wrong)
    with pytest.raises(InvalidValueError, match="contradict"):
        await team.invite("local", admin=True, role="viewer")


async def test_a_service_account_has_a_key_that_ends_with_it(api: Api, server: LocalServer) -> None:
    team = await api.create_team("robots", "local")
    robot = await team.create_service_account("nightly build")
    assert (robot.name, robot.account_type) == ("nightly build", "SERVICE")
    assert robot.api_key
    assert robot.api_key not in repr(robot)
    its = as_key(server, robot.api_key)
    await its.create_run(run_id="r", project="builds", entity="robots")
    assert await (await its.team("robots")).invite("local") is False
    members = {m.name: m.api_key for m in (await its.team("robots")).members}
    assert members["nightly build"] is None
    assert {m.api_key for m in (await api.team("robots")).members} == {None, robot.api_key}
    assert await robot.delete()
    with pytest.raises(AuthenticationError):
        await as_key(server, robot.api_key).viewer()
    assert [run.id async for run in api.runs("robots/builds")] == ["r"]
    with pytest.raises(InvalidValueError):
        await team.create_service_account(" ")
    with pytest.raises(GraphQLError, match="taken"):
        await api.create_team("robots")


async def test_projects_of_an_entity(api: Api, server: LocalServer) -> None:
    made = await api.create_project("first")
    seed(server, "second", "r1")
    assert made.path == [server.entity, "first"]
    assert made.url == f"{server.url}/{server.entity}/first/workspace"
    names = [project.name async for project in api.projects(per_page=1)]
    assert {"first", "second"} <= set(names)
    assert [project.name async for project in api.projects(limit=1)] == names[:1]
    assert await api.projects().length() == len(names)
    second = await api.project("second")
    assert second.owner.username == "local"
    assert [run.id async for run in second.runs()] == ["r1"]
    assert [project.name async for project in api.projects("nobody")] == []
    assert "iframe" in second.to_html()
    with pytest.raises(InvalidValueError, match="height"):
        second.to_html(height=0)
    await second.delete()
    with pytest.raises(NotFoundError, match="second"):
        await second.load()
    with pytest.raises(NotFoundError, match="nothing-here"):
        await api.project("nothing-here")
    again = await api.create_project("first")
    assert again.id == made.id


SPEC = {
    "panelGroups": [
        {
            "name": "best",
            "openRunSet": 0,
            "runSets": [
                {
                    "filters": {
                        "op": "OR",
                        "filters": [
                            {
                                "op": "AND",
                                "filters": [
                                    {
                                        "key": {"section": "config", "name": "lr"},
                                        "op": ">=",
                                        "value": 0.1,
                                    }
                                ],
                            }
                        ],
                    },
                    "sort": {"key": {"section": "config", "name": "lr"}, "ascending": False},
                    "selections": {"tree": ["r1", "r2"]},
                }
            ],
        }
    ]
}


async def test_reports_are_kept_listed_and_changed(api: Api, server: LocalServer) -> None:
    for number in range(4):
        seed(server, "reported", f"r{number}", config={"lr": number / 10})
    report = await api.create_report("reported", "First: results!", "what we saw", SPEC)
    other = await api.create_report("reported", "Second")
    assert other.sections == []
    listed = [one async for one in api.reports("reported", per_page=1)]
    assert [one.display_name for one in listed] == ["First: results!", "Second"]
    first = listed[0]
    assert (first.spec, first.description, first.id) == (SPEC, "what we saw", report.id)
    assert first.user is not None
    assert first.user.username == "local"
    assert first.url is not None
    assert first.url.startswith(f"{server.url}/local/reported/reports/First-results--")
    assert [one.id async for one in api.reports("reported", "Second")] == [other.id]
    section = first.sections[0]
    assert [run.id async for run in first.runs(section)] == ["r2", "r1"]
    assert [run.id async for run in first.runs(section, only_selected=False)] == [
        "r3", "r2", "r1",
    ]  # fmt: skip
    found = await api.from_path(first.url.removeprefix(server.url + "/"))
    assert repr(found) == repr(first)
    await first.update(display_name="Renamed", spec={"panelGroups": []})
    assert [one.display_name async for one in api.reports("reported")] == ["Renamed", "Second"]
    await other.delete()
    assert await api.reports("reported").length() == 1
    with pytest.raises(InvalidValueError, match="title"):
        await api.create_report("reported", " ")
    with pytest.raises(InvalidValueError, match="runSets"):
        first.runs({"name": "no run sets"})
    with pytest.raises(NotFoundError):
        await api.reports("not-there").length()
    await (await api.project("reported")).delete()
    with pytest.raises(NotFoundError):
        await api.reports("reported").length()


async def test_sweeps_are_made_listed_and_set(api: Api) -> None:
    config = {
        "name": "search",
        "method": "grid",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"lr": {"values": [1, 2, 3]}},
    }
    sweep = await api.create_sweep(config, project="searched")
    other = await api.create_sweep({**config, "method": "random", "name": "more"}, "searched")
    assert (sweep.name, sweep.method, sweep.state) == ("search", "grid", "PENDING")
    assert (sweep.expected_run_count, sweep.order) == (3, "+summary_metrics.loss")
    assert await sweep.best_run() is None
    assert [one.id async for one in api.sweeps("searched", per_page=1)] == [sweep.id, other.id]
    assert await api.sweeps("searched").length() == 2
    await sweep.pause()
    assert (await api.sweep(f"searched/sweeps/{sweep.id}")).state == "PAUSED"
    listed = [one.id async for one in api.sweeps("searched", {"state": "PAUSED"})]
    assert listed == [sweep.id]
    ordered = api.sweeps("searched", {"method": {"$in": ["grid", "random"]}}, "-method", per_page=1)
    assert [one.method async for one in ordered] == ["random", "grid"]
    await sweep.resume()
    assert sweep.state == "RUNNING"
    await sweep.cancel()
    assert sweep.state == "CANCELED"
    await other.stop()
    assert other.state == "FINISHED"
    assert await sweep.agents() == []
    with pytest.raises(NotFoundError):
        await sweep.agent("nobody")
    with pytest.raises(NotFoundError):
        await api.sweep("searched/none")
    with pytest.raises(GraphQLError, match="unknown filter or order key 'lr'"):
        await api.sweeps("searched", {"lr": 1}).length()
    with pytest.raises(InvalidValueError, match="PENDING"):
        await sweep.update_state("PENDING")
    with pytest.raises(UnsupportedError):
        await sweep.enqueue_run({"lr": 1})
    with pytest.raises(InvalidValueError):
        await api.create_sweep({"method": "grid"})


async def test_from_path_knows_every_kind(api: Api, server: LocalServer) -> None:
    seed(server, "paths", "r1")
    sweep = await api.create_sweep(
        {"method": "random", "parameters": {"lr": {"values": [1]}}}, "paths"
    )
    entity = server.entity
    found = [
        await api.from_path(path)
        for path in (
            "paths",
            f"{entity}/paths",
            f"{entity}/paths/r1",
            f"/{entity}/paths/runs/r1/",
            f"{entity}/paths/sweeps/{sweep.id}",
        )
    ]
    kinds = [type(one).__name__ for one in found]
    assert kinds == ["Project", "Project", "Run", "Run", "Sweep"]
    for wrong in ("", "a//b", "a/b/what/c", "a/b/runs/c/d"):
        with pytest.raises(InvalidValueError, match="Invalid path"):
            await api.from_path(wrong)
    with pytest.raises(NotFoundError):
        await api.from_path(f"{entity}/paths/reports/Title--none")
