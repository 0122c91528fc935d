"""Registries: the unmodified wandb package and asyncwb do and see the same on one server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from asyncwb.api import AddOnlyArtifactTypesList, Api, TeamMember, UserMember
from asyncwb.api.registries.filters import Kind, check_order, checked, sent
from asyncwb.errors import InvalidValueError, UnsupportedError
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterator

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """One for each test: listings are of everything that a server has."""
    with local_server() as running:
        yield running


START = """
import json, os, pathlib
for name in ("CACHE", "DATA", "ARTIFACT"):
    os.environ[f"WANDB_{name}_DIR"] = os.path.abspath(name.lower())
import wandb
api = wandb.Api()
out = {}

def result(value):
    print("RESULT " + json.dumps(value))

def error_of(call):
    try:
        call()
    except Exception as exc:
        return type(exc).__name__

def facts(registry):
    return [
        registry.id, registry.internal_id, registry.name, registry.full_name, registry.entity,
        registry.organization, registry.description or "", registry.visibility,
        registry.allow_all_artifact_types, list(registry.artifact_types), registry.created_at,
        registry.path,
    ]

def log(run, name, kind, text, **more):
    made = wandb.Artifact(name, type=kind, **more)
    with made.new_file("a.txt") as file:
        file.write(text)
    return run.log_artifact(made).wait()
"""

# {name: (filter of registries, of collections, of versions, their orders)}
SEARCHES: dict[str, tuple[Any, Any, Any, list[str | None]]] = {
    "all": (None, None, None, [None, None, None]),
    "registry by name": ({"name": "models"}, None, None, [None, None, None]),
    "registry by full name": ({"name": "wandb-registry-models"}, None, None, [None] * 3),
    "registries by pattern": ({"name": {"$regex": "^wandb-registry-m"}}, None, None, [None] * 3),
    "registries of a list": ({"name": {"$in": ["models", "none"]}}, None, None, [None] * 3),
    "no registry": ({"name": {"$not": {"$regex": "."}}}, None, None, [None] * 3),
    "collections": (None, {"name": {"$regex": "net$"}, "tag": "nlp"}, None, [None] * 3),
    "either collection": (
        None, {"$or": [{"name": "resnet"}, {"tag": {"$in": ["nlp"]}}]}, None, [None] * 3,
    ),
    "not a collection": (None, {"$nor": [{"name": "resnet"}]}, None, [None] * 3),
    "alias": (None, None, {"alias": "production"}, [None] * 3),
    "version": (None, None, {"version": "v1"}, [None] * 3),
    "tag or alias": (
        None, None, {"$or": [{"tag": "good"}, {"alias": "production"}]}, [None] * 3,
    ),
    "tag": (None, None, {"$and": [{"tag": {"$in": ["good", "x"]}}]}, [None] * 3),
    "metadata": (None, None, {"metadata.acc": {"$gt": 0.5}}, [None] * 3),
    "nested metadata": (None, None, {"metadata.data.name": {"$contains": "co"}}, [None] * 3),
    "not": (None, None, {"alias": {"$ne": "production"}}, [None] * 3),
    "size": (None, None, {"artifact_size": {"$gte": 5}}, [None] * 3),
    "time": (None, None, {"created_at": {"$lt": "2001-01-01"}}, [None] * 3),
    "ordered versions": (None, None, None, [None, None, "-artifact_size"]),
    "ordered collections": (None, None, None, [None, "-name", None]),
    "ordered registries": (None, None, None, ["-name", "+name", "linked_at"]),
    "everything": (
        {"name": {"$regex": "m"}}, {"tag": "nlp"}, {"alias": "latest"}, ["name", "-name", None],
    ),
}  # fmt: skip


async def names(found: AsyncIterable[Any]) -> list[str]:
    return [one.name async for one in found]


async def facts(registry: Any) -> list[Any]:
    return [
        registry.id, registry.internal_id, registry.name, registry.full_name, registry.entity,
        registry.organization, registry.description or "", registry.visibility,
        registry.allow_all_artifact_types, list(registry.artifact_types), registry.created_at,
        registry.path,
    ]  # fmt: skip


async def test_the_package_makes_links_and_searches_and_we_find_the_same(
    server: LocalServer, sdk: Callable[..., Any]
) -> None:
    found = sdk(
        START
        + f"""
