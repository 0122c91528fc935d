"""Every operation, tried by people who should not have what it is about.

The tables below name every query, mutation, type with an id and route. An operation that is new
and has no case here fails the first tests: say what a stranger and a viewer get of it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from artifact_client import md5
from graphql import GraphQLEnumType, GraphQLInterfaceType, GraphQLNonNull, GraphQLScalarType
from graphql import get_named_type as named
from server_world import World, world

from asyncwb.server.ids import make_id
from asyncwb.server.resolvers.server import make_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import httpx

Given = dict[str, Any]

STRANGERS = ("eve", "bob")
"""Somebody without a team, and a member of another one."""

HERE = {"entityName": "crew", "projectName": "hush"}
RUN = {**HERE, "runName": "r"}
LINE = [{"tagName": "t"}]
CHART = {"displayName": "x", "type": "vega2", "access": "PRIVATE", "spec": "{}"}
AUTOMATION = {
    "name": "x", "enabled": True, "triggeringEventType": "CREATE_ARTIFACT", "eventFilter": "{}",
    "triggeredActionType": "NO_OP", "triggeredActionConfig": {"noOpActionInput": {"noOp": True}},
}  # fmt: skip
NEW_SWEEP = '{"method": "random", "parameters": {"x": {"value": 1}}}'


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


# What a mutation is given, to do something to the secrets of the team `crew`.
MUTATIONS: dict[str, Callable[[World], Given]] = {
    "upsertModel": lambda w: {"id": w.ids["project"], "description": "x"},
    "deleteModel": lambda w: {"id": w.ids["project"]},
    "renameProject": lambda _: {
        "entityName": "crew", "oldProjectName": "hush", "newProjectName": "x"},
    "upsertBucket": lambda w: {"id": w.ids["run"], "notes": "x"},
    "deleteRun": lambda w: {"id": w.ids["run"]},
    "stopRun": lambda w: {"id": w.ids["run"]},
    "updateRunState": lambda w: {"id": w.ids["run"], "state": "failed"},
    "rewindRun": lambda _: {**RUN, "metricName": "_step", "metricValue": 0},
    "notifyScriptableRunAlert": lambda _: {**RUN, "title": "x", "text": "x"},
    "createRunFiles": lambda _: {**RUN, "files": ["hush.html"]},
    "deleteFiles": lambda w: {"files": [w.ids["file"]]},
    "upsertView": lambda w: {"id": w.ids["view"], "displayName": "x"},
    "deleteView": lambda w: {"id": w.ids["view"]},
    "createFilterTrigger": lambda w: {
        **AUTOMATION, "scopeType": "PROJECT", "scopeID": w.ids["project"]},
    "updateFilterTrigger": lambda w: {"id": w.ids["trigger"], "enabled": False},
    "deleteTrigger": lambda w: {"triggerID": w.ids["trigger"]},
    "createCustomChart": lambda _: {**CHART, "entity": "crew", "name": "x"},
    "upsertSweep": lambda w: {"id": w.ids["sweep"], "state": "CANCELED"},
    "createAgent": lambda w: {**HERE, "sweep": w.ids["sweep name"], "host": "x"},
    "agentHeartbeat": lambda w: {"id": w.ids["agent"]},
    "createInvite": lambda _: {"entityName": "crew", "username": "eve"},
    "deleteInvite": lambda w: {"entityName": "crew", "id": w.ids["invite"]},
    "createServiceAccount": lambda _: {"entityName": "crew", "description": "x"},
    "createArtifact": lambda _: {
        **HERE, "artifactTypeName": "hush", "artifactCollectionName": "hush-data",
        "digest": "0", "digestAlgorithm": "MANIFEST_MD5"},
    "createArtifactManifest": lambda w: {
        **RUN, "artifactID": w.ids["draft"], "name": "m", "digest": "", "type": "FULL"},
    "updateArtifactManifest": lambda w: {
        "artifactManifestID": w.ids["manifest of draft"], "digest": "x"},
    "createArtifactFiles": lambda w: {
        "artifactFiles": [{"artifactID": w.ids["draft"], "name": "x", "md5": md5(b"x")}],
        "storageLayout": "V2"},
    "completeMultipartUploadArtifact": lambda w: {
        "completeMultipartAction": "Complete", "completedParts": [], "storagePath": "x",
        "artifactID": w.ids["draft"], "uploadID": w.ids["upload"]},
    "commitArtifact": lambda w: {"artifactID": w.ids["draft"]},
    "useArtifact": lambda w: {**RUN, "artifactID": w.ids["data"]},
    "updateArtifact": lambda w: {"artifactID": w.ids["data"], "description": "x"},
    "deleteArtifact": lambda w: {"artifactID": w.ids["data"], "deleteAliases": True},
    "addAliases": lambda w: {
        "artifactID": w.ids["data"],
        "aliases": [{**HERE, "alias": "x", "artifactCollectionName": "hush-data"}]},
    "deleteAliases": lambda w: {
        "artifactID": w.ids["data"],
        "aliases": [{**HERE, "alias": "latest", "artifactCollectionName": "hush-links"}]},
    "linkArtifact": lambda w: {
        "artifactID": w.ids["data"], "artifactPortfolioID": w.ids["portfolio"]},
    "unlinkArtifact": lambda w: {
        "artifactID": w.ids["data"], "artifactPortfolioID": w.ids["portfolio"]},
    "createArtifactType": lambda _: {**HERE, "name": "x"},
    "updateArtifactSequence": lambda w: {
        "artifactSequenceID": w.ids["collection of data"], "description": "x"},
    "updateArtifactPortfolio": lambda w: {
        "artifactPortfolioID": w.ids["portfolio"], "description": "x"},
    "moveArtifactSequence": lambda w: {
        "artifactSequenceID": w.ids["collection of data"], "destinationArtifactTypeName": "hush"},
    "deleteArtifactSequence": lambda w: {"artifactSequenceID": w.ids["collection of data"]},
    "deleteArtifactPortfolio": lambda w: {"artifactPortfolioID": w.ids["portfolio"]},
    "createArtifactCollectionTagAssignments": lambda _: {
        **HERE, "artifactCollectionName": "hush-data", "tags": LINE},
    "deleteArtifactCollectionTagAssignments": lambda _: {
        **HERE, "artifactCollectionName": "hush-data", "tags": LINE},
    "createProjectMembers": lambda w: {
        "projectId": w.ids["registry hush"], "userIds": [w.ids_of("eve")]},
    "deleteProjectMembers": lambda w: {
        "projectId": w.ids["registry hush"], "userIds": [w.ids_of("max")]},
    "updateProjectMember": lambda w: {
        "projectId": w.ids["registry hush"], "userId": w.ids_of("max"),
        "userProjectRole": "viewer"},
    "updateProjectTeamMember": lambda w: {
        "projectId": w.ids["registry hush"], "teamId": make_id("Entity", 8),
        "teamProjectRole": "viewer"},
    "deleteApiKey": lambda w: {"id": w.ids["key of ann"]},
}  # fmt: skip

# The same deed by names in place of ids, and to the registry.
MORE: list[tuple[str, Callable[[World], Given]]] = [
    ("upsertBucket", lambda _: {"entityName": "crew", "modelName": "hush", "name": "r"}),
    ("upsertBucket", lambda _: {"entityName": "crew", "modelName": "new", "name": "x"}),
    ("upsertModel", lambda _: {"entityName": "crew", "name": "hush", "description": "x"}),
    ("upsertView", lambda _: {**HERE, "spec": "{}"}),
    ("upsertSweep", lambda _: {**HERE, "config": NEW_SWEEP}),
    ("linkArtifact", lambda w: {
        **HERE, "artifactID": w.ids["data"], "artifactPortfolioName": "x"}),
    ("linkArtifact", lambda w: {
        "clientID": "hush-data", "artifactPortfolioID": w.ids["registered"]}),
    ("deleteInvite", lambda w: {"entityName": "crew", "id": w.ids_of("max")}),
    ("upsertModel", lambda w: {"id": w.ids["registry hush"], "access": "PRIVATE"}),
    ("deleteModel", lambda w: {"id": w.ids["registry hush"]}),
    ("unlinkArtifact", lambda w: {
        "artifactID": w.ids["data"], "artifactPortfolioID": w.ids["registered"]}),
    ("deleteArtifactPortfolio", lambda w: {"artifactPortfolioID": w.ids["registered"]}),
    ("createFilterTrigger", lambda w: {
        **AUTOMATION, "scopeType": "ARTIFACT_COLLECTION", "scopeID": w.ids["portfolio"]}),
    ("createFilterTrigger", lambda w: {
        **AUTOMATION, "scopeType": "PROJECT", "scopeID": w.ids["registry hush"]}),
    ("createFilterTrigger", lambda w: {
        **AUTOMATION, "scopeType": "ENTITY", "scopeID": w.ids["team"]}),
    ("updateFilterTrigger", lambda w: {"id": w.ids["trigger of team"], "enabled": False}),
    ("deleteTrigger", lambda w: {"triggerID": w.ids["trigger of team"]}),
]  # fmt: skip

# Mutations that are about the caller's own, or refused to all but administrators of the server.
OWN = {
    "createUser": "administrators of the server alone: 403",
    "createTeam": "makes something new; that a name is taken must be said",
    "generateApiKey": "for oneself; of others by administrators of the server alone: 403",
}
# Deeds that a viewer of the team may do: they are not changes of what the team has.
ASKS = {"markRunFilesUploaded": "a question: which files have arrived"}
# What does not refuse: a listing of ids, of which those that are not there are left out.
SILENT = ("deleteFiles", "deleteApiKey")

QUERIES: dict[str, tuple[str, Callable[[World], Given]]] = {
    "user": ('query { user(userName: "ann") { teams { edges { node { id } } } apiKeys { edges {'
             " node { id } } } projects { edges { node { id } } } } }", lambda _: {}),
    "users": ('query { users(query: "ann") { edges { node { teams { edges { node { id } } }'
              " apiKeys { edges { node { id } } } } } } }", lambda _: {}),
    "entity": ("query($n: String) { entity(name: $n) { id storageBytes members { name } } }",
               lambda _: {"n": "crew"}),
    "models": ("query($n: String) { models(entityName: $n) { edges { node { id } } } }",
               lambda _: {"n": "crew"}),
    "model": ("query($n: String, $p: String) { model(entityName: $n, name: $p) { id } }",
              lambda _: {"n": "crew", "p": "hush"}),
    "project": ("query($n: String, $p: String) { project(entityName: $n, name: $p) { id } }",
                lambda _: {"n": "crew", "p": "hush"}),
    "artifact": ("query($id: ID!) { artifact(id: $id) { digest } }",
                 lambda w: {"id": w.ids["data"]}),
    "artifactCollection": ("query($id: ID!) { artifactCollection(id: $id) { name } }",
                           lambda w: {"id": w.ids["collection of data"]}),
    "clientIDMapping": ("query($id: ID!) { clientIDMapping(clientID: $id) { serverID } }",
                        lambda _: {"id": "hush-data"}),
    "view": ("query($id: ID!) { view(id: $id) { name } }", lambda w: {"id": w.ids["view"]}),
    "customChart": ("query($id: ID!) { customChart(id: $id) { displayName spec } }",
                    lambda w: {"id": w.ids["chart"]}),
}  # fmt: skip
PUBLIC = {
    "viewer": "the caller",
    "serverInfo": "what the server is able to do",
    "organization": "everybody belongs to the server's own; see test_server_organizations.py",
}

# How a guessed id of a type is tried; None: no argument takes one.
NODES: dict[str, str | None] = {
    "Run": "run", "Project": "project", "Sweep": "sweep", "Agent": "agent", "View": "view",
    "File": "file", "Artifact": "data", "ArtifactManifest": "manifest of draft",
    "ArtifactSequence": "collection of data", "ArtifactPortfolio": "portfolio",
    "ApiKey": "key of ann", "Invite": "invite", "CustomChart": "chart",
    "Trigger": "trigger", "SlackIntegration": None,
    "User": None, "Entity": None, "Organization": None, "ProjectMember": None,
    "ArtifactAlias": None, "ArtifactType": None, "ArtifactCollectionMembership": None, "Tag": None,
}  # fmt: skip


def document(mutation: str) -> str:
    kind = mutation[0].upper() + mutation[1:]
    if mutation in ("updateArtifactSequence", "deleteArtifactSequence"):
        kind = mutation[0].upper() + mutation[1:]
    return f"mutation($i: {kind}Input!) {{ {mutation}(input: $i) {{ __typename }} }}"


def elsewhere(value: Any, known: dict[str, str]) -> Any:
    """The same request for what does not exist: other names, and ids that nobody has."""
    if isinstance(value, dict):
        return {key: elsewhere(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [elsewhere(inner, known) for inner in value]
    return known.get(value, value) if isinstance(value, str) else value


def nowhere(made: World) -> dict[str, str]:
    from base64 import b64decode

    known = {"crew": "nobody", "hush": "nothing", "r": "none", "hush-data": "no-data"}
    people = [made.ids_of(name) for name in ("eve", "max")]
    for text in (*made.ids.values(), *people):
        try:
            kind, _, _ = b64decode(text, validate=True).decode().partition(":")
        except ValueError:
            known[text] = "none0000"
            continue
        known[text] = make_id(kind, 99_999)
    known[made.ids["chart"]] = "nobody/no-chart"
    return known


def plain(answer: httpx.Response, known: dict[str, str]) -> tuple[int, Any]:
    """An answer with the names of what is there in place of those of what is not."""
    text = answer.text
    for name, absent in sorted(known.items(), key=lambda pair: -len(pair[1])):
        text = text.replace(absent, name)
    return answer.status_code, json.loads(text)


def test_every_mutation_has_a_case() -> None:
    schema = make_schema()
    assert schema.mutation_type is not None
    assert set(schema.mutation_type.fields) == {*MUTATIONS, *OWN, *ASKS}


def test_every_query_has_a_case() -> None:
    schema = make_schema()
    assert schema.query_type is not None
    assert set(schema.query_type.fields) == {*QUERIES, *PUBLIC}


# Of which a server has none: their listings are there for those who ask, and empty.
NEVER_THERE = {"GenericWebhookIntegration", "RunQueue"}


def test_every_type_with_an_id_has_a_case() -> None:
    schema = make_schema()
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert {kind.name for kind in schema.get_possible_types(node)} == set(NODES) | NEVER_THERE


def deeds(made: World) -> list[tuple[str, Given]]:
    return [
        *((name, given(made)) for name, given in MUTATIONS.items()),
        *((name, given(made)) for name, given in MORE),
    ]


async def test_strangers_change_nothing_and_learn_nothing(there: World) -> None:
    before = await there.snapshot()
    known = nowhere(there)
    for who in STRANGERS:
        for name, given in deeds(there):
            real = await there.ask(who, document(name), i=given)
            absent = await there.ask(who, document(name), i=elsewhere(given, known))
            assert (real.status_code, real.json()) == plain(absent, known), (who, name)
            assert real.status_code == (200 if name in SILENT else 404), (who, name, real.text)
            nobody = await there.ask(None, document(name), i=given)
            assert nobody.status_code == 401, name
    assert await there.snapshot() == before


async def test_viewers_change_nothing(there: World) -> None:
    before = await there.snapshot()
    registry = ("createProjectMembers", "deleteProjectMembers", "updateProjectMember",
                "updateProjectTeamMember")  # fmt: skip
    for name, given in deeds(there):
        answer = await there.ask("vic", document(name), i=given)
        hidden = name in registry or there.ids["registry hush"] in json.dumps(given)
        hidden = hidden or there.ids["registered"] in json.dumps(given)
        wanted = 404 if hidden else 200 if name == "deleteApiKey" else 403
        assert answer.status_code == wanted, (name, answer.text)
    assert await there.snapshot() == before


async def test_viewers_of_the_server_change_nothing(there: World) -> None:
    """Also not where they lead a team or own the entity."""
    from sqlalchemy import update

    from asyncwb.server.storage.tables import users

    own = {"name": "mine", "modelName": "mine"}
    await there.do("ann", "upsertBucket", own, "bucket { id }")
    before = await there.snapshot()
    await change_database(there, update(users).where(users.c.username == "ann").values(
        role="viewer"))  # fmt: skip
    for name, given in [*deeds(there), ("upsertBucket", own), ("createTeam", {"teamName": "x"})]:
        if name == "deleteApiKey":
            continue  # one's own keys are no data of the server's
        answer = await there.ask("ann", document(name), i=given)
        assert answer.status_code == 403, (name, answer.text)
    assert await there.snapshot() == before


async def change_database(made: World, statement: Any) -> None:
    """As a command on the server's machine would."""
    made.app.state.services.authenticator.forget()
    await made.app.state.services.database.write(lambda db: db.execute(statement))


