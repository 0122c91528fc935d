"""Registries by raw requests: who sees and does what in them, and how they are searched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from artifact_client import VERSION, ArtifactClient, anonymous
from server_client import sql
from test_access import add_user, post_as

from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user

if TYPE_CHECKING:
    from pathlib import Path

    from server_client import Client

ORGANIZATION, ENTITY = "local-org", "local-org-entity"

REGISTRY = """id internalId name description access entity { name organization { name } }
    allowAllArtifactTypesInRegistry artifactTypes(includeAll: true) { edges { node { name } } }"""
UPSERT = f"""mutation($i: UpsertModelInput!) {{ upsertModel(input: $i) {{
    inserted project {{ {REGISTRY} }} }} }}"""
LINK = """mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex
    artifactMembership { id artifactCollection { id name } } } }"""
COLLECTIONS = """query($o: String!, $p: JSONString, $f: JSONString) { organization(name: $o) {
    orgEntity { artifactCollections(projectFilters: $p, filters: $f) { totalCount
    edges { node { id name __typename } } } } } }"""
VERSIONS = f"""query($o: String!, $p: JSONString, $c: JSONString, $f: JSONString, $order: String,
    $first: Int, $after: String) {{ organization(name: $o) {{ orgEntity {{
    artifactMemberships(projectFilters: $p, collectionFilters: $c, filters: $f, order: $order,
    first: $first, after: $after) {{ pageInfo {{ hasNextPage endCursor }} edges {{ node {{
    versionIndex artifactCollection {{ name }} artifact {{ {VERSION} }} }} }} }} }} }} }}"""
NAMED = """query($r: String!, $n: String!) { project(name: $r, entityName: "local-org-entity") {
    artifactCollectionMembership(name: $n) { artifact { id digest files { edges { node {
    name directUrl url } } } artifactSequence { name project { name description entity { name
    members { username } projects { edges { node { name } } } } runs { edges { node { id } } } } }
    aliases { alias artifactCollection { name } } artifactMemberships { edges { node { id } } } }
    } } }"""
ROLE = """mutation($i: UpdateProjectMemberInput!) { updateProjectMember(input: $i) { success } }"""
TEAM_ROLE = """mutation($i: UpdateProjectTeamMemberInput!) {
    updateProjectTeamMember(input: $i) { success } }"""
INVITE = """mutation($i: CreateProjectMembersInput!) { createProjectMembers(input: $i) {
    success } }"""
MEMBERS = """query($r: String!) { project(name: $r, entityName: "local-org-entity") {
    members { id username role { name } } teamMembers { team { name } role { name } } } }"""


class Shelf:
    """A server with registries; everything as the first user, who may do all."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.artifacts = ArtifactClient(client)

    async def registry(self, name: str = "models", **more: Any) -> Any:
        wanted = {"entityName": ENTITY, "name": f"wandb-registry-{name}", **more}
        return (await self.client.data(UPSERT, i=wanted))["upsertModel"]["project"]

    async def link(
        self, artifact: Any, collection: str = "net", registry: str = "models", *aliases: str
    ) -> Any:
        made = await self.client.data(LINK, i=linking(artifact, collection, registry, *aliases))
        return made["linkArtifact"]["artifactMembership"]["artifactCollection"]

    async def versions(self, **arguments: Any) -> list[str]:
        found = await self.client.data(VERSIONS, o=ORGANIZATION, **texts(arguments))
        edges = found["organization"]["orgEntity"]["artifactMemberships"]["edges"]
        return [f"{e['node']['artifactCollection']['name']}:{e['node']['versionIndex']}"
                for e in edges]  # fmt: skip


def texts(arguments: dict[str, Any]) -> dict[str, Any]:
    return {k: json.dumps(v) if isinstance(v, dict) else v for k, v in arguments.items()}


def linking(artifact: Any, collection: str, registry: str, *aliases: str) -> dict[str, Any]:
    return {
        "artifactID": artifact["id"],
        "entityName": ENTITY,
        "projectName": f"wandb-registry-{registry}",
        "artifactPortfolioName": collection,
        "aliases": [{"alias": one, "artifactCollectionName": collection} for one in aliases],
    }