models = api.create_registry("models", visibility="organization", description="chosen ones")
out["models"] = facts(models)
plain = api.create_registry("mini", "restricted", artifact_types=["model"])
out["mini"] = facts(plain)
out["again"] = error_of(lambda: api.create_registry("models", visibility="organization"))
out["missing"] = error_of(lambda: api.registry("nowhere"))
drafts = api.create_registry("drafts", visibility="organization")
with wandb.init(project="work", id="maker") as run:
    small = log(run, "cnn", "model", "x", metadata={{"acc": 0.25}})
    big = log(run, "cnn", "model", "x" * 100, metadata={{"acc": 0.75, "data": {{"name": "coco"}}}})
    data = log(run, "corpus", "dataset", "words")
    linked = run.link_artifact(small, "wandb-registry-models/resnet", aliases=["staging"])
    out["linked"] = linked and [linked.version, linked.is_link, linked.entity, linked.project]
    run.link_artifact(big, "wandb-registry-models/resnet", aliases=["production"])
    draft = wandb.Artifact("fresh", type="model")
    with draft.new_file("a.txt") as file:
        file.write("fresh")
    new = run.link_artifact(draft, "local-org/wandb-registry-drafts/direct", aliases=["now"])
    out["direct"] = new and [new.version, sorted(new.aliases), new.source_qualified_name]
link = data.link("local-org/wandb-registry-models/bertnet", aliases=["production"])
out["link"] = [link.name, sorted(link.aliases), link.qualified_name, link.source_qualified_name]
out["draft in a registry"] = [v.source_qualified_name for v in drafts.versions({{"alias": "now"}})]
drafts.delete()
small.link("local-org-entity/wandb-registry-mini/mobilenet")
out["wrong type"] = error_of(lambda: data.link("wandb-registry-mini/corpora"))
out["wrong organization"] = error_of(lambda: data.link("local/wandb-registry-models/x"))
big.tags.append("good")
big.save()
for name in ("bertnet", "mobilenet"):
    where = "models" if name == "bertnet" else "mini"
    kind = "dataset" if name == "bertnet" else "model"
    collection = api.artifact_collection(kind, f"wandb-registry-{{where}}/{{name}}")
    collection.tags = ["nlp"]
    collection.description = "of " + where
    collection.save()
read = api.artifact("wandb-registry-models/resnet:production")
out["read"] = [read.version, read.digest, sorted(read.aliases), read.source_version]
out["same"] = api.artifact("local-org/wandb-registry-models/resnet:v1").id == read.id
root = read.download(root="here")
out["bytes"] = len(pathlib.Path(root, "a.txt").read_text())
out["searches"] = {{}}
for name, (registries, collections, versions, orders) in {SEARCHES!r}.items():
    def all_of():
        return api.registries(filter=registries, order=orders[0])
    def within():
        return all_of().collections(filter=collections, order=orders[1])
    out["searches"][name] = [
        [r.name for r in all_of()],
        [c.name for c in within()],
        [v.qualified_name for v in within().versions(filter=versions, order=orders[2])],
        [v.qualified_name for v in all_of().versions(filter=versions, order=orders[2])],
    ]