async def test_members_may(there: World) -> None:
    """The cases are right: what strangers are refused, those whose it is may do."""
    for name in ("createInvite", "deleteInvite", "createServiceAccount"):
        answer = await there.ask("max", document(name), i=MUTATIONS[name](there))
        assert answer.status_code == 403, (name, answer.text)
    late = (
        "deleteTrigger", "deleteProjectMembers", "deleteArtifactPortfolio", "deleteArtifact",
        "deleteFiles",
        "deleteArtifactSequence", "deleteView", "deleteRun", "deleteModel", "renameProject",
        "deleteApiKey",
    )  # fmt: skip
    # not for want of rights: a part of the upload is missing; no team is a member there; and at
    # the end, the project is gone
    others = {
        "completeMultipartUploadArtifact": 400,
        "updateProjectTeamMember": 404,
        "renameProject": 404,
    }
    drafts = ("createArtifactFiles", "createArtifactManifest", "updateArtifactManifest")
    order = [*drafts, *(name for name in MUTATIONS if name not in (*drafts, *late)), *late]
    for name in order:
        answer = await there.ask("ann", document(name), i=MUTATIONS[name](there))
        assert answer.status_code == others.get(name, 200), (name, answer.text)


async def test_strangers_read_nothing(there: World) -> None:
    known = nowhere(there)
    for name, (query, given) in QUERIES.items():
        variables = given(there)
        for who in STRANGERS:
            real = await there.ask(who, query, **variables)
            assert "hush" not in real.text.replace("hush-data", ""), name
            if name in ("user", "users"):
                # people of one organization know of each other, and no more than that
                assert '"edges":[{"node":{"id"' not in real.text, real.text
                continue
            absent = await there.ask(who, query, **elsewhere(variables, known))
            assert (real.status_code, real.json()) == plain(absent, known), (who, name)
        assert (await there.ask(None, query, **variables)).status_code == 401
        shown = (await there.ask("vic", query, **variables)).json()["data"]
        assert all(shown.values()), (name, shown)


