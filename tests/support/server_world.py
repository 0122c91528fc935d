"""A server with secrets of a team on it, and the people who should not have them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from artifact_client import COMMIT, CREATE, FILES, MANIFEST, anonymous, md5

from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from starlette.applications import Starlette

__all__ = ["World", "world"]

SWEEP = json.dumps(
    {"method": "random", "parameters": {"hush": {"min": 0, "max": 1}}, "description": "hush"}
)


class World:
    """The team `crew` with the project `hush`: everything in it says "hush" somewhere.

    `ann` leads the team, `max` is a member, `vic` a viewer. `eve` is a stranger, `bob` a member of
    the team `others`, `zoe` belongs to another organization.

    Attributes:
        ids: Of everything, by what it is.
    """

    def __init__(self, app: Starlette, http: httpx.AsyncClient, key: str) -> None:
        self.app, self.http = app, http
        self.keys = {"local": key}
        self.ids: dict[str, str] = {}
        self.urls: dict[str, str] = {}

    async def request(self, who: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        """A request by somebody, or by nobody."""
        auth: Any = anonymous if who is None else ("api", self.keys[who])
        return await self.http.request(method, path, auth=auth, **more)

    async def ask(self, who: str | None, query: str, **variables: Any) -> httpx.Response:
        """A GraphQL operation of somebody."""
        return await self.request(
            who, "POST", "/graphql", json={"query": query, "variables": variables}
        )

    async def data(self, who: str, query: str, **variables: Any) -> Any:
        """Its data; it must go well."""
        answer = await self.ask(who, query, **variables)
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    async def do(self, who: str, mutation: str, given: dict[str, Any], fields: str) -> Any:
        """A mutation that must go well."""
        kind = mutation[0].upper() + mutation[1:]
        query = f"mutation($i: {kind}Input!) {{ {mutation}(input: $i) {{ {fields} }} }}"
        return (await self.data(who, query, i=given))[mutation]

    async def add_user(self, name: str) -> None:
        await self.do("local", "createUser", {"email": f"{name}@x"}, "user { id }")
        made = await self.do("local", "generateApiKey", {"username": name}, "apiKey { id name }")
        self.keys[name] = made["apiKey"]["name"]
        self.ids[f"key of {name}"] = made["apiKey"]["id"]

    async def build(self) -> None:
        """Make people, teams and secrets."""
        for name in ("ann", "max", "vic", "bob", "eve", "zoe"):
            await self.add_user(name)
        elsewhere = {"name": "elsewhere", "username": "zoe"}
        await self.request("local", "POST", "/admin/organizations", json=elsewhere)
        for team, head in (("crew", "ann"), ("others", "bob")):
            await self.do(head, "createTeam", {"teamName": team}, "entity { id }")
        for name, role in (("max", "member"), ("vic", "viewer")):
            given = {"entityName": "crew", "username": name, "role": role}
            await self.do("ann", "createInvite", given, "invite { id }")
        asked = {"entityName": "crew", "email": "hush@x"}
        made = await self.do("ann", "createInvite", asked, "invite { id }")
        self.ids["invite"] = made["invite"]["id"]
        await self._run()
        await self._artifact()
        await self._registry()

    async def _run(self) -> None:
        there = {"entityName": "crew", "projectName": "hush"}
        given = {"name": "r", "modelName": "hush", "entityName": "crew", "notes": "hush",
                 "config": '{"hush": {"value": "hush"}}', "tags": ["hush"]}  # fmt: skip
        made = await self.do("max", "upsertBucket", given, "bucket { id project { id } }")
        self.ids["run"] = made["bucket"]["id"]
        self.ids["project"] = made["bucket"]["project"]["id"]
        lines = ['{"_step": 0, "hush": 1}']
        files = {
            "wandb-history.jsonl": {"offset": 0, "content": lines},
            "wandb-events.jsonl": {"offset": 0, "content": ['{"system.hush": 1, "_runtime": 1}']},
            "output.log": {"offset": 0, "content": ["hush"]},
            "wandb-summary.json": {"offset": 0, "content": ['{"hush": 1}']},
        }
        path = "/files/crew/hush/r/file_stream"
        assert (await self.request("max", "POST", path, json={"files": files})).status_code == 200
        asked = {**there, "runName": "r", "files": ["hush.html"]}
        placed = await self.do("max", "createRunFiles", asked, "files { id uploadUrl }")
        (file,) = placed["files"]
        self.ids["file"], self.urls["put"] = file["id"], file["uploadUrl"]
        await self.request(None, "PUT", file["uploadUrl"], content=b"hush")
        found = await self.data(
            "max",
            '{ project(name: "hush", entityName: "crew") { run(name: "r") { files { edges { node'
            " { directUrl } } } } } }",
        )
        (edge,) = found["project"]["run"]["files"]["edges"]
        self.urls["get"] = edge["node"]["directUrl"]
        view = {**there, "displayName": "hush", "spec": '{"hush": 1}'}
        made = await self.do("max", "upsertView", view, "view { id }")
        self.ids["view"] = made["view"]["id"]
        chart = {"entity": "crew", "name": "hush-chart", "displayName": "hush", "type": "vega2",
                 "access": "PRIVATE", "spec": '{"title": "hush"}'}  # fmt: skip
        made = await self.do("max", "createCustomChart", chart, "chart { id }")
        self.ids["chart"] = made["chart"]["id"]
        found = await self.data("max", '{ entity(name: "crew") { id } }')
        self.ids["team"] = found["entity"]["id"]
        for kind, of, name in (("PROJECT", "project", "trigger"),
                               ("ENTITY", "team", "trigger of team")):  # fmt: skip
            automation = {
                "name": f"hush {name}", "description": "hush", "enabled": True,
                "scopeType": kind, "scopeID": self.ids[of],
                "triggeringEventType": "CREATE_ARTIFACT", "eventFilter": '{"alias": "hush"}',
                "triggeredActionType": "NO_OP",
                "triggeredActionConfig": {"noOpActionInput": {"noOp": True}},
            }  # fmt: skip
            made = await self.do("max", "createFilterTrigger", automation, "trigger { id }")
            self.ids[name] = made["trigger"]["id"]
        made = await self.do("max", "upsertSweep", {**there, "config": SWEEP}, "sweep { id name }")
        self.ids["sweep"], self.ids["sweep name"] = made["sweep"]["id"], made["sweep"]["name"]
        asked = {**there, "sweep": made["sweep"]["name"], "host": "hush"}
        made = await self.do("max", "createAgent", asked, "agent { id }")
        self.ids["agent"] = made["agent"]["id"]
        await self.do("max", "agentHeartbeat", {"id": self.ids["agent"]}, "commands")

    async def _artifact(self) -> None:
        there = {"entityName": "crew", "projectName": "hush"}
        wanted = {**there, "artifactTypeName": "hush", "digest": "0" * 32, "runName": "r",
                  "digestAlgorithm": "MANIFEST_MD5", "clientID": "hush-client"}  # fmt: skip
        for name in ("data", "draft"):
            given = {**wanted, "artifactCollectionName": f"hush-{name}",
                     "clientID": f"hush-{name}"}  # fmt: skip
            made = (await self.data("max", CREATE, input=given))["createArtifact"]["artifact"]
            self.ids[name] = made["id"]
            self.ids[f"collection of {name}"] = made["artifactSequence"]["id"]
            spec = {"artifactID": made["id"], "name": "hush.bin", "md5": md5(name.encode())}
            placed = await self.data(
                "max", FILES, input={"artifactFiles": [spec], "storageLayout": "V2"}
            )
            node = placed["createArtifactFiles"]["files"]["edges"][0]["node"]
            self.urls[f"artifact-put of {name}"] = node["uploadUrl"]
            await self.request(None, "PUT", node["uploadUrl"], content=name.encode())
            about = {"artifactID": made["id"], "name": "m", "digest": "", "type": "FULL",
                     "runName": "r", **there}  # fmt: skip
            manifest = (await self.data("max", MANIFEST, input=about))["createArtifactManifest"]
            manifest = manifest["artifactManifest"]
            self.ids[f"manifest of {name}"] = manifest["id"]
            self.urls[f"manifest-put of {name}"] = manifest["file"]["uploadUrl"]
            entries = {"hush.bin": {"digest": md5(name.encode()), "size": len(name)}}
            body = {
                "version": 1,
                "storagePolicy": "wandb-storage-policy-v1",
                "storagePolicyConfig": {"storageLayout": "V2"},
                "contents": entries,
            }
            await self.request(
                None, "PUT", manifest["file"]["uploadUrl"], content=json.dumps(body).encode()
            )
        await self.data("max", COMMIT, id=self.ids["data"])
        part = {"partNumber": 1, "hexMD5": "0" * 32}
        spec = {"artifactID": self.ids["draft"], "name": "large", "md5": md5(b"large"),
                "uploadPartsInput": [part]}  # fmt: skip
        placed = await self.data(
            "max", FILES, input={"artifactFiles": [spec], "storageLayout": "V2"}
        )
        node = placed["createArtifactFiles"]["files"]["edges"][0]["node"]
        self.ids["upload"] = node["uploadMultipartUrls"]["uploadID"]
        (url,) = node["uploadMultipartUrls"]["uploadUrlParts"]
        self.urls["part-put"] = url["uploadUrl"]
        found = await self.data(
            "max",
            "query($id: ID!) { artifact(id: $id) { files { edges { node { url directUrl } } }"
            " currentManifest { file { directUrl } } } }",
            id=self.ids["data"],
        )
        (edge,) = found["artifact"]["files"]["edges"]
        self.urls["artifact"] = edge["node"]["url"]
        self.urls["artifact-get"] = edge["node"]["directUrl"]
        self.urls["manifest-get"] = found["artifact"]["currentManifest"]["file"]["directUrl"]
        link = {"artifactID": self.ids["data"], "artifactPortfolioName": "hush-links", **there}
        await self.do("max", "linkArtifact", link, "versionIndex")
        found = await self.data(
            "max",
            '{ project(name: "hush", entityName: "crew") { artifactCollection(name: "hush-links")'
            " { id } } }",
        )
        self.ids["portfolio"] = found["project"]["artifactCollection"]["id"]

    async def _registry(self) -> None:
        """A restricted registry of `ann`, and an open one without secrets."""
        found = await self.data("ann", "{ viewer { organizations { name orgEntity { name } } } }")
        (organization,) = found["viewer"]["organizations"]
        entity = organization["orgEntity"]["name"]
        self.ids["organization"], self.ids["organization entity"] = organization["name"], entity
        for name, access in (("hush", "RESTRICTED"), ("open", "PRIVATE")):
            given = {"name": f"wandb-registry-{name}", "entityName": entity, "access": access}
            made = await self.do("ann", "upsertModel", given, "project { id }")
            self.ids[f"registry {name}"] = made["project"]["id"]
        link = {"artifactID": self.ids["data"], "artifactPortfolioName": "hush-registered",
                "entityName": entity, "projectName": "wandb-registry-hush"}  # fmt: skip
        await self.do("ann", "linkArtifact", link, "versionIndex")
        members = {"projectId": self.ids["registry hush"], "userIds": [self.ids_of("max")]}
        await self.do("ann", "createProjectMembers", members, "success")
        await self.do(
            "ann", "updateProjectMember",
            {"projectId": self.ids["registry hush"], "userId": self.ids_of("max"),
             "userProjectRole": "admin"},
            "success",
        )  # fmt: skip
        found = await self.data(
            "ann",
            'query($e: String) { project(entityName: $e, name: "wandb-registry-hush") {'
            ' artifactCollection(name: "hush-registered") { id } } }',
            e=entity,
        )
        self.ids["registered"] = found["project"]["artifactCollection"]["id"]

    async def snapshot(self) -> Any:
        """All that could be changed, as an administrator of the team sees it."""
        return await self.data(
            "ann",
            """query($o: String) {
            entity(name: "crew") { members { name role } project(name: "hush") { id description
              runs { edges { node { id name notes state stopped history tags
                files { edges { node { id name md5 updatedAt } } } } } }
              allViews { edges { node { id displayName spec } } }
              sweeps { edges { node { id state agents { edges { node { id } } } } } }
              artifactTypes { edges { node { name } } }
              artifactCollections { edges { node { id name description
                tags { edges { node { name } } }
                aliases { edges { node { alias } } }
                artifacts { edges { node { id state description } } } } } } }
              triggers { edges { node { id name enabled } } }
              projects { edges { node { name } } } }
            user(userName: "ann") { apiKeys { edges { node { id } } } }
            registry: project(entityName: $o, name: "wandb-registry-hush") { access
              members { name role { name } } artifactCollections { edges { node { name
                artifacts { edges { node { id } } } } } } } }""",
            o=self.ids["organization entity"],
        )

    def ids_of(self, name: str) -> str:
        from asyncwb.server.ids import make_id

        order = ("local", "ann", "max", "vic", "bob", "eve", "zoe")
        return make_id("User", order.index(name) + 1)


@asynccontextmanager
async def world(data_dir: Path) -> AsyncGenerator[World]:
    """A server with everything on it."""
    identity = ensure_first_user(data_dir)
    app = create_app(ServerConfig(data_dir=str(data_dir)))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://server.test:1"
        ) as http,
    ):
        made = World(app, http, identity.api_key)
        await made.build()
        yield made