@pytest.fixture
async def shelf(client: Client) -> Shelf:
    await client.upsert("r")
    return Shelf(client)


async def test_the_organization_of_a_server(shelf: Shelf) -> None:
    found = await shelf.client.data(
        """{ organization(name: "local-org") { id name orgEntity { name entityType isTeam
        organization { name } } advancedRegistryFeatures { advancedSearch }
        coreWeaveOrganizationId featureFlags(rampIDType: OrgName) { rampKey } }
        other: organization(name: "local-org-entity") { id }
        entity(name: "local") { organization { name } user { organizations { name
        orgEntity { name } } } } }"""
    )
    organization = found["organization"]
    assert organization.pop("id")
    assert organization == {
        "name": ORGANIZATION,
        "orgEntity": {
            "name": ENTITY,
            "entityType": "organization",
            "isTeam": False,
            "organization": {"name": ORGANIZATION},
        },
        "advancedRegistryFeatures": {"advancedSearch": True},
        "coreWeaveOrganizationId": None,
        "featureFlags": [],
    }
    assert found["other"] is None
    assert found["entity"] == {
        "organization": None,
        "user": {"organizations": [{"name": ORGANIZATION, "orgEntity": {"name": ENTITY}}]},
    }
    await shelf.client.data('mutation { createTeam(input: {teamName: "crew"}) { entity { id } } }')
    team = await shelf.client.data('{ entity(name: "crew") { organization { name } user { id } } }')
    assert team == {"entity": {"organization": {"name": ORGANIZATION}, "user": None}}


async def test_a_database_of_earlier_times_gets_an_organization(tmp_path: Path) -> None:
    """Its tables are missing there, and the name that its entity would get is taken."""
    identity = ensure_first_user(tmp_path)
    config = ServerConfig(data_dir=str(tmp_path))

    async def ask(query: str) -> Any:
        app = create_app(config)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://server.test:1",
                auth=("api", identity.api_key),
            ) as http,
        ):
            return (await http.post("/graphql", json={"query": query})).json()["data"]

    await ask("{ viewer { id } }")
    tables = (
        "registry_users", "registry_teams", "registries", "organization_members",
        "organization_teams", "organizations", "alembic_version",
    )  # fmt: skip
    for table in tables:
        sql(tmp_path, f"DROP TABLE {table}")
    query = '{ organization(name: "local-org") { orgEntity { name } } viewer { entity } }'
    found = await ask(query)
    assert found["organization"] == {"orgEntity": {"name": "local-org-entity-2"}}
    assert found["viewer"] == {"entity": "local"}
    assert await ask(query) == found


async def test_only_registries_live_in_an_organization(shelf: Shelf) -> None:
    client = shelf.client
    for query, value in (
        ("upsertBucket(input: $i) { inserted }", {"entityName": ENTITY, "modelName": "p"}),
        ("upsertModel(input: $i) { inserted }", {"entityName": ENTITY, "name": "p"}),
        ("upsertModel(input: $i) { inserted }", {"entityName": ENTITY, "name": "wandb-registry-"}),
        (
            "upsertModel(input: $i) { inserted }",
            {"entityName": ENTITY, "name": "wandb-registry-p", "access": "USER_WRITE"},
        ),
        (
            "createArtifact(input: $i) { artifact { id } }",
            {
                "entityName": ENTITY,
                "projectName": "wandb-registry-p",
                "artifactTypeName": "model",
                "artifactCollectionName": "c",
                "digest": "0",
                "digestAlgorithm": "MANIFEST_MD5",
            },
        ),
    ):
        name = query.partition("(")[0]
        kind = name[0].upper() + name[1:] + "Input"
        answer = await client.post(f"mutation($i: {kind}!) {{ {query} }}", i=value)
        assert answer.status_code in (400, 403), (query, answer.text)
    listed = await client.data(
        'query { organization(name: "local-org") { orgEntity { projects { edges { node { id } } } '
        "} } }"
    )
    assert listed["organization"]["orgEntity"]["projects"]["edges"] == []
    made = await shelf.registry()
    renaming = {"entityName": ENTITY, "oldProjectName": made["name"], "newProjectName": "plain"}
    rename = "mutation($i: RenameProjectInput!) { renameProject(input: $i) { inserted } }"
    assert (await client.post(rename, i=renaming)).status_code == 400