async def test_what_the_caller_is_told_of_the_caller(there: World) -> None:
    for query in ("{ viewer { username } }", "{ serverInfo { features { name } } }"):
        assert (await there.ask(None, query)).status_code == 401
    assert (await there.data("eve", "{ viewer { username } }"))["viewer"]["username"] == "eve"
    for name, given in (("createUser", {"email": "x@x"}), ("generateApiKey", {"username": "ann"})):
        answer = await there.ask("eve", document(name), i=given)
        assert answer.status_code == 403, name
    mine = "mutation($i: GenerateApiKeyInput!) { generateApiKey(input: $i) { apiKey { name } } }"
    assert (await there.ask("vic", mine, i={})).status_code == 200


async def test_whoever_may_only_read_is_told(there: World) -> None:
    """Clients ask `readOnly` before they try a change."""
    query = """query($o: String) {
        entity(name: "crew") { readOnly project(name: "hush") { readOnly
            run(name: "r") { readOnly } runs { edges { node { readOnly } } } } }
        hidden: project(entityName: $o, name: "wandb-registry-hush") { readOnly }
        open: project(entityName: $o, name: "wandb-registry-open") { readOnly } }"""
    for who, read_only, hidden, open_ in (
        ("local", False, False, False), ("ann", False, False, False),
        ("max", False, False, True), ("vic", True, None, True),
    ):  # fmt: skip
        found = await there.data(who, query, o=there.ids["organization entity"])
        project = found["entity"]["project"]
        assert [
            found["entity"]["readOnly"], project["readOnly"], project["run"]["readOnly"],
            project["runs"]["edges"][0]["node"]["readOnly"],
        ] == [read_only] * 4, who  # fmt: skip
        assert (found["hidden"] and found["hidden"]["readOnly"]) == hidden, who
        assert found["open"]["readOnly"] == open_, who