only = api.registry("models")
out["only"] = [
    [c.name for c in only.collections({{"tag": "nlp"}})],
    [v.name for v in only.versions({{"tag": "good"}})],
    len(only.collections()),
]
out["pages"] = [v.name for v in api.registries(per_page=1).versions(per_page=1)]
out["bad"] = [
    error_of(lambda: api.registries(filter={{"color": 1}})),
    error_of(lambda: list(api.registries().versions(filter={{"color": 1}}))),
    error_of(lambda: api.registries(order="color")),
    error_of(lambda: list(api.registries("no-such-organization"))),
]
result(out)
"""
    )
    organization, entity = "local-org", "local-org-entity"
    assert found["linked"] == ["v0", True, entity, "wandb-registry-models"]
    assert found["direct"] == ["v0", ["latest", "now"], "local/work/fresh:v0"]
    assert found["draft in a registry"] == ["local/work/fresh:v0"]
    assert found["link"] == [
        "bertnet:v0",
        ["latest", "production"],
        f"{entity}/wandb-registry-models/bertnet:v0",
        "local/work/corpus:v0",
    ]
    assert found["read"][:1] + found["read"][2:] == ["v1", ["latest", "production"], "v1"]
    assert (found["same"], found["bytes"]) == (True, 100)
    assert found["models"][2:10] == [
        "models", "wandb-registry-models", entity, organization, "chosen ones", "organization",
        True, [],
    ]  # fmt: skip
    assert found["mini"][7:10] == ["restricted", False, ["model"]]
    assert found["again"] == "ValueError"
    assert found["missing"] == "ValueError"
    assert found["wrong organization"] == "CommError"
    assert found["wrong type"] == "CommError"
    assert found["bad"] == ["ValidationError", "ValidationError", "ValidationError", "ValueError"]
    assert found["only"] == [["bertnet"], ["resnet:v1"], 2]
    searches = found["searches"]
    one, two = (f"{entity}/wandb-registry-models/resnet:v{number}" for number in (0, 1))
    bert = f"{entity}/wandb-registry-models/bertnet:v0"
    mobile = f"{entity}/wandb-registry-mini/mobilenet:v0"
    everything = [one, two, bert, mobile]
    assert searches["all"] == [
        ["models", "mini"], ["resnet", "bertnet", "mobilenet"], everything, everything,
    ]  # fmt: skip
    assert searches["no registry"] == [[], [], [], []]
    assert searches["collections"][1:3] == [["bertnet", "mobilenet"], [bert, mobile]]
    assert searches["alias"][2] == [two, bert]
    assert searches["version"][2] == searches["metadata"][2] == searches["tag"][2] == [two]
    assert searches["nested metadata"][2] == [two]
    assert searches["tag or alias"][2] == searches["size"][2] == [two, bert]
    assert searches["not"][2] == [one, mobile]
    assert searches["time"][2] == []
    assert searches["either collection"][1] == ["resnet", "bertnet", "mobilenet"]
    assert searches["not a collection"][1] == ["bertnet", "mobilenet"]
    assert searches["everything"][2] == [mobile, bert]
    assert searches["ordered versions"][2][:2] == [two, bert]
    assert searches["ordered registries"][0] == ["models", "mini"]
    assert searches["ordered collections"][1] == ["resnet", "mobilenet", "bertnet"]
    assert found["pages"] == ["resnet:v0", "resnet:v1", "bertnet:v0", "mobilenet:v0"]

    api = Api(server.settings)
    for name in ("models", "mini"):
        ours = await facts(await api.registry(name))
        ours[9] = ours[9] if name == "mini" else []
        assert ours == found[name]
    # the types of what was linked in the meantime
    assert list((await api.registry("models")).artifact_types) == ["model", "dataset"]
    for name, (registries, collections, versions, orders) in SEARCHES.items():
        listed = api.registries(filter=registries, order=orders[0])
        within = listed.collections(collections, order=orders[1])
        ours = [
            await names(listed),
            await names(within),
            [v.qualified_name async for v in within.versions(versions, order=orders[2])],
            [v.qualified_name async for v in listed.versions(versions, order=orders[2])],
        ]
        assert ours == searches[name], name
    only = await api.registry("models")
    assert await names(only.collections({"tag": "nlp"})) == ["bertnet"]
    assert await names(only.versions({"tag": "good"})) == ["resnet:v1"]
    assert await only.collections().length() == 2
    read = await api.artifact("wandb-registry-models/resnet:production")
    assert [read.version, read.digest, sorted(read.aliases), read.source_version] == found["read"]


async def test_we_make_link_and_change_and_the_package_finds_the_same(
    server: LocalServer, sdk: Callable[..., Any]
) -> None:
    sdk(
        START
        + """
with wandb.init(project="source", id="maker") as run:
    log(run, "net", "model", "one")
    log(run, "net", "model", "two")
