"""A watch asks for what changed; all runs are looked at where the server cannot say."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest
from api_fakes import FakeService, FakeTransport, response

from asyncwb.api import watching
from asyncwb.api.paths import ProjectPath
from asyncwb.api.watching import RunWatch

RUNS = 500
BEGIN = datetime(2026, 11, 1)


class Project:
    """Runs on a server; each changed a minute after the one before."""

    def __init__(self, *, kind: str = "usual") -> None:
        self.kind = kind
        self.minute = 0
        self.runs: dict[str, dict[str, Any]] = {}
        self.items: list[tuple[str, int]] = []
        for number in range(RUNS):
            self.set(f"r{number}")
        self.fake = FakeTransport(
            LightRuns=self.answer,
            RecentLightRuns=self.refuse if kind == "old" else self.answer_recent,
        )

    def set(self, name: str, **values: Any) -> None:
        self.minute += 1
        time = (BEGIN + timedelta(minutes=self.minute)).isoformat()
        known = self.runs.get(name, {
            "id": f"id-{name}", "name": name, "createdAt": time, "tags": [], "state": "finished",
            "projectId": "1", "user": {"name": "u", "username": "u"},
        })  # fmt: skip
        beat = "2027-01-01T00:00:00" if self.kind == "heartbeats apart" else time
        self.runs[name] = known | {"updatedAt": time, "heartbeatAt": beat} | values

    def refuse(self, _: dict[str, Any]) -> Any:
        return response(400, b'{"errors": [{"message": "Cannot query field updatedAt"}]}')

    def answer_recent(self, variables: dict[str, Any]) -> Any:
        assert variables["order"] == "-updated_at"
        if self.kind == "unordered":
            return self.answer(variables, "recent")
        runs = sorted(self.runs.values(), key=lambda run: str(run["updatedAt"]), reverse=True)
        return self.page(variables, runs, "recent")

    def answer(self, variables: dict[str, Any], name: str = "all") -> Any:
        return self.page(variables, list(self.runs.values()), name)

    def page(self, variables: dict[str, Any], runs: list[dict[str, Any]], name: str) -> Any:
        start = int(variables["cursor"] or 0)
        stop = start + variables["perPage"]
        edges = [
            {"cursor": str(place), "node": run}
            for place, run in enumerate(runs[start:stop], start + 1)
        ]
        self.items.append((name, len(edges)))
        more = stop < len(runs)
        connection = {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": str(stop)}}
        return {"project": {"runCount": len(runs), "runs": connection}}

    def watch(self) -> RunWatch:
        return RunWatch(
            FakeService(self.fake), ProjectPath("acme", "demo"), filters=None, initial=False,
            lazy=True, poll_seconds=0.005,
        )  # fmt: skip

    async def look(self, number: int = 5) -> None:
        """Wait for some looks."""
        wanted = len(self.fake.calls) + number
        while len(self.fake.calls) < wanted:  # noqa: ASYNC110 - calls come from another thread
            await anyio.sleep(0.001)


def changes_of(project: Project) -> Any:
    return project.watch().batches()


async def one(changes: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(change.kind, change.run.id, change.fields) for change in await anext(changes)]


async def test_a_look_asks_for_what_changed() -> None:
    project = Project()
    async with anyio.create_task_group() as group, aclosing(changes_of(project)) as changes:
        group.start_soon(_later, project, "r7", {"tags": ["new"]})
        assert await one(changes) == [("changed", "r7", ("tags",))]
        whole = [count for name, count in project.items if name == "all"]
        assert whole == [200, 200, 100]  # the first look; no other needed all
        recent = [count for name, count in project.items if name == "recent"]
        assert len(recent) > 5
        assert set(recent) == {20}  # one request, one small page
        project.set("new")
        assert await one(changes) == [("appeared", "new", ())]
        assert [name for name, _ in project.items].count("all") == 3
        # a count that does not fit has all looked at
        del project.runs["r3"]
        assert await one(changes) == [("left", "r3", ())]
        assert [name for name, _ in project.items].count("all") == 6


async def _later(project: Project, name: str, values: dict[str, Any]) -> None:
    await project.look(8)
    project.set(name, **values)


async def test_many_changes_between_two_looks() -> None:
    project = Project()
    async with aclosing(changes_of(project)) as changes:
        async with anyio.create_task_group() as group:
            group.start_soon(_change_many, project)
            found = await one(changes)
        assert found == [("changed", f"r{n}", ("state",)) for n in range(50)]
        assert [name for name, _ in project.items].count("all") == 3


async def _change_many(project: Project) -> None:
    await project.look(8)
    for number in range(50):
        project.set(f"r{number}", state="failed")


@pytest.mark.parametrize("kind", ["old", "unordered", "heartbeats apart"])
async def test_all_runs_where_the_server_does_not_say(kind: str) -> None:
    project = Project(kind=kind)
    async with anyio.create_task_group() as group, aclosing(changes_of(project)) as changes:
        group.start_soon(_later, project, "r7", {"state": "crashed"})
        assert await one(changes) == [("changed", "r7", ("state",))]
    assert [name for name, _ in project.items].count("all") > 3


async def test_all_runs_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_WHOLE_SECONDS", 0.0)
    project = Project()
    async with anyio.create_task_group() as group, aclosing(changes_of(project)) as changes:

        async def crash() -> None:
            await project.look(8)
            project.runs["r1"]["state"] = "crashed"  # by time: nothing was updated

        group.start_soon(crash)
        assert await one(changes) == [("changed", "r1", ("state",))]