async def test_guessed_ids(there: World) -> None:
    """Every argument that takes an id, with ids of every type and many numbers."""
    schema = make_schema()
    asked = 0
    for kind, known in NODES.items():
        if known is None:
            continue
        for number in (*range(1, 6), 2**62):
            text = make_id(
                {"ArtifactSequence": "ArtifactCollection",
                 "ArtifactPortfolio": "ArtifactCollection"}.get(kind, kind), number
            )  # fmt: skip
            for query in (
                "query($id: ID!) { artifact(id: $id) { id digest description } }",
                "query($id: ID!) { artifactCollection(id: $id) { id name } }",
                "query($id: ID!) { view(id: $id) { id spec } }",
                "query($id: ID!) { customChart(id: $id) { id spec } }",
                "query($id: ID!) { user(id: $id) { apiKeys { edges { node { id } } } } }",
                "query($id: ID!) { organization(id: $id) { id } }",
                "query($id: ID!) { clientIDMapping(clientID: $id) { serverID } }",
            ):
                answer = await there.ask("eve", query, id=text)
                assert answer.status_code in (200, 404), answer.text
                data = answer.json()["data"] or {}
                assert not any(data.values()), (query, kind, number, data)
                asked += 1
    assert schema.query_type is not None
    takers = {
        name
        for name, field in schema.query_type.fields.items()
        for argument in field.args.values()
        if named(argument.type).name == "ID"
    }
    assert takers == {
        "artifact", "artifactCollection", "view", "user", "users", "organization",
        "clientIDMapping", "customChart"}  # fmt: skip
    assert asked > 300


