"""Several organizations on one server: their people, teams and registries are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from artifact_client import ArtifactClient
from test_access import post_as
from test_administration import call

if TYPE_CHECKING:
    from server_client import Client

MAKE = "mutation($i: UpsertModelInput!) { upsertModel(input: $i) { project { id } inserted } }"
REGISTRIES = """query($o: String!) { organization(name: $o) { name orgEntity { name
    projects { edges { node { name } } } } } }"""
MINE = "{ viewer { organizations { name orgEntity { name } } } }"


@pytest.fixture
async def people(client: Client) -> dict[str, tuple[str, str]]:
    """`kate` leads `acme`, `bo` is a member there, `vic` a viewer; `eve` is in none of them."""
    found: dict[str, tuple[str, str]] = {}
    for name in ("kate", "bo", "vic", "eve"):
        found[name] = ("api", (await call(client, "POST", "/users", {"username": name}))["api_key"])
    await call(client, "POST", "/organizations", {"name": "acme", "username": "kate"})
    for name, role in (("bo", "member"), ("vic", "viewer")):
        given = {"username": name, "role": role}
        await call(client, "POST", "/organizations/acme/members", given)
    return found


async def data(client: Client, auth: tuple[str, str], query: str, **variables: Any) -> Any:
    answer = await post_as(client, auth, query, **variables)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def registry(name: str, entity: str = "acme-entity", access: str = "PRIVATE") -> dict[str, str]:
    return {"name": f"wandb-registry-{name}", "entityName": entity, "access": access}


async def test_each_sees_the_organizations_that_one_belongs_to(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    for name, wanted in (("kate", "acme"), ("bo", "acme"), ("vic", "acme"), ("eve", "local-org")):
        (own,) = (await data(client, people[name], MINE))["viewer"]["organizations"]
        assert own["name"] == wanted
        other = {"acme": "local-org", "local-org": "acme"}[wanted]
        assert (await data(client, people[name], REGISTRIES, o=other))["organization"] is None
        absent = await post_as(client, people[name], REGISTRIES, o="nowhere")
        hidden = await post_as(client, people[name], REGISTRIES, o=other)
        assert absent.json() == hidden.json()
    # somebody who belongs to both says so by name
    given = {"username": "bo", "role": "member"}
    await call(client, "POST", "/organizations/local-org/members", given)
    both = (await data(client, people["bo"], MINE))["viewer"]["organizations"]
    assert [one["name"] for one in both] == ["local-org", "acme"]


async def test_registries_of_one_are_closed_to_the_other(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    for name, auth in (("models", people["bo"]), ("models", people["kate"])):
        await data(client, auth, MAKE, i=registry(name))
    seen = await data(client, people["vic"], REGISTRIES, o="acme")
    names = [
        edge["node"]["name"] for edge in seen["organization"]["orgEntity"]["projects"]["edges"]
    ]
    assert names == ["wandb-registry-models"]
    by_name = """query($e: String) { project(entityName: $e, name: "wandb-registry-models") {
        id } }"""
    assert (await data(client, people["eve"], by_name, e="acme-entity"))["project"] is None
    for name, status in (("vic", 403), ("eve", 404)):
        answer = await post_as(client, people[name], MAKE, i=registry("mine"))
        assert answer.status_code == status, name
    # the same name in the other organization is another registry
    made = await data(client, people["eve"], MAKE, i=registry("models", "local-org-entity"))
    assert made["upsertModel"]["inserted"] is True


async def test_who_leads_an_organization_leads_its_registries(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    made = await data(client, people["bo"], MAKE, i=registry("hush", access="RESTRICTED"))
    hushed = made["upsertModel"]["project"]["id"]
    seen = await data(client, people["vic"], REGISTRIES, o="acme")
    assert seen["organization"]["orgEntity"]["projects"]["edges"] == []
    change = {"id": hushed, "description": "x"}
    assert (await post_as(client, people["vic"], MAKE, i=change)).status_code == 404
    assert (await post_as(client, people["kate"], MAKE, i=change)).status_code == 200
    assert (await post_as(client, people["eve"], MAKE, i=change)).status_code == 404
    ids = {}
    for name in ("vic", "eve", "kate"):
        query = "query($n: String) { user(userName: $n) { id } }"
        ids[name] = (await client.data(query, n=name))["user"]["id"]
    add = "mutation($i: CreateProjectMembersInput!) { createProjectMembers(input: $i) { success } }"
    # people of another organization are as if they were not there
    given = {"projectId": hushed, "userIds": [ids["eve"]]}
    assert (await post_as(client, people["bo"], add, i=given)).status_code == 404
    await data(client, people["bo"], add, i={"projectId": hushed, "userIds": [ids["vic"]]})
    promote = (
        "mutation($i: UpdateProjectMemberInput!) { updateProjectMember(input: $i) { success } }"
    )
    given = {"projectId": hushed, "userId": ids["vic"], "userProjectRole": "admin"}
    await data(client, people["bo"], promote, i=given)
    # a viewer of the organization sees it now, and remains a viewer
    seen = await data(client, people["vic"], REGISTRIES, o="acme")
    assert len(seen["organization"]["orgEntity"]["projects"]["edges"]) == 1
    assert (await post_as(client, people["vic"], MAKE, i=change)).status_code == 403
    # and who leaves the organization loses sight of it
    await call(client, "DELETE", "/organizations/acme/members/vic")
    assert (await post_as(client, people["vic"], MAKE, i=change)).status_code == 404


async def test_people_of_other_organizations_are_unknown(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    query = "{ users { edges { node { username } } } }"

    async def seen(name: str) -> set[str]:
        found = (await data(client, people[name], query))["users"]["edges"]
        return {edge["node"]["username"] for edge in found}

    assert await seen("bo") == {"kate", "bo", "vic"}
    assert await seen("eve") == {"local", "eve"}
    one = '{ user(userName: "kate") { id } }'
    assert (await data(client, people["eve"], one))["user"] is None
    # in a team with somebody, one knows them
    team = {"name": "crew", "organization": "local-org", "username": "eve"}
    await call(client, "POST", "/teams", team)
    invite = (
        'mutation { createInvite(input: {entityName: "crew", username: "kate"}) { invite { id } } }'
    )
    assert (await post_as(client, people["eve"], invite)).status_code == 404
    await call(client, "POST", "/teams/crew/members", {"username": "kate"})
    assert "kate" in await seen("eve")


async def test_an_address_says_nothing_of_people_elsewhere(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    for name, email in (("far", "far@x"), ("near", "near@x")):
        await call(client, "POST", "/users", {"username": name, "email": email})
    await call(client, "POST", "/organizations/acme/members", {"username": "far"})
    team = {"name": "crew", "organization": "local-org", "username": "eve"}
    await call(client, "POST", "/teams", team)
    invite = (
        'mutation($e: String) { createInvite(input: {entityName: "crew", email: $e}) {'
        " invite { toUser { username } } } }"
    )
    seen = {}
    for name in ("far", "near", "nobody"):
        made = await data(client, people["eve"], invite, e=f"{name}@x")
        seen[name] = made["createInvite"]["invite"]["toUser"]
    assert seen == {"far": None, "near": {"username": "near"}, "nobody": None}
    # and takes nobody out of an organization
    members = (await call(client, "GET", "/organizations/acme/members"))["members"]
    assert {"username": "far", "role": "member"} in members


async def test_a_team_of_somebody_in_another_organization(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    """They know each other by a team; the new one belongs to the organization of who makes it."""
    team = {"name": "crew", "organization": "local-org", "username": "eve"}
    await call(client, "POST", "/teams", team)
    await call(client, "POST", "/teams/crew/members", {"username": "kate"})
    await call(client, "DELETE", "/organizations/local-org/members/kate")
    new = (
        'mutation { createTeam(input: {teamName: "new", teamAdminUserName: "kate"})'
        " { entity { name } } }"
    )
    await data(client, people["eve"], new)
    teams = {one["name"]: one["organization"] for one in (await call(client, "GET", "/teams"))[
        "teams"]}  # fmt: skip
    assert teams["new"] == "local-org"


async def test_teams_belong_to_an_organization(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    for name, organization, head in (("crew", "acme", "kate"), ("others", "local-org", "eve")):
        given = {"name": name, "organization": organization, "username": head}
        await call(client, "POST", "/teams", given)
        query = "query($n: String) { entity(name: $n) { organization { name } } }"
        found = await data(client, people[head], query, n=name)
        assert found["entity"]["organization"] == {"name": organization}
    # a team that somebody makes belongs to that person's organization
    own = 'mutation { createTeam(input: {teamName: "own"}) { entity { organization { name } } } }'
    made = await data(client, people["bo"], own)
    assert made["createTeam"]["entity"]["organization"] == {"name": "acme"}
    await call(client, "DELETE", "/organizations/acme")
    query = '{ entity(name: "own") { organization { name } } }'
    found = await data(client, people["bo"], query)
    assert found["entity"]["organization"] == {"name": "local-org"}
    (mine,) = (await data(client, people["bo"], MINE))["viewer"]["organizations"]
    assert mine["name"] == "local-org"


async def test_a_link_is_read_by_the_organization_alone(
    client: Client, people: dict[str, tuple[str, str]]
) -> None:
    client.http.auth, admin = _basic(people["kate"]), client.http.auth
    await client.upsert("r", entityName="kate")
    artifacts = ArtifactClient(client)
    draft = await artifacts.create(entityName="kate")
    entries = await artifacts.upload(draft["id"], {"x": b"model"})
    await artifacts.manifest(draft["id"], entries, entityName="kate")
    await artifacts.commit(draft["id"])
    await client.data(MAKE, i=registry("models"))
    link = "mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }"
    await client.data(link, i={
        "artifactID": draft["id"], "artifactPortfolioName": "net", "entityName": "acme-entity",
        "projectName": "wandb-registry-models"})  # fmt: skip
    read = "query($id: ID!) { artifact(id: $id) { files { edges { node { url } } } } }"
    client.http.auth = admin
    found = await data(client, people["vic"], read, id=draft["id"])
    url = found["artifact"]["files"]["edges"][0]["node"]["url"]
    assert (await client.http.get(url, auth=people["vic"])).content == b"model"
    assert (await data(client, people["eve"], read, id=draft["id"]))["artifact"] is None
    assert (await client.http.get(url, auth=people["eve"])).status_code == 404


def _basic(auth: tuple[str, str]) -> Any:
    import httpx

    return httpx.BasicAuth(*auth)