async def test_a_registry_takes_links_of_its_types(shelf: Shelf) -> None:
    data = await shelf.artifacts.log({"a": b"x"})
    made = await shelf.registry(
        description="words",
        access="RESTRICTED",
        allowAllArtifactTypesInRegistry=False,
        artifactTypes=[{"name": "model"}],
    )
    assert made["description"] == "words"
    assert made["access"] == "RESTRICTED"
    assert made["entity"] == {"name": ENTITY, "organization": {"name": ORGANIZATION}}
    assert made["allowAllArtifactTypesInRegistry"] is False
    refused = await shelf.client.post(LINK, i=linking(data, "net", "models"))
    assert refused.status_code == 400
    assert "takes artifacts of the types model, not 'dataset'" in refused.text
    grown = await shelf.registry(artifactTypes=[{"name": "dataset"}, {"name": "model"}])
    assert (grown["description"], grown["access"]) == ("words", "RESTRICTED")
    names = [edge["node"]["name"] for edge in grown["artifactTypes"]["edges"]]
    assert names == ["model", "dataset"]
    assert (await shelf.link(data))["name"] == "net"
    # what stays open takes everything, and remembers what came
    await shelf.registry("open")
    await shelf.link(data, "net", "open")
    types = (await shelf.registry("open"))["artifactTypes"]["edges"]
    assert [edge["node"]["name"] for edge in types] == ["dataset"]


async def test_many_types_are_told_at_once(shelf: Shelf) -> None:
    types = [{"name": f"kind-{number}"} for number in range(120)]
    made = await shelf.registry(artifactTypes=types)
    assert len(made["artifactTypes"]["edges"]) == 120