# -- every field ----------------------------------------------------------------------------------

# what a stranger would write for an argument that must be given
GUESSES: Given = {
    "name": "hush", "sweepName": "hush", "agentName": "hush", "aliasName": "latest",
    "specs": ['{"keys": ["hush"], "samples": 1}'], "liveKeys": ["hush"], "rampIDType": "OrgName",
    "storageLayout": "V2", "manifestVersion": "1",
}  # fmt: skip
ROOTS = {
    "viewer": "viewer", "users": "users(first: 50)", "entity": 'entity(name: "crew")',
    "models": 'models(entityName: "crew")', "organization": 'organization(name: "local-org")',
    "project": 'project(name: "hush", entityName: "crew")',
}  # fmt: skip
DEPTH = 6


def paths(schema: Any) -> list[str]:
    """Documents that together select every field that can be reached, each type once on a way."""
    found: list[str] = []

    def call(name: str, field: Any) -> str:
        needed = {
            argument: GUESSES[argument]
            for argument, about in field.args.items()
            if isinstance(about.type, GraphQLNonNull)
        }
        if "entity" not in name and "name" in field.args and name in ("project", "artifactType"):
            needed["name"] = "hush"
        if not needed:
            return name
        enums = {"rampIDType"}
        parts = (
            f"{key}: {value if key in enums else json.dumps(value)}"
            for key, value in needed.items()
        )
        return f"{name}({', '.join(parts)})"

    def leaves(kind: Any) -> list[str]:
        return [
            call(name, field)
            for name, field in kind.fields.items()
            if isinstance(named(field.type), GraphQLScalarType | GraphQLEnumType)
        ]

    def below(kind: Any, seen: frozenset[str], left: int) -> str:
        parts = leaves(kind)
        for name, field in kind.fields.items():
            inner = named(field.type)
            if hasattr(inner, "fields") and inner.name not in seen and left > 1:
                parts.append(
                    f"{call(name, field)} {{ {below(inner, seen | {inner.name}, left - 1)} }}"
                )
        return " ".join(parts) or "__typename"

    def cut(way: list[str], kind: Any, seen: frozenset[str], left: int) -> None:
        """One document, or several where it would be too long for the server."""
        text = below(kind, seen, left)
        if len(re.findall(r"\w+|[{}():]", text)) < 3000:
            found.append(" { ".join([*way, text]) + " }" * len(way))
            return
        for name, field in kind.fields.items():
            inner = named(field.type)
            if hasattr(inner, "fields") and inner.name not in seen:
                cut([*way, call(name, field)], inner, seen | {inner.name}, left - 1)

    query = schema.query_type
    for name, text in ROOTS.items():
        kind = named(query.fields[name].type)
        cut([text], kind, frozenset({kind.name}), DEPTH)
    return found


async def test_whoever_follows_every_field_finds_nothing(there: World) -> None:
    every = paths(make_schema())
    named_back = re.compile(r'"hush"\]|errors')
    for who in ("eve", "zoe"):
        for query in every:
            answer = await there.ask(who, f"{{ {query} }}")
            assert answer.status_code in (200, 404), (query, answer.text)
            data = json.dumps(answer.json()["data"])
            assert "hush" not in named_back.sub("", data), (who, query, data)
            assert "crew" not in data, (who, query, data)
    # the ways are right: a member finds it
    seen = [(await there.ask("max", f"{{ {query} }}")).text for query in every]
    assert sum(text.count("hush") for text in seen) > 150
