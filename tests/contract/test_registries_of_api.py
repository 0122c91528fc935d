"""Registries through the Api, on a server: made, changed, linked to, searched, in both faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from artifact_logging import log

import asyncwb.sync as blocking
import asyncwb.sync.api as blocking_api
from asyncwb.api import Api, MemberRole, Registry
from asyncwb.artifacts.artifact import Artifact
from asyncwb.errors import (
    ArtifactNotFoundError,
    CommError,
    InvalidValueError,
    RegistryNotFoundError,
    UsageError,
)
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ORGANIZATION, ENTITY = "local-org", "local-org-entity"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def api(server: LocalServer) -> Api:
    return Api({**server.settings, "project": "demo"})


@pytest.fixture
async def models(api: Api) -> AsyncIterator[Registry]:
    made = await api.create_registry("models", "organization", description="chosen")
    yield made
    await made.delete()


async def version(api: Api, name: str, text: str, kind: str = "model") -> Artifact:
    artifact = Artifact(name, kind)
    with artifact.new_file("a.txt") as file:
        file.write(text)
    return await log(api, artifact)


async def test_organizations(api: Api) -> None:
    for found in (await api.organization(), await api.organization(ORGANIZATION)):
        assert (found.name, found.org_entity.name) == (ORGANIZATION, ENTITY)
        assert found.org_entity.entity_type == "organization"
        assert found.id
    with pytest.raises(RegistryNotFoundError, match="'nowhere'"):
        await api.organization("nowhere")


async def test_a_registry_is_made_changed_and_deleted(api: Api) -> None:
    made = await api.create_registry(
        "first", "restricted", description="words", artifact_types=["model", "model"]
    )
    assert (made.name, made.full_name) == ("first", "wandb-registry-first")
    assert (made.organization, made.entity) == (ORGANIZATION, ENTITY)
    assert made.path == [ENTITY, "wandb-registry-first"]
    assert (made.description, made.visibility) == ("words", "restricted")
    assert (made.allow_all_artifact_types, list(made.artifact_types)) == (False, ["model"])
    assert made.created_at
    assert made.updated_at
    assert repr(made) == f"<Registry {ORGANIZATION}/wandb-registry-first>"
    with pytest.raises(InvalidValueError, match="has a registry 'first' already"):
        await api.create_registry("wandb-registry-first", "organization")

    made.name, made.description, made.visibility = "second", "other words", "organization"
    made.artifact_types.append("dataset")
    await made.save()
    assert made.artifact_types.draft == ()
    with pytest.raises(InvalidValueError, match="is saved"):
        made.artifact_types.remove("dataset")
    for name in ("second", "wandb-registry-second"):
        again = await api.registry(name, organization=ORGANIZATION)
        assert again.id == made.id
        assert (again.description, again.visibility) == ("other words", "organization")
        assert list(again.artifact_types) == ["model", "dataset"]
    with pytest.raises(RegistryNotFoundError, match="'first' in the organization 'local-org'"):
        await api.registry("first")

    again.description, again.name = "lost", "lost"
    again.artifact_types.append("lost")
    await again.load()
    assert (again.name, again.description, again.artifact_types.draft) == (
        "second",
        "other words",
        (),
    )
    again.allow_all_artifact_types = True
    again.artifact_types.append("table")
    with pytest.raises(InvalidValueError, match="set allow_all_artifact_types to False first"):
        await again.save()
    again.artifact_types.remove("table")
    await again.save()
    assert (await api.registry("second")).allow_all_artifact_types

    other = await api.create_registry("other", "organization")
    other.name, other.description = "second", "saved before the name was refused"
    with pytest.raises(CommError, match="exists already"):
        await other.save()
    assert (await api.registry("other")).description == "saved before the name was refused"
    await other.delete()
    await made.delete()
    for call in (made.load(), made.user_members(), made.team_members(), made.members()):
        with pytest.raises(RegistryNotFoundError):
            await call
    with pytest.raises(CommError):
        await made.delete()


async def test_wrong_arguments_are_refused_before_anything_is_sent(api: Api) -> None:
    with pytest.raises(InvalidValueError, match="1 to 113 characters"):
        await api.create_registry("x" * 114, "organization")
    with pytest.raises(InvalidValueError, match="'organization' or 'restricted'"):
        await api.create_registry("x", "public")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="artifact type"):
        await api.create_registry("x", "organization", artifact_types=["a/b"])
    with pytest.raises(RegistryNotFoundError):
        await api.create_registry("x", "organization", "nowhere")
    for call in (
        lambda: api.registries(filter={"color": 1}),
        lambda: api.registries(order="color"),
        lambda: api.registries(per_page=0),
        lambda: api.registries().collections(filter={"alias": 1}),
        lambda: api.registries().collections(order="-size"),
        lambda: api.registries().versions(filter={"size": 1}),
        lambda: api.registries().collections().versions(order="name"),
    ):
        with pytest.raises(InvalidValueError):
            call()
    assert await api.registries().length() == 0


async def test_linking_into_a_registry(api: Api, models: Registry) -> None:
    one = await version(api, "net", "one")
    link = await one.link("wandb-registry-models/best", ["staging"])
    assert link.is_link
    assert link.qualified_name == f"{ENTITY}/wandb-registry-models/best:v0"
    assert link.source_qualified_name == one.source_qualified_name
    assert sorted(link.aliases) == ["latest", "staging"]
    selection = f"{ENTITY}%2Fwandb-registry-models%2Fbest"
    assert link.url.endswith(
        f"/orgs/{ORGANIZATION}/registry/models?selectionPath={selection}&view=membership&version=v0"
    )
    two = await (await version(api, "net", "two")).link(
        f"{ORGANIZATION}/wandb-registry-models/best"
    )
    assert (two.version, sorted(two.aliases)) == ("v1", ["latest"])
    # a link of a link is one of the source
    copied = await link.link(f"{ENTITY}/wandb-registry-models/copy")
    assert copied.source_qualified_name == one.source_qualified_name
    for path in ("local/wandb-registry-models/best", "nowhere/wandb-registry-models/best"):
        with pytest.raises(InvalidValueError, match="registries belong to organizations"):
            await one.link(path)
    with pytest.raises(CommError, match="not found"):
        await one.link("wandb-registry-nowhere/best")
    with pytest.raises(InvalidValueError, match="without an alias"):
        await one.link("wandb-registry-models/best:v0")

    for path in (
        "wandb-registry-models/best:staging",
        f"{ORGANIZATION}/wandb-registry-models/best:v0",
        f"{ENTITY}/wandb-registry-models/best:staging",
    ):
        found = await api.artifact(path, type="model")
        assert (found.id, found.version, found.is_link) == (one.id, "v0", True)
        assert await api.artifact_exists(path)
    assert not await api.artifact_exists("wandb-registry-models/best:never")
    assert not await api.artifact_exists("wandb-registry-nowhere/best")
    with pytest.raises(InvalidValueError, match="registries belong to organizations"):
        await api.artifact("local/wandb-registry-models/best:staging")
    listed = api.artifacts("model", "wandb-registry-models/best", order="+created_at")
    assert [one.version async for one in listed] == ["v0", "v1"]
    kinds = [one.name async for one in api.artifact_types("wandb-registry-models")]
    assert kinds == ["model"]
    assert (await api.artifact_type("model", "wandb-registry-models")).name == "model"
    inside = api.artifact_collections(f"{ORGANIZATION}/wandb-registry-models", order="name")
    assert [one.name async for one in inside] == ["best", "copy"]
    assert await api.artifact_collection_exists("wandb-registry-models/best", "model")

    found = await api.artifact("wandb-registry-models/best:staging")
    found.aliases = ["production"]
    await found.save()
    assert await api.artifact_exists("wandb-registry-models/best:production")
    with pytest.raises(ArtifactNotFoundError):
        await api.artifact("wandb-registry-models/best:staging")
    await found.unlink()
    assert [one.version async for one in models.versions({"version": "v1"})] == ["v1"]
    assert not await api.artifact_exists("wandb-registry-models/best:v0")
    assert await api.artifact_exists("net:v0")


async def test_only_the_types_of_a_registry_are_linked(api: Api) -> None:
    picky = await api.create_registry("picky", "organization", artifact_types=["model"])
    data = await version(api, "rows", "1,2", "dataset")
    with pytest.raises(CommError, match="takes artifacts of the types model, not 'dataset'"):
        await data.link("wandb-registry-picky/rows")
    picky.artifact_types.append("dataset")
    await picky.save()
    assert (await data.link("wandb-registry-picky/rows")).is_link
    await picky.delete()


async def test_searching(api: Api, models: Registry) -> None:
    mini = await api.create_registry("mini", "organization")
    for name, text, where, aliases in (
        ("a", "1", "models/net", ["old"]),
        ("b", "12", "models/net", ["production"]),
        ("c", "123", "models/bert", []),
        ("d", "1234", "mini/bert", ["production"]),
    ):
        await (await version(api, name, text)).link(f"wandb-registry-{where}", aliases)
    net = await models.collections({"name": "net"}).get(0)
    net.tags, net.description = ["vision"], "pictures"
    await net.save()
    assert [one.name async for one in api.registries()] == ["models", "mini"]
    assert [one.name async for one in api.registries(order="name", per_page=1)] == [
        "mini",
        "models",
    ]
    assert await api.registries(ORGANIZATION, {"name": {"$in": ["mini"]}}).length() == 1
    every = api.registries(per_page=1)
    assert (await every.get(-1)).name == "mini"
    with pytest.raises(IndexError):
        await every.get(2)
    collections = models.collections({"tag": "vision"})
    assert [(one.name, one.description) async for one in collections] == [("net", "pictures")]
    assert await models.collections().length() == 2
    assert await api.registries().collections(order="-name", per_page=2).length() == 3
    found = [one.name async for one in collections.versions({"alias": {"$ne": "old"}})]
    assert found == ["net:v1"]
    found = [one.qualified_name async for one in api.registries().versions({"alias": "production"})]
    assert found == [f"{ENTITY}/wandb-registry-{one}:v{number}" for one, number in (
        ("models/net", 1), ("mini/bert", 0))]  # fmt: skip
    # ordered registries are searched one after the other
    ordered = api.registries(order="name").versions(order="-artifact_size", per_page=1)
    expected = ["bert:v0", "bert:v0", "net:v1", "net:v0"]
    assert [one.name async for one in ordered] == expected
    assert (await ordered.length(), (await ordered.get(1)).project) == (4, "wandb-registry-models")
    chain = api.registries(order="-name").collections(order="name", per_page=1)
    assert [one.name async for one in chain] == ["bert", "net", "bert"]
    assert (await chain.length(), (await chain.get(2)).project) == (3, "wandb-registry-mini")
    below = models.collections(order="-name").versions(order="+linked_at", per_page=1)
    assert [one.name async for one in below] == ["net:v0", "net:v1", "bert:v0"]
    nothing = api.registries(filter={"name": "none"}, order="name")
    assert await nothing.versions().length() == await nothing.collections().length() == 0
    one = await mini.collections().get(0)
    assert one.project_internal_id == mini.internal_id
    await mini.delete()
    with pytest.raises(ArtifactNotFoundError):
        await one.load()


async def test_members(api: Api, models: Registry) -> None:
    (leader,) = await models.user_members()
    assert (leader.user.username, leader.role) == ("local", MemberRole.ADMIN)
    assert await models.team_members() == []
    assert [one.kind for one in await models.members()] == ["user"]
    changed = await models.update_member(leader, "viewer")
    assert changed is models
    assert [one.role for one in await models.user_members()] == ["viewer"]
    await models.remove_members(leader)
    await models.remove_members(leader)
    assert await models.members() == []
    viewer = await api.viewer()
    await models.add_members(viewer, str(viewer.id))
    assert [one.role for one in await models.user_members()] == [MemberRole.ADMIN]
    with pytest.raises(InvalidValueError, match="at least one"):
        await models.add_members()
    with pytest.raises(InvalidValueError, match="a role is one of"):
        await models.update_member(viewer, "boss")
    with pytest.raises(InvalidValueError, match="a member of a registry is"):
        await models.remove_members("local")
    await models.remove_members(viewer)
    with pytest.raises(CommError, match="not a member"):
        await models.update_member(viewer, MemberRole.MEMBER)


def test_the_blocking_face(server: LocalServer) -> None:
    api = blocking.Api({**server.settings, "project": "demo"})
    registry = api.create_registry("plain", visibility="organization", artifact_types=["model"])
    assert [one.name for one in api.registries()] == ["plain"]
    assert len(api.registries()) == 1
    assert api.registries()[0].id == registry.id
    registry.artifact_types.append("dataset")
    registry.save()
    assert list(api.registry("plain").artifact_types) == ["model", "dataset"]
    assert len(registry.collections()) == 0
    assert list(registry.versions()) == list(api.registries().collections().versions()) == []
    (member,) = registry.members()
    assert isinstance(member, blocking_api.UserMember)
    assert (member.kind, member.role, member.user.username) == ("user", "admin", "local")
    # a blocking user: its methods block
    assert isinstance(member.user, blocking_api.User)
    assert isinstance(member.user.generate_api_key("for a test"), str)
    team = api.create_team("registry-team")
    registry.add_members(team)
    (theirs,) = registry.team_members()
    assert isinstance(theirs.team, blocking_api.Team)
    assert (theirs.kind, theirs.team.name) == ("team", "registry-team")
    assert [one.kind for one in registry.members()] == ["user", "team"]
    registry.remove_members(theirs)
    assert registry.team_members() == []
    assert registry.update_member(member, "member").remove_members(member) == registry
    assert registry.user_members() == []
    assert api.organization().name == ORGANIZATION
    registry.delete()
    with pytest.raises(blocking.RegistryNotFoundError):
        registry.load()
    with pytest.raises(UsageError):
        api.registries(per_page=0)


async def test_listings_begin_at_a_cursor(api: Api) -> None:
    for number in range(3):
        await api.create_registry(f"paged{number}", "organization", artifact_types=["model"])
    wanted = {"name": {"$regex": "paged"}}
    whole = api.registries(filter=wanted, order="name", per_page=1)
    names = [one.name for one in await whole.slice(0, None)]
    assert names == ["paged0", "paged1", "paged2"]
    first = api.registries(filter=wanted, order="name", per_page=1)
    assert (await first.next()).name == "paged0"
    assert first.more
    rest = api.registries(filter=wanted, order="name", per_page=1, start=first.cursor)
    assert rest.cursor == first.cursor
    assert [one.name async for one in rest] == names[1:]
    assert (await whole.get(-1)).name == "paged2"
    for one in [found async for found in whole]:
        collections = one.collections(per_page=1)
        assert (await collections.length(), collections.per_page, collections.more) == (0, 1, False)
    with pytest.raises(InvalidValueError, match="no cursor of this listing"):
        await api.registries(order="name").collections(start="x").length()
    with pytest.raises(InvalidValueError, match="per_page"):
        api.registries(per_page=0)
    for one in [found async for found in whole]:
        await one.delete()
