"""Artifacts, request by request."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from artifact_client import COMMIT, FILES, ArtifactClient, anonymous, digest_of, md5

if TYPE_CHECKING:
    from server_client import Client

CONTENTS = {"a.txt": b"hello\n", "sub/b.bin": bytes(range(256)), "empty": b""}


@pytest.fixture
async def made(client: Client) -> ArtifactClient:
    await client.upsert("r")
    return ArtifactClient(client)


async def refused(client: Client, query: str, status: int, **variables: Any) -> str:
    response = await client.post(query, **variables)
    assert response.status_code == status, response.text
    return str(response.json()["errors"][0]["message"])


async def test_a_version_from_the_first_request_to_its_bytes(made: ArtifactClient) -> None:
    logged = await made.log(
        CONTENTS,
        runName="r",
        description="words",
        metadata='{"k": {"n": 1}}',
        tags=[{"tagName": "t"}],
        historyStep=3,
        aliases=[
            {"alias": "latest", "artifactCollectionName": "data"},
            {"alias": "best", "artifactCollectionName": "data"},
        ],
    )
    expected = digest_of({path: md5(content) for path, content in CONTENTS.items()})
    assert logged["digest"] == expected
    assert (logged["state"], logged["versionIndex"]) == ("COMMITTED", 0)
    assert (logged["size"], logged["fileCount"]) == (262, 3)
    for name in ("data", "data:latest", "data:best", "data:v0"):
        found = await made.version(name)
        assert found["artifact"]["id"] == logged["id"]
    assert found["artifactCollection"] == {"__typename": "ArtifactSequence", "name": "data"}
    version = found["artifact"]
    assert json.loads(version["metadata"]) == {"k": {"n": 1}}
    assert version["description"] == "words"
    assert version["tags"] == [{"name": "t"}]
    assert version["historyStep"] == 3
    assert version["artifactType"] == {"name": "dataset"}
    assert version["artifactSequence"]["project"] == {"name": "demo", "entity": {"name": "local"}}
    # the number of the version is an alias, too (`artifact.aliases` of older clients)
    assert {one["alias"] for one in version["aliases"]} == {"latest", "best", "v0"}
    assert await made.contents("data:v0") == CONTENTS
    for name in ("data:v1", "data:other", "none", "none:latest"):
        assert await made.version(name) is None


async def test_the_same_content_is_the_same_version(made: ArtifactClient) -> None:
    first = await made.log(CONTENTS)
    second = await made.log({"a.txt": b"other"})
    again = await made.log(
        CONTENTS, aliases=[{"alias": "mine", "artifactCollectionName": "data"}], clientID="c" * 128
    )
    assert again["id"] == first["id"] != second["id"]
    assert again["state"] == "COMMITTED"
    found = await made.version("data:mine")
    assert (found["versionIndex"], [one["alias"] for one in found["aliases"]]) == (0, ["mine"])
    assert (await made.version("data:latest"))["versionIndex"] == 1
    mapped = await made.client.data(
        f'{{ clientIDMapping(clientID: "{"c" * 128}") {{ serverID }} }}'
    )
    assert mapped["clientIDMapping"]["serverID"] == first["id"]


async def test_bytes_are_stored_once(made: ArtifactClient) -> None:
    first = await made.log(CONTENTS)
    draft = await made.create("other", "1" * 32)
    (place,) = await made.place(draft["id"], [{"name": "x", "md5": md5(CONTENTS["a.txt"])}])
    assert place["uploadUrl"] is None
    assert place["artifact"]["id"] == first["id"]


async def test_a_file_with_other_bytes_than_announced_is_refused(made: ArtifactClient) -> None:
    draft = await made.create()
    (place,) = await made.place(draft["id"], [{"name": "x", "md5": md5(b"right")}])
    answer = await made.put(place["uploadUrl"], b"wrong", status=400)
    assert "MD5" in answer.json()["errors"][0]["message"]
    await made.manifest(draft["id"], {"x": {"digest": md5(b"right"), "size": 5}})
    assert "'x' have not been uploaded" in await refused(made.client, COMMIT, 400, id=draft["id"])
    await made.put(place["uploadUrl"], b"right")
    assert (await made.commit(draft["id"]))["state"] == "COMMITTED"
    assert await made.contents("data") == {"x": b"right"}


async def test_a_commit_is_repeated_without_harm_and_is_final(made: ArtifactClient) -> None:
    draft = await made.create()
    assert "no manifest" in await refused(made.client, COMMIT, 400, id=draft["id"])
    entries = await made.upload(draft["id"], CONTENTS)
    await made.manifest(draft["id"], entries)
    results = await asyncio.gather(*(made.commit(draft["id"]) for _ in range(4)))
    assert {one["versionIndex"] for one in results} == {0}
    wanted = {
        "artifactFiles": [{"artifactID": draft["id"], "name": "z", "md5": md5(b"z")}],
        "storageLayout": "V2",
    }
    assert "committed" in await refused(made.client, FILES, 400, input=wanted)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "a\\..\\..\\b", ""])
async def test_paths_that_lead_out_are_refused(made: ArtifactClient, path: str) -> None:
    draft = await made.create()
    wanted = {
        "artifactFiles": [{"artifactID": draft["id"], "name": path, "md5": md5(b"x")}],
        "storageLayout": "V2",
    }
    assert "not a file name" in await refused(made.client, FILES, 400, input=wanted)
    await made.upload(draft["id"], {"x": b"x"})
    await made.manifest(draft["id"], {path: {"digest": md5(b"x")}})
    assert "not a file name" in await refused(made.client, COMMIT, 400, id=draft["id"])


async def test_the_manifest_holds_nothing_of_its_writer(made: ArtifactClient) -> None:
    draft = await made.create()
    entries = await made.upload(draft["id"], {"x": b"x"})
    entries["x"] |= {"local_path": "/home/ada/x", "skip_cache": True, "extra": {"k": 1}}
    entries["ref"] = {"digest": "etag", "ref": "https://h.test/f", "size": 7}
    await made.manifest(draft["id"], entries)
    await made.commit(draft["id"])
    found = await made.version("data", "id currentManifest { type digest file { directUrl } }")
    url = found["artifact"]["currentManifest"]["file"]["directUrl"]
    read = (await made.client.http.get(url, auth=anonymous)).json()
    assert read == {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": {
            "ref": {"digest": "etag", "ref": "https://h.test/f", "size": 7},
            "x": {
                "digest": md5(b"x"),
                "size": 1,
                "birthArtifactID": draft["id"],
                "extra": {"k": 1},
            },
        },
    }


async def test_incremental_versions_lie_over_their_base(made: ArtifactClient) -> None:
    await made.log(CONTENTS)
    logged = await made.log({"a.txt": b"new\n", "more": b"more"}, kind="INCREMENTAL")
    merged = {**CONTENTS, "a.txt": b"new\n", "more": b"more"}
    assert await made.contents("data:v1") == merged
    assert logged["digest"] == digest_of({path: md5(content) for path, content in merged.items()})
    assert logged["fileCount"] == 4


async def test_several_writers_fill_one_version(made: ArtifactClient) -> None:
    first = await made.create("shared", distributedID="g")
    second = await made.create("shared", "1" * 32, distributedID="g")
    assert second["id"] == first["id"]
    for contents in ({"a": b"1"}, {"b": b"2"}, {"c": b"3"}):
        entries = await made.upload(first["id"], contents)
        await made.manifest(first["id"], entries, "PATCH")
    logged = await made.commit(first["id"])
    assert await made.contents("shared:latest") == {"a": b"1", "b": b"2", "c": b"3"}
    assert logged["digest"] == digest_of({"a": md5(b"1"), "b": md5(b"2"), "c": md5(b"3")})
    third = await made.create("shared", "2" * 32, distributedID="g")
    assert third["id"] != first["id"]


async def test_a_large_file_in_parts(made: ArtifactClient) -> None:
    pieces = [b"x" * 1000, b"y" * 1000, b"z" * 10]
    whole = b"".join(pieces)
    draft = await made.create()
    parts = [
        {"partNumber": number, "hexMD5": hashlib.md5(piece).hexdigest()}
        for number, piece in enumerate(pieces, 1)
    ]
    spec = {"name": "big", "md5": md5(whole), "uploadPartsInput": parts}
    (place,) = await made.place(draft["id"], [spec])
    assert place["uploadUrl"] is not None
    multipart = place["uploadMultipartUrls"]
    urls = [one["uploadUrl"] for one in multipart["uploadUrlParts"]]
    finish = """mutation($input: CompleteMultipartUploadArtifactInput!) {
        completeMultipartUploadArtifact(input: $input) { digest } }"""
    done = {
        "completeMultipartAction": "Complete",
        "artifactID": draft["id"],
        "storagePath": place["storagePath"],
        "uploadID": multipart["uploadID"],
        "completedParts": parts,
    }
    await made.put(urls[0], pieces[1], status=400)
    etag = (await made.put(urls[0], pieces[0])).headers["ETag"]
    assert etag == f'"{parts[0]["hexMD5"]}"'
    assert "missing" in await refused(made.client, finish, 400, input=done)
    # A client that starts again is told the same places, and what is there stays.
    (again,) = await made.place(draft["id"], [spec])
    assert again["uploadMultipartUrls"]["uploadID"] == multipart["uploadID"]
    for url, piece in zip(urls[1:], pieces[1:], strict=True):
        await made.put(url, piece)
    answer = await made.client.data(finish, input=done)
    assert answer["completeMultipartUploadArtifact"]["digest"] == md5(whole)
    assert (await made.client.data(finish, input=done)) == answer
    await made.manifest(draft["id"], {"big": {"digest": md5(whole), "size": len(whole)}})
    await made.commit(draft["id"])
    assert await made.contents("data") == {"big": whole}


async def test_ranges_and_addresses_for_clients_with_a_key(made: ArtifactClient) -> None:
    await made.log(CONTENTS)
    selection = (
        'id files(names: ["sub/b.bin"]) { totalCount edges { node { name url directUrl } } }'
    )
    found = (await made.version("data", selection))["artifact"]
    assert found["files"]["totalCount"] == 1
    node = found["files"]["edges"][0]["node"]
    http = made.client.http
    part = await http.get(node["directUrl"], auth=anonymous, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CONTENTS["sub/b.bin"][10:20])
    assert (await http.get(node["url"])).content == CONTENTS["sub/b.bin"]
    assert (await http.get(node["url"], auth=anonymous)).status_code == 401
    digest = hashlib.md5(CONTENTS["sub/b.bin"]).hexdigest()
    assert (await http.get(f"/artifacts/local/{digest}")).content == CONTENTS["sub/b.bin"]
    for path in (f"/artifacts/local/{'0' * 32}", "/artifacts/local/nothex", "/artifacts/no/00"):
        assert (await http.get(path)).status_code == 404


async def test_aliases_move_and_go(made: ArtifactClient) -> None:
    first = await made.log({"a": b"1"})
    second = await made.log({"a": b"2"})
    document = """mutation($input: %sInput!) { %s(input: $input) { success } }"""

    def change(artifact: Any, *aliases: str) -> dict[str, Any]:
        there = {"entityName": "local", "projectName": "demo", "artifactCollectionName": "data"}
        return {
            "artifactID": artifact["id"],
            "aliases": [{"alias": alias, **there} for alias in aliases],
        }

    add = document % ("AddAliases", "addAliases")
    await made.client.data(add, input=change(first, "prod", "x"))
    await made.client.data(add, input=change(second, "prod"))
    assert (await made.version("data:prod"))["versionIndex"] == 1
    assert (await made.version("data:x"))["versionIndex"] == 0
    remove = document % ("DeleteAliases", "deleteAliases")
    await made.client.data(remove, input=change(first, "x", "never"))
    assert await made.version("data:x") is None
    for bad in ("v7", "a/b", "a:b", ""):
        await refused(made.client, add, 400, input=change(first, bad))


async def test_deleting_a_version(made: ArtifactClient) -> None:
    first = await made.log({"a": b"1"})
    await made.log({"a": b"2"})
    document = """mutation($input: DeleteArtifactInput!) { deleteArtifact(input: $input) {
        artifact { id state } } }"""
    latest = (await made.version("data:latest"))["artifact"]["id"]
    message = await refused(made.client, document, 409, input={"artifactID": latest})
    assert "latest" in message
    gone = await made.client.data(document, input={"artifactID": latest, "deleteAliases": True})
    assert gone["deleteArtifact"]["artifact"]["state"] == "DELETED"
    assert await made.version("data:v1") is None
    gone = await made.client.data(document, input={"artifactID": first["id"]})
    assert await made.version("data:v0") is None
    third = await made.log({"a": b"3"})
    assert third["versionIndex"] == 2, "numbers are never given again"


async def test_bytes_outlive_the_version_that_brought_them(made: ArtifactClient) -> None:
    first = await made.log({"a": b"kept"})
    second = await made.log({"a": b"kept", "b": b"more"})
    document = """mutation($id: ID!) {
        deleteArtifact(input: {artifactID: $id, deleteAliases: true}) { artifact { id } } }"""
    await made.client.data(document, id=first["id"])
    draft = await made.create("other", "1" * 32)
    (place,) = await made.place(draft["id"], [{"name": "x", "md5": md5(b"kept")}])
    assert place["uploadUrl"] is None
    # The wandb package crashes where no version is named.
    assert place["artifact"]["id"] == draft["id"]
    assert second["state"] == "COMMITTED"
    assert await made.contents("data") == {"a": b"kept", "b": b"more"}


async def test_changing_a_version(made: ArtifactClient) -> None:
    logged = await made.log({"a": b"1"}, tags=[{"tagName": "x"}, {"tagName": "y"}])
    document = """mutation($input: UpdateArtifactInput!) { updateArtifact(input: $input) {
        artifact { description metadata ttlDurationSeconds ttlIsInherited tags { name } } } }"""
    changes = {
        "artifactID": logged["id"],
        "description": "new",
        "metadata": '{"a": NaN}',
        "ttlDurationSeconds": 3600,
        "tagsToAdd": [{"tagName": "z"}],
        "tagsToDelete": [{"tagName": "x"}],
    }
    changed = (await made.client.data(document, input=changes))["updateArtifact"]["artifact"]
    assert changed == {
        "description": "new",
        "metadata": '{"a": NaN}',
        "ttlDurationSeconds": 3600,
        "ttlIsInherited": False,
        "tags": [{"name": "y"}, {"name": "z"}],
    }
    for bad in ({"metadata": "[1]"}, {"metadata": "{"}, {"ttlDurationSeconds": -3}):
        await refused(made.client, document, 400, input={"artifactID": logged["id"], **bad})


async def test_a_version_that_outlived_its_time_is_gone(
    made: ArtifactClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made.log({"a": b"1"}, ttlDurationSeconds=100)
    assert await made.version("data:v0") is not None
    later = time.time() + 101
    monkeypatch.setattr("asyncwb.server.storage.versions.time.time", lambda: later)
    assert await made.version("data:v0") is None
    listed = await made.client.data(
        '{ project(name: "demo") { artifactType(name: "dataset") { artifactCollection(name: "data")'
        " { artifacts { totalCount edges { node { id } } } } } } }"
    )
    found = listed["project"]["artifactType"]["artifactCollection"]["artifacts"]
    assert found == {"totalCount": 0, "edges": []}


async def test_links(made: ArtifactClient) -> None:
    first = await made.log({"a": b"1"})
    second = await made.log({"a": b"2"}, clientID="q" * 128)
    document = """mutation($input: LinkArtifactInput!) { linkArtifact(input: $input) {
        versionIndex artifactMembership { id versionIndex aliases { alias }
        artifactCollection { __typename id name } artifact { id } } } }"""
    there = {"entityName": "local", "projectName": "demo", "artifactPortfolioName": "chosen"}
    one = await made.client.data(document, input={"artifactID": second["id"], **there})
    two = await made.client.data(
        document,
        input={
            "artifactID": first["id"],
            "aliases": [{"alias": "prod", "artifactCollectionName": "chosen"}],
            **there,
        },
    )
    again = await made.client.data(document, input={"clientID": "q" * 128, **there})
    place = two["linkArtifact"]["artifactMembership"]
    assert place["artifactCollection"]["__typename"] == "ArtifactPortfolio"
    assert [x["linkArtifact"]["versionIndex"] for x in (one, two, again)] == [0, 1, 0]
    assert {x["alias"] for x in place["aliases"]} == {"latest", "prod"}
    assert (await made.version("chosen:prod"))["artifact"]["id"] == first["id"]
    assert (await made.version("data:latest"))["artifact"]["id"] == second["id"]
    unlink = """mutation($input: UnlinkArtifactInput!) { unlinkArtifact(input: $input) {
        success } }"""
    portfolio = place["artifactCollection"]["id"]
    wanted = {"artifactID": first["id"], "artifactPortfolioID": portfolio}
    await made.client.data(unlink, input=wanted)
    assert await made.version("chosen:prod") is None
    assert (await made.version("data:v0")) is not None
    await refused(made.client, unlink, 404, input=wanted)
    missing = {"artifactID": first["id"], **there, "projectName": "none"}
    assert "project 'none'" in await refused(made.client, document, 404, input=missing)


async def test_a_name_has_one_type_and_one_kind(made: ArtifactClient) -> None:
    await made.log({"a": b"1"})
    create = """mutation($input: CreateArtifactInput!) { createArtifact(input: $input) {
        artifact { id } } }"""
    wanted = {
        "entityName": "local",
        "projectName": "demo",
        "artifactTypeName": "model",
        "artifactCollectionName": "data",
        "digest": "0",
        "digestAlgorithm": "MANIFEST_MD5",
    }
    assert "has the type 'dataset'" in await refused(made.client, create, 409, input=wanted)
    for name in ("", "a/b", "a:b", "x" * 129):
        await refused(made.client, create, 400, input={**wanted, "artifactCollectionName": name})


async def test_what_runs_made_and_read(made: ArtifactClient) -> None:
    await made.client.upsert("reader")
    logged = await made.log({"a": b"1"}, runName="r")
    use = """mutation($input: UseArtifactInput!) { useArtifact(input: $input) {
        artifact { id } } }"""
    wanted = {
        "artifactID": logged["id"],
        "entityName": "local",
        "projectName": "demo",
        "runName": "reader",
        "usedAs": "train",
    }
    for _ in range(2):
        await made.client.data(use, input=wanted)
    out = await made.client.run("r", "outputArtifacts { totalCount edges { node { id } } }")
    assert out["outputArtifacts"] == {"totalCount": 1, "edges": [{"node": {"id": logged["id"]}}]}
    into = await made.client.run(
        "reader", "inputArtifacts { totalCount edges { usedAs node { id } } }"
    )
    edge = {"usedAs": ["train"], "node": {"id": logged["id"]}}
    assert into["inputArtifacts"] == {"totalCount": 1, "edges": [edge]}
    lineage = await made.version(
        "data",
        "createdBy { __typename ... on Run { name } } usedBy { edges { node { name } } }",
    )
    assert lineage["artifact"] == {
        "createdBy": {"__typename": "Run", "name": "r"},
        "usedBy": {"edges": [{"node": {"name": "reader"}}]},
    }


async def test_listings_are_filtered_ordered_and_paged(made: ArtifactClient) -> None:
    for number in range(5):
        await made.log(
            {"a": str(number).encode()},
            metadata=json.dumps({"score": number}),
            tags=[{"tagName": "odd" if number % 2 else "even"}],
        )
    document = """query($f: JSONString, $o: String, $n: Int, $c: String) { project(name: "demo") {
        artifactCollection(name: "data") { artifacts(filters: $f, order: $o, first: $n, after: $c) {
        totalCount pageInfo { endCursor hasNextPage } edges { version } } } } }"""

    async def listed(**variables: Any) -> list[str]:
        found: list[str] = []
        while True:
            page = (await made.client.data(document, **variables))["project"]
            page = page["artifactCollection"]["artifacts"]
            found += [edge["version"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                assert page["totalCount"] == len(found)
                return found
            variables["c"] = page["pageInfo"]["endCursor"]

    assert await listed(n=2) == ["v4", "v3", "v2", "v1", "v0"]
    assert await listed(o="+version_index", n=2) == ["v0", "v1", "v2", "v3", "v4"]
    assert await listed(f='{"tag": "odd"}') == ["v3", "v1"]
    assert await listed(f='{"metadata.score": {"$gte": 3}}') == ["v4", "v3"]
    assert await listed(f='{"alias": "latest"}') == ["v4"]
    assert await listed(f='{"state": "COMMITTED", "version": {"$in": [1, 2]}}') == ["v2", "v1"]
    unknown = await refused(made.client, document, 400, f='{"nonsense": 1}')
    assert "nonsense" in unknown


async def test_collections_are_listed_and_changed(made: ArtifactClient) -> None:
    for name in ("one", "two", "three"):
        await made.log({"a": name.encode()}, name)
    names = """query($f: JSONString) { project(name: "demo") {
        artifactCollections(filters: $f, order: "+name") { totalCount edges { node { name } } }
        artifactType(name: "dataset") { artifactCollections { totalCount } }
        artifactTypes { edges { node { name } } } } }"""
    found = (await made.client.data(names, f='{"name": {"$regex": "^t"}}'))["project"]
    assert [e["node"]["name"] for e in found["artifactCollections"]["edges"]] == ["three", "two"]
    assert found["artifactType"]["artifactCollections"]["totalCount"] == 3
    assert found["artifactTypes"]["edges"] == [{"node": {"name": "dataset"}}]
    one = (await made.version("one"))["artifact"]["artifactSequence"]["id"]
    update = """mutation($input: UpdateArtifactSequenceInput!) {
        updateArtifactSequence(input: $input) { artifactCollection { name description } } }"""
    changed = await made.client.data(
        update, input={"artifactSequenceID": one, "name": "uno", "description": "d"}
    )
    assert changed["updateArtifactSequence"]["artifactCollection"] == {
        "name": "uno",
        "description": "d",
    }
    taken = {"artifactSequenceID": one, "name": "two"}
    assert "exists already" in await refused(made.client, update, 409, input=taken)
    there = {"entityName": "local", "projectName": "demo", "artifactCollectionName": "uno"}
    tag = """mutation($input: CreateArtifactCollectionTagAssignmentsInput!) {
        createArtifactCollectionTagAssignments(input: $input) { tags { name } } }"""
    wanted = {**there, "tags": [{"tagName": "a"}, {"tagName": "b"}]}
    assert (await made.client.data(tag, input=wanted)) == {
        "createArtifactCollectionTagAssignments": {"tags": [{"name": "a"}, {"name": "b"}]}
    }
    untag = """mutation($input: DeleteArtifactCollectionTagAssignmentsInput!) {
        deleteArtifactCollectionTagAssignments(input: $input) { success } }"""
    await made.client.data(untag, input={**there, "tags": [{"tagName": "a"}]})
    left = await made.client.data(
        '{ project(name: "demo") { artifactCollection(name: "uno") {'
        " tags { edges { node { name } } } } } }"
    )
    tags = left["project"]["artifactCollection"]["tags"]["edges"]
    assert tags == [{"node": {"name": "b"}}]
    delete = """mutation($input: DeleteArtifactSequenceInput!) {
        deleteArtifactSequence(input: $input) { artifactCollection { state } } }"""
    gone = await made.client.data(delete, input={"artifactSequenceID": one})
    assert gone["deleteArtifactSequence"]["artifactCollection"]["state"] == "DELETED"
    assert await made.version("uno") is None


@pytest.mark.folder
async def test_bytes_that_no_version_holds_are_removed_in_time(
    made: ArtifactClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await made.log({"a": b"kept", "b": b"dropped"})
    await made.log({"a": b"kept"})
    blobs = lambda: {p.name for p in made.client.data_dir.rglob("*") if len(p.name) == 32}  # noqa: E731
    before = blobs()
    document = "mutation($id: ID!) { deleteArtifact(input: {artifactID: $id}) { artifact { id } } }"
    await made.client.data(document, id=first["id"])
    assert blobs() == before, "somebody may be about to commit a version with them"
    later = time.time() + 3601
    monkeypatch.setattr("asyncwb.server.storage.artifact_files.time.time", lambda: later)
    third = await made.log({"c": b"third"})
    assert third["versionIndex"] == 2
    left = {(made.client.data_dir / "blobs").joinpath(n[:2], n).read_bytes() for n in blobs()}
    assert left == {b"kept", b"third"}


async def test_xxh128(made: ArtifactClient) -> None:
    from xxhash import xxh3_128

    content = b"hello"
    digest = base64.b64encode(xxh3_128(content).digest()).decode()
    draft = await made.create(digestAlgorithm="MANIFEST_XXH128")
    spec = {"name": "x", "md5": md5(content), "digest": digest}
    (place,) = await made.place(draft["id"], [spec])
    await made.put(place["uploadUrl"], content)
    await made.manifest(
        draft["id"], {"x": {"digest": digest, "size": 5, "extra": {"alg": "XXH128"}}}
    )
    logged = await made.commit(draft["id"])
    wanted = xxh3_128(f"wandb-artifact-manifest-v1\nx:{digest}\n".encode()).hexdigest()
    assert logged["digest"] == wanted
    assert (await made.version("data"))["artifact"]["digestAlgorithm"] == "MANIFEST_XXH128"