async def test_searching_registries_collections_and_versions(shelf: Shelf) -> None:
    one = await shelf.artifacts.log({"a": b"x"}, "one", metadata='{"acc": 0.5, "in": {"d": "x"}}')
    two = await shelf.artifacts.log({"a": b"xx"}, "two")
    for name, words in (("models", "for production"), ("mini", None)):
        await shelf.registry(name, description=words)
    await shelf.link(one, "net", "models", "staging")
    await shelf.link(two, "net", "models", "production")
    await shelf.link(one, "tiny", "mini", "production")
    ids = {}
    for name in ("models", "mini"):
        ids[name] = (await shelf.registry(name))["internalId"]
    both = ["net:0", "net:1", "tiny:0"]
    for arguments, expected in (
        ({}, both),
        ({"p": {"name": "wandb-registry-mini"}}, ["tiny:0"]),
        ({"p": {"name": {"$regex": "s$"}}}, ["net:0", "net:1"]),
        ({"p": {"description": {"$contains": "prod"}}}, ["net:0", "net:1"]),
        ({"p": {"description": None}}, ["tiny:0"]),
        ({"c": {"name": {"$in": ["tiny", "none"]}}}, ["tiny:0"]),
        ({"c": {"$not": {"collection_name": "tiny"}}}, ["net:0", "net:1"]),
        ({"f": {"alias": "production"}}, ["net:1", "tiny:0"]),
        ({"f": {"aliases": {"$in": ["staging", "latest"]}}}, both),
        ({"f": {"version": "v1"}}, ["net:1"]),
        ({"f": {"version_index": {"$gte": 1}}}, ["net:1"]),
        ({"f": {"version": {"$in": ["v0", "x"]}}}, ["net:0", "tiny:0"]),
        ({"f": {"metadata.acc": {"$lte": 0.5}}}, ["net:0", "tiny:0"]),
        ({"f": {"artifact_metadata.in.d": "x"}}, ["net:0", "tiny:0"]),
        ({"f": {"$or": [{"artifact_size": 2}, {"alias": "staging"}]}}, ["net:0", "net:1"]),
        ({"f": {"$and": [{"alias": "production"}, {"artifact_size": 1}]}}, ["tiny:0"]),
        ({"f": {"$nor": [{"alias": "production"}]}}, ["net:0"]),
        ({"f": {"linked_at": {"$gt": "2001-01-01T00:00:00"}}}, both),
        ({"order": "-artifact_size"}, ["net:1", "tiny:0", "net:0"]),
        ({"order": "+artifact_size"}, ["net:0", "tiny:0", "net:1"]),
        ({"order": "-acm_created_at"}, ["tiny:0", "net:1", "net:0"]),
    ):
        assert await shelf.versions(**arguments) == expected, arguments
    pages: list[str] = []
    cursor: str | None = None
    while True:
        found = await shelf.client.data(
            VERSIONS, o=ORGANIZATION, first=1, after=cursor, order="+artifact_size"
        )
        page = found["organization"]["orgEntity"]["artifactMemberships"]
        pages += [edge["node"]["artifact"]["artifactSequence"]["name"] for edge in page["edges"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert pages == ["one", "one", "two"]
    listed = await shelf.client.data(
        COLLECTIONS, o=ORGANIZATION, **texts({"p": {"name": {"$regex": "mini"}}})
    )
    found = listed["organization"]["orgEntity"]["artifactCollections"]
    assert found["totalCount"] == 1
    assert [edge["node"]["name"] for edge in found["edges"]] == ["tiny"]
    assert found["edges"][0]["node"]["__typename"] == "ArtifactPortfolio"
    for wrong in ({"p": {"color": 1}}, {"c": {"color": 1}}, {"f": {"color": 1}}, {"order": "color"},
                  {"f": {"alias": {"$regex": "("}}}, {"p": {"name": {"$near": 1}}}):  # fmt: skip
        answer = await shelf.client.post(VERSIONS, o=ORGANIZATION, **texts(wrong))
        assert answer.status_code == 400, wrong


async def test_a_registry_is_open_to_viewers_and_changed_by_members(shelf: Shelf) -> None:
    mine = await shelf.artifacts.log({"a": b"shared", "b": b"more"})
    hidden = await shelf.artifacts.log({"c": b"hush"}, "hidden")
    registry = await shelf.registry()
    await shelf.registry("secret", access="RESTRICTED")
    collection = await shelf.link(mine, "net", "models", "best")
    await shelf.link(mine, "quiet", "secret", "hush")
    bo = await add_user(shelf.client, "bo")
    named = {"r": "wandb-registry-models", "n": "net:best"}

    async def as_bo(query: str, **variables: Any) -> httpx.Response:
        return await post_as(shelf.client, bo, query, **variables)

    found = (await as_bo(NAMED, **named)).json()
    assert "errors" not in found, found
    version = found["data"]["project"]["artifactCollectionMembership"]["artifact"]
    # of the source only its name is told, and nothing of the restricted registry
    assert version["artifactSequence"] == {
        "name": "data",
        "project": {
            "name": "demo",
            "description": "",
            "entity": {"name": "local", "members": [], "projects": {"edges": []}},
            "runs": {"edges": []},
        },
    }
    aliases = [(one["alias"], one["artifactCollection"]["name"]) for one in version["aliases"]]
    assert aliases == [("latest", "net"), ("best", "net"), ("v0", "net")]
    assert len(version["artifactMemberships"]["edges"]) == 1
    files = {edge["node"]["name"]: edge["node"] for edge in version["files"]["edges"]}
    signed = await shelf.client.http.get(files["a"]["directUrl"], auth=anonymous)
    assert signed.content == b"shared"
    address = files["a"]["url"]
    assert (await shelf.client.http.get(address, auth=bo)).content == b"shared"
    # the version opens its own files, not whatever else its owner has
    other = await shelf.artifacts.version("hidden", "files { edges { node { url } } }")
    digest = other["artifact"]["files"]["edges"][0]["node"]["url"].split("/")[-2]
    stolen = "/".join([*address.split("/")[:-2], digest, "c"])
    assert (await shelf.client.http.get(stolen, auth=bo)).status_code == 404
    by_id = "query($i: ID!) { artifact(id: $i) { digest } }"
    assert (await as_bo(by_id, i=hidden["id"])).json()["data"] == {"artifact": None}
    listing = (await as_bo(VERSIONS, o=ORGANIZATION)).json()["data"]["organization"]["orgEntity"]
    assert [e["node"]["artifactCollection"]["name"]
            for e in listing["artifactMemberships"]["edges"]] == ["net"]  # fmt: skip
    secret = (await as_bo(NAMED, r="wandb-registry-secret", n="quiet:latest")).json()
    assert secret["data"] == {"project": None}

    portfolio = {"artifactPortfolioID": collection["id"]}
    there = {"entityName": ENTITY, "projectName": "wandb-registry-models",
             "artifactCollectionName": "net"}  # fmt: skip
    member_writes: list[tuple[str, dict[str, Any]]] = [
        ("linkArtifact(input: $i) { versionIndex }", linking(mine, "copy", "models")),
        ("addAliases(input: $i) { success }",
         {"artifactID": mine["id"], "aliases": [{"alias": "x", **there}]}),
        ("deleteAliases(input: $i) { success }",
         {"artifactID": mine["id"], "aliases": [{"alias": "best", **there}]}),
        ("updateArtifactPortfolio(input: $i) { clientMutationId }",
         {**portfolio, "description": "bo"}),
        ("createArtifactCollectionTagAssignments(input: $i) { tags { name } }",
         {**there, "tags": [{"tagName": "bo"}]}),
        ("unlinkArtifact(input: $i) { success }", {**portfolio, "artifactID": mine["id"]}),
    ]  # fmt: skip
    admin_writes: list[tuple[str, dict[str, Any]]] = [
        ("upsertModel(input: $i) { inserted }",
         {"entityName": ENTITY, "name": "wandb-registry-models", "description": "bo"}),
        ("upsertModel(input: $i) { inserted }", {"id": registry["id"], "description": "bo"}),
        ("renameProject(input: $i) { inserted }",
         {"entityName": ENTITY, "oldProjectName": "wandb-registry-models",
          "newProjectName": "wandb-registry-bo"}),
        ("createProjectMembers(input: $i) { success }", {"projectId": registry["id"]}),
        ("deleteProjectMembers(input: $i) { success }", {"projectId": registry["id"]}),
        ("deleteModel(input: $i) { success }", {"id": registry["id"]}),
    ]  # fmt: skip
    owner_writes: list[tuple[str, dict[str, Any]]] = [
        ("updateArtifact(input: $i) { artifact { id } }",
         {"artifactID": mine["id"], "description": "bo"}),
        ("deleteArtifact(input: $i) { artifact { id } }",
         {"artifactID": mine["id"], "deleteAliases": True}),
    ]  # fmt: skip

    async def statuses(writes: list[tuple[str, dict[str, Any]]]) -> list[int]:
        found: list[int] = []
        for query, value in writes:
            name = query.partition("(")[0]
            kind = name[0].upper() + name[1:] + "Input"
            answer = await as_bo(f"mutation($i: {kind}!) {{ {query} }}", i=value)
            found.append(answer.status_code)
        return found

    refused = [*member_writes, *admin_writes, *owner_writes]
    assert set(await statuses(refused)) == {403}
    user = (await shelf.client.data('{ user(userName: "bo") { id } }'))["user"]["id"]
    await shelf.client.data(INVITE, i={"projectId": registry["id"], "userIds": [user]})
    assert set(await statuses([*member_writes, *admin_writes, *owner_writes])) == {403}
    role = {"projectId": registry["id"], "userId": user}
    await shelf.client.data(ROLE, i={**role, "userProjectRole": "member"})
    assert set(await statuses(admin_writes)) == set(await statuses(owner_writes)) == {403}
    assert set(await statuses(member_writes)) == {200}
    await shelf.client.data(ROLE, i={**role, "userProjectRole": "admin"})
    assert set(await statuses(owner_writes)) == {403}
    assert set(await statuses(admin_writes[1:2])) == {200}
    await shelf.client.data(ROLE, i={**role, "userProjectRole": "restricted_viewer"})
    found = (await as_bo(NAMED, r="wandb-registry-models", n="copy:latest")).json()
    assert found["data"]["project"] == {"artifactCollectionMembership": None}
    seen = (await as_bo(COLLECTIONS, o=ORGANIZATION)).json()["data"]["organization"]["orgEntity"]
    assert seen["artifactCollections"]["totalCount"] == 2


async def test_members_of_a_registry_are_users_and_teams(shelf: Shelf) -> None:
    client = shelf.client
    registry = await shelf.registry(access="RESTRICTED")
    mine = await shelf.artifacts.log({"a": b"x"})
    await shelf.link(mine)
    bo = await add_user(client, "bo")
    made = await post_as(
        client, bo, 'mutation { createTeam(input: {teamName: "crew"}) { entity { id } } }'
    )
    team = made.json()["data"]["createTeam"]["entity"]["id"]
    named = {"r": "wandb-registry-models", "n": "net:latest"}
    assert (await post_as(client, bo, NAMED, **named)).json()["data"] == {"project": None}
    await client.data(INVITE, i={"projectId": registry["id"], "teamIds": [team]})
    found = (await post_as(client, bo, NAMED, **named)).json()["data"]["project"]
    assert found["artifactCollectionMembership"]["artifact"]["id"] == mine["id"]
    assert (await post_as(client, bo, LINK, i=linking(mine, "more", "models"))).status_code == 403
    role = {"projectId": registry["id"], "teamId": team, "teamProjectRole": "member"}
    await client.data(TEAM_ROLE, i=role)
    assert (await post_as(client, bo, LINK, i=linking(mine, "more", "models"))).status_code == 200
    members = (await client.data(MEMBERS, r="wandb-registry-models"))["project"]
    assert [(one["username"], one["role"]["name"]) for one in members["members"]] == [
        ("local", "admin")
    ]
    assert members["teamMembers"] == [{"team": {"name": "crew"}, "role": {"name": "member"}}]
    user = (await client.data('{ user(userName: "bo") { id } }'))["user"]["id"]
    person = (await client.data('{ entity(name: "local") { id } }'))["entity"]["id"]
    for query, value, status in (
        (ROLE, {"projectId": registry["id"], "userId": user, "userProjectRole": "member"}, 404),
        (TEAM_ROLE, {**role, "teamProjectRole": "boss"}, 400),
        (INVITE, {"projectId": registry["id"], "teamIds": [person]}, 404),
        (INVITE, {"projectId": registry["id"], "userIds": ["VXNlcjo5OTk="]}, 404),
    ):
        assert (await client.post(query, i=value)).status_code == status
    plain = (await client.data('{ project(name: "demo") { id } }'))["project"]["id"]
    assert (await client.post(INVITE, i={"projectId": plain})).status_code == 403


async def test_everybody_makes_registries_and_leads_them(shelf: Shelf) -> None:
    bo = await add_user(shelf.client, "bo")
    wanted = {"entityName": ENTITY, "name": "wandb-registry-bos", "access": "RESTRICTED"}
    made = (await post_as(shelf.client, bo, UPSERT, i=wanted)).json()["data"]["upsertModel"]
    assert made["inserted"] is True
    delete = "mutation($i: String!) { deleteModel(input: {id: $i}) { success } }"
    ann = await add_user(shelf.client, "ann")
    project = made["project"]["id"]
    assert (await post_as(shelf.client, ann, delete, i=project)).status_code == 404
    # the name is taken, though ann does not see by what
    assert (await post_as(shelf.client, ann, UPSERT, i=wanted)).status_code == 409
    done = await post_as(shelf.client, bo, delete, i=project)
    assert done.json()["data"] == {"deleteModel": {"success": True}}