"""
    )
    api = Api({**server.settings, "project": "source"})
    made = await api.create_registry("ours", "restricted", artifact_types=["model"])
    made.artifact_types.append("weights")
    made.description, made.name = "by us", "renamed"
    made.visibility = "organization"
    await made.save()
    one = await (await api.artifact("net:v0")).link("wandb-registry-renamed/chosen", ["first"])
    await (await api.artifact("net:v1")).link("local-org/wandb-registry-renamed/chosen")
    found = sdk(
        START
        + """
registry = api.registry("renamed")
out["facts"] = facts(registry)
out["gone"] = error_of(lambda: api.registry("ours"))
out["versions"] = [[v.name, sorted(v.aliases)] for v in registry.versions()]
out["types"] = [t.name for t in api.artifact_types("wandb-registry-renamed")]
out["url"] = api.artifact("wandb-registry-renamed/chosen:first").url
registry.artifact_types.append("dataset")
registry.allow_all_artifact_types = False
registry.save()
api.artifact("wandb-registry-renamed/chosen:first").unlink()
out["rest"] = [v.name for v in registry.versions()]
result(out)
"""
    )
    assert found["facts"] == [*(await facts(made))[:9], ["model", "weights"], *found["facts"][10:]]
    assert found["gone"] == "ValueError"
    assert found["versions"] == [["chosen:v0", ["first"]], ["chosen:v1", ["latest"]]]
    assert found["types"] == ["model", "weights"]
    assert found["url"] == one.url
    assert found["rest"] == ["chosen:v1"]
    await made.load()
    assert list(made.artifact_types) == ["model", "weights", "dataset"]
    assert await names(made.versions()) == ["chosen:v1"]
    await made.delete()
    gone = sdk(START + 'result([error_of(lambda: api.registry("renamed")), '
               'api.artifact_exists("source/net:v1")])')  # fmt: skip
    assert gone == ["ValueError", True]


# what both are given: (kind, whether the server searches the advanced way, filter)
FILTERS: list[tuple[Kind, bool, Any]] = [
    ("registry", False, {"name": "a", "id": 1}),
    ("registry", False, {"name": {"$in": ["a", "wandb-registry-b"]}, "created_at": {"$gt": "x"}}),
    ("registry", False, {"$or": [{"name": {"$regex": "a"}}, {"name": {"$not": {"$regex": "b"}}}]}),
    ("registry", False, {"$nor": [{"name": {"$contains": "a"}}], "name": {"$exists": True}}),
    ("registry", False, {"tag": "a"}),
    ("registry", True, {"id": 1, "name": {"$eq": "a"}}),
    ("registry", True, {"description": "a"}),
    ("collection", False, {"collection_id": 1, "tag": {"$in": ["x"]}, "description": None}),
    ("collection", False, {"tags": "x"}),
    ("collection", True, {"artifact_collection_name": "x", "tags": "y", "id": 3}),
    ("version", False, {"metadata.a.b": {"$gte": 1}, "updated_at": "x", "alias": "x"}),
    ("version", False, {"linked_at": "x"}),
    ("version", True, {"aliases": "x", "artifact_metadata.a": 1, "version_index": 3}),
    ("version", True, {"$and": [{"linked_at": {"$lt": "x"}}, {"created_at": "x"}, {"id": 1}]}),
    ("version", True, {"updated_at": "x"}),
    ("version", True, {"tag": 1, "tags": 2}),
]
ORDERS = [
    ("registry", "name"), ("registry", "-updated_at"), ("registry", "id"),
    ("collection", "+created_at"), ("collection", "tag"),
    ("version", "created_at"), ("version", "-linked_at"), ("version", "artifact_size"),
    ("version", "name"), ("version", "+-name"),
]  # fmt: skip


def test_filters_and_orders_are_sent_as_by_the_package(sdk: Callable[..., Any]) -> None:
    theirs = sdk(
        f"""
import json
from pydantic import TypeAdapter
from wandb.apis.public.registries import registries_search as search

def read(name, given):
    try:
        return TypeAdapter(getattr(search, name)).validate_python(given)
    except ValueError:
        return "refused"

