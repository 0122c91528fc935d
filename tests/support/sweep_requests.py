"""Sweep requests as the wandb package 0.31.0 sends them (protocol/run.md, section 14)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import httpx
    from server_client import Client

UPSERT = """mutation UpsertSweep($id: ID, $config: String, $description: String,
    $entityName: String, $projectName: String, $controller: JSONString,
    $launchScheduler: JSONString, $templateVariableValues: JSONString, $scheduler: JSONString,
    $state: String, $priorRunsFilters: JSONString, $displayName: String) {
  upsertSweep(input: {id: $id, config: $config, description: $description,
    entityName: $entityName, projectName: $projectName, controller: $controller,
    launchScheduler: $launchScheduler, templateVariableValues: $templateVariableValues,
    scheduler: $scheduler, state: $state, priorRunsFilters: $priorRunsFilters,
    displayName: $displayName}) {
    sweep { id name project { id name entity { id name } } } configValidationWarnings } }"""
AGENT = """mutation CreateAgent($host: String! $projectName: String, $entityName: String,
    $sweep: String!) { createAgent(input: {host: $host, projectName: $projectName,
    entityName: $entityName, sweep: $sweep}) { agent { id } } }"""
HEARTBEAT = """mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) {
    agent { id } commands } }"""


class Sweeps:
    """Sweeps of project `demo` on a server under test."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def create(self, config: Any, **values: Any) -> Any:
        text = config if isinstance(config, str) else yaml.safe_dump(config)
        data = await self.client.data(
            UPSERT, config=text, projectName="demo", templateVariableValues="null", **values
        )
        return data["upsertSweep"]["sweep"]

    async def refused(self, config: Any, **values: Any) -> str:
        text = config if isinstance(config, str) else yaml.safe_dump(config)
        response = await self.client.post(UPSERT, config=text, projectName="demo", **values)
        assert response.status_code == 400, response.text
        message: str = response.json()["errors"][0]["message"]
        return message

    async def set_state(self, sweep: Any, state: str) -> None:
        document = """mutation UpsertSweep($id: ID, $state: String, $entityName: String,
            $projectName: String) { upsertSweep(input: {id: $id, state: $state,
            entityName: $entityName, projectName: $projectName}) { sweep { name } } }"""
        await self.client.data(document, id=sweep["id"], state=state, projectName="demo")

    async def agent(self, sweep: Any) -> str:
        data = await self.client.data(
            AGENT, host="h", entityName=None, projectName="demo", sweep=sweep["name"]
        )
        found: str = data["createAgent"]["agent"]["id"]
        return found

    async def post_beat(self, agent: str, *running: str) -> httpx.Response:
        state = json.dumps(dict.fromkeys(running, True))
        return await self.client.post(HEARTBEAT, id=agent, metrics="{}", runState=state)

    async def beat(self, agent: str, *running: str) -> list[Any]:
        response = await self.post_beat(agent, *running)
        assert response.status_code == 200, response.text
        commands: list[Any] = json.loads(response.json()["data"]["agentHeartbeat"]["commands"])
        return commands

    async def next_run(self, agent: str) -> tuple[str, dict[str, Any]]:
        (command,) = await self.beat(agent)
        assert command["type"] in ("run", "resume"), command
        return command["run_id"], {k: v["value"] for k, v in command["args"].items()}

    async def begin(self, run: str, config: dict[str, Any], **values: Any) -> None:
        wire = json.dumps({key: {"value": value} for key, value in config.items()})
        await self.client.upsert(run, config=wire, host="h", jobProgram="/train.py", **values)

    async def end(self, run: str, exitcode: int = 0, **summary: Any) -> None:
        files = {"wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]}}
        await self.client.stream(run, {"files": files, "complete": True, "exitcode": exitcode})

    async def read(self, sweep: Any, selection: str) -> Any:
        found = f'sweep(sweepName: "{sweep["name"]}") {{ {selection} }}'
        data = await self.client.data(f'{{ project(name: "demo") {{ {found} }} }}')
        return data["project"]["sweep"]
