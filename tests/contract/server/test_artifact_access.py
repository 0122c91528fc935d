"""What one user can reach of another's artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from artifact_client import COMMIT, CREATE, FILES, MANIFEST, ArtifactClient, anonymous, md5
from test_access import add_user, post_as

if TYPE_CHECKING:
    from server_client import Client


@pytest.fixture
async def made(client: Client) -> ArtifactClient:
    await client.upsert("r")
    return ArtifactClient(client)


async def test_nothing_of_an_artifact_is_open_to_another_user(made: ArtifactClient) -> None:
    logged = await made.log({"a": b"hush"})
    draft = await made.create("draft")
    manifest = await made.manifest(draft["id"], {})
    collection = (await made.version("data"))["artifact"]["artifactSequence"]["id"]
    url = (await made.version("data", "id files { edges { node { url } } }"))["artifact"]
    bo = await add_user(made.client, "bo")
    there = {"entityName": "local", "projectName": "demo", "artifactCollectionName": "data"}
    named = {"entityName": "local", "projectName": "demo"}
    spec = {"artifactID": draft["id"], "name": "x", "md5": md5(b"x")}
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("query($id: ID!) { artifactCollection(id: $id) { name } }", {"id": collection}),
        (CREATE, {"input": {**named, "artifactTypeName": "dataset", "digest": "0",
                            "artifactCollectionName": "data", "digestAlgorithm": "MANIFEST_MD5"}}),
        (FILES, {"input": {"artifactFiles": [spec], "storageLayout": "V2"}}),
        (MANIFEST, {"input": {"artifactID": draft["id"], "name": "m", "digest": "", "type": "FULL",
                              "runName": "r", **named}}),
        ("mutation($i: UpdateArtifactManifestInput!) { updateArtifactManifest(input: $i) {"
         " artifactManifest { id } } }", {"i": {"artifactManifestID": manifest["id"]}}),
        (COMMIT, {"id": draft["id"]}),
        ("mutation($id: ID!) { deleteArtifact(input: {artifactID: $id, deleteAliases: true}) {"
         " artifact { id } } }", {"id": logged["id"]}),
        ("mutation($id: ID!) { updateArtifact(input: {artifactID: $id, description: \"x\"}) {"
         " artifact { id } } }", {"id": logged["id"]}),
        ("mutation($i: AddAliasesInput!) { addAliases(input: $i) { success } }",
         {"i": {"artifactID": logged["id"], "aliases": [{"alias": "x", **there}]}}),
        ("mutation($i: UseArtifactInput!) { useArtifact(input: $i) { artifact { id } } }",
         {"i": {"artifactID": logged["id"], "runName": "r", **named}}),
        ("mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }",
         {"i": {"artifactID": logged["id"], "artifactPortfolioName": "p", "entityName": "bo",
                "projectName": "uncategorized"}}),
        ("mutation($id: ID!) { deleteArtifactSequence(input: {artifactSequenceID: $id}) {"
         " artifactCollection { id } } }", {"id": collection}),
    ]  # fmt: skip
    seen = await post_as(
        made.client, bo, "query($id: ID!) { artifact(id: $id) { digest } }", id=logged["id"]
    )
    assert seen.json() == {"data": {"artifact": None}}
    for query, variables in attempts:
        answer = await post_as(made.client, bo, query, **variables)
        assert answer.status_code in (403, 404), (query, answer.text)
        assert "hush" not in answer.text
    by_id = "query($id: ID!) { artifact(id: $id) { digest } }"
    answer = await post_as(made.client, bo, by_id, id=logged["id"])
    assert answer.json()["data"] == {"artifact": None}
    address = url["files"]["edges"][0]["node"]["url"]
    assert (await made.client.http.get(address, auth=bo)).status_code == 404
    assert (await made.version("data"))["artifact"]["id"] == logged["id"]


async def test_knowing_a_digest_gives_nobody_the_bytes(made: ArtifactClient) -> None:
    """Bytes are shared within an entity alone: a digest is no proof that one has the file."""
    await made.log({"a": b"hush"})
    bo = await add_user(made.client, "bo")
    wanted = {
        "entityName": "bo",
        "projectName": "mine",
        "artifactTypeName": "dataset",
        "artifactCollectionName": "copy",
        "digest": "0",
        "digestAlgorithm": "MANIFEST_MD5",
    }
    draft = (await post_as(made.client, bo, CREATE, input=wanted)).json()
    artifact = draft["data"]["createArtifact"]["artifact"]["id"]
    spec = {"artifactID": artifact, "name": "a", "md5": md5(b"hush")}
    placed = await post_as(
        made.client, bo, FILES, input={"artifactFiles": [spec], "storageLayout": "V2"}
    )
    node = placed.json()["data"]["createArtifactFiles"]["files"]["edges"][0]["node"]
    assert node["uploadUrl"] is not None
    manifest = await post_as(
        made.client, bo, MANIFEST,
        input={"artifactID": artifact, "name": "m", "digest": "", "type": "FULL", "runName": "",
               "entityName": "bo", "projectName": "mine"},
    )  # fmt: skip
    file = manifest.json()["data"]["createArtifactManifest"]["artifactManifest"]["file"]
    await made.put(
        file["uploadUrl"], b'{"contents": {"a": {"digest": "%s"}}}' % md5(b"hush").encode()
    )
    answer = await post_as(made.client, bo, COMMIT, id=artifact)
    assert (answer.status_code, "have not been uploaded" in answer.text) == (400, True)


async def test_a_signed_address_opens_one_thing(made: ArtifactClient) -> None:
    draft = await made.create()
    (place,) = await made.place(draft["id"], [{"name": "x", "md5": md5(b"x")}])
    await made.put(place["uploadUrl"], b"x")
    http = made.client.http
    for action in ("artifact-get", "manifest-put", "part-put", "get", "put"):
        url = place["uploadUrl"].replace("/artifact-put/", f"/{action}/")
        method = "PUT" if action.endswith("put") else "GET"
        answer = await http.request(method, url, content=b"x", auth=anonymous)
        assert answer.status_code == 403, action