ways = {{False: "_Basic", True: "_Advanced"}}
print("RESULT " + json.dumps([
    [read(ways[advanced] + kind.capitalize() + "Filter", given)
     for kind, advanced, given in {FILTERS!r}],
    [read("_" + kind.capitalize() + "Order", given) for kind, given in {ORDERS!r}],
]))
"""
    )
    ours: list[list[Any]] = [[], []]
    for kind, advanced, given in FILTERS:
        try:
            text = sent(checked(given, kind, searched=True), kind, advanced=advanced)
            ours[0].append(json.loads(text or "null"))
        except (InvalidValueError, UnsupportedError):
            ours[0].append("refused")
    for kind, order in ORDERS:
        try:
            ours[1].append(check_order(order, cast("Kind", kind)))
        except InvalidValueError:
            ours[1].append("refused")
    assert ours == theirs
    assert [one for one in theirs[0] if one == "refused"] == ["refused"] * 6
    assert theirs[1].count("refused") == 4


def test_the_list_of_types_is_that_of_the_package(sdk: Callable[..., Any]) -> None:
    script = """
def play(make):
    types = make(["model", "dataset"])
    seen = []
    for step in (
        lambda: types.append("a"), lambda: types.append("model"), lambda: types.extend("bcd"),
        lambda: types.remove("b"), lambda: types.remove("model"), lambda: types.remove("zzz"),
        lambda: types.insert(2, "first"), lambda: types.insert(-1, "late"),
        lambda: types.insert(0, "never"), lambda: types.insert(99, "last"),
        lambda: types.insert(3, "a"), lambda: types.__setitem__(3, "other"),
        lambda: types.__setitem__(0, "no"), lambda: types.__delitem__(0),
        lambda: types.__delitem__(-1), lambda: types.__setitem__(77, "x"), lambda: types.pop(),
    ):
        try:
            step()
            error = None
        except (ValueError, IndexError):
            error = "refused"
        seen.append([error, list(types), list(types.draft), len(types)])
    return seen + [types == list(types), "model" in types, types[1:3], types[-1]]
"""
    theirs = sdk(
        "import json\nfrom wandb.apis.public.registries._freezable_list import "
        "AddOnlyArtifactTypesList\n"
        + script
        + 'print("RESULT " + json.dumps(play(AddOnlyArtifactTypesList)))'
    )
    names: dict[str, Any] = {}
    exec(script, names)
    assert names["play"](AddOnlyArtifactTypesList) == theirs


async def test_members_of_both(server: LocalServer, sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
registry = api.create_registry("crew", visibility="restricted")
ann = api.create_user("ann@example.org")
team = api.create_team("builders")
out["first"] = [[m.user.username, m.role] for m in registry.user_members()]
registry.add_members(api.user("ann"), team)
registry.add_members(api.user("ann").id)
registry.update_member(api.user("ann"), "member").update_member(team, "restricted_viewer")
out["users"] = [[m.user.id, m.user.username, m.role] for m in registry.user_members()]
out["teams"] = [[m.team.id, m.team.name, m.role] for m in registry.team_members()]
out["bad"] = [
    error_of(lambda: registry.add_members()),
    error_of(lambda: registry.update_member(team, "boss")),
]
result(out)
"""
    )
    assert found["first"] == [["local", "admin"]]
    assert [one[1:] for one in found["users"]] == [["local", "admin"], ["ann", "member"]]
    assert [one[1:] for one in found["teams"]] == [["builders", "restricted_viewer"]]
    assert None not in found["bad"]
    registry = await Api(server.settings).registry("crew")
    users, teams = await registry.user_members(), await registry.team_members()
    assert [[m.user.id, m.user.username, m.role] for m in users] == found["users"]
    assert [[m.team.id, m.team.name, m.role] for m in teams] == found["teams"]
    kinds = [type(member) for member in await registry.members()]
    assert kinds == [UserMember, UserMember, TeamMember]
    again = await registry.remove_members(users[1], teams[0].team)
    assert again is registry
    await registry.remove_members(users[1].user)
    await registry.add_members(str(users[1].user.id))
    rest = sdk(
        START
        + """
registry = api.registry("crew")
result([[m.user.username, m.role] for m in registry.user_members()]
       + [m.team.name for m in registry.team_members()])
"""
    )
    assert rest == [["local", "admin"], ["ann", "viewer"]]
