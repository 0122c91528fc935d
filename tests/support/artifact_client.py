"""Artifacts by raw requests: what a client sends, step by step."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from server_client import Client

__all__ = ["ArtifactClient", "anonymous", "digest_of", "md5"]

CREATE = """mutation($input: CreateArtifactInput!) { createArtifact(input: $input) {
    artifact { id state digest artifactSequence { id latestArtifact { id } } } } }"""
MANIFEST = """mutation($input: CreateArtifactManifestInput!) {
    createArtifactManifest(input: $input) {
    artifactManifest { id type digest file { id uploadUrl uploadHeaders directUrl } } } }"""
FILES = """mutation($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) {
    files { edges { node { name storagePath uploadUrl uploadHeaders artifact { id }
    uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
COMMIT = """mutation($id: ID!) { commitArtifact(input: {artifactID: $id}) {
    artifact { id digest state versionIndex size fileCount } } }"""
VERSION = """id versionIndex state digest digestAlgorithm description metadata size fileCount
    historyStep ttlDurationSeconds ttlIsInherited createdAt updatedAt tags { name }
    artifactType { name } aliases { alias artifactCollectionName }
    artifactSequence { id name project { name entity { name } } }"""


def anonymous(request: httpx.Request) -> httpx.Request:
    return request


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def digest_of(entries: dict[str, str]) -> str:
    """The digest of a version, by its documented rule."""
    text = "wandb-artifact-manifest-v1\n" + "".join(
        f"{path}:{entries[path]}\n" for path in sorted(entries)
    )
    return hashlib.md5(text.encode()).hexdigest()


class ArtifactClient:
    """Makes versions in the project `demo`."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def create(self, name: str = "data", digest: str = "0" * 32, **more: Any) -> Any:
        wanted = {
            "entityName": "local",
            "projectName": "demo",
            "artifactTypeName": "dataset",
            "artifactCollectionName": name,
            "digest": digest,
            "digestAlgorithm": "MANIFEST_MD5",
            "enableDigestDeduplication": True,
            "aliases": [{"alias": "latest", "artifactCollectionName": name}],
            **more,
        }
        return (await self.client.data(CREATE, input=wanted))["createArtifact"]["artifact"]

    async def place(self, artifact: str, specs: list[dict[str, Any]]) -> list[Any]:
        files = [{"artifactID": artifact, **spec} for spec in specs]
        wanted = {"artifactFiles": files, "storageLayout": "V2"}
        made = await self.client.data(FILES, input=wanted)
        return [edge["node"] for edge in made["createArtifactFiles"]["files"]["edges"]]

    async def put(self, url: str, content: bytes, status: int = 200) -> httpx.Response:
        response = await self.client.http.put(url, content=content, auth=anonymous)
        assert response.status_code == status, response.text
        return response

    async def upload(self, artifact: str, contents: dict[str, bytes]) -> dict[str, Any]:
        """Upload what the server lacks; the entries for a manifest."""
        specs = [{"name": path, "md5": md5(content)} for path, content in contents.items()]
        entries: dict[str, Any] = {}
        for node, (path, content) in zip(
            await self.place(artifact, specs), contents.items(), strict=True
        ):
            if node["uploadUrl"] is not None:
                await self.put(node["uploadUrl"], content)
            entries[path] = {
                "digest": md5(content),
                "size": len(content),
                "birthArtifactID": node["artifact"]["id"],
            }
        return entries

    async def manifest(
        self, artifact: str, entries: dict[str, Any], kind: str = "FULL", **more: Any
    ) -> Any:
        wanted = {
            "artifactID": artifact,
            "name": "wandb_manifest.json",
            "digest": "",
            "entityName": "local",
            "projectName": "demo",
            "runName": "r",
            "type": kind,
            **more,
        }
        made = await self.client.data(MANIFEST, input=wanted)
        node = made["createArtifactManifest"]["artifactManifest"]
        body = {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": entries,
        }
        await self.put(node["file"]["uploadUrl"], json.dumps(body).encode())
        return node

    async def commit(self, artifact: str) -> Any:
        return (await self.client.data(COMMIT, id=artifact))["commitArtifact"]["artifact"]

    async def log(
        self, contents: dict[str, bytes], name: str = "data", kind: str = "FULL", **more: Any
    ) -> Any:
        """The whole way of a version."""
        digest = digest_of({path: md5(content) for path, content in contents.items()})
        made = await self.create(name, digest, **more)
        if made["state"] == "COMMITTED":
            return made
        entries = await self.upload(made["id"], contents)
        await self.manifest(made["id"], entries, kind)
        return await self.commit(made["id"])

    async def version(self, name: str, selection: str = VERSION) -> Any:
        document = f"""query($n: String!) {{ project(name: "demo") {{
            artifactCollectionMembership(name: $n) {{ versionIndex aliases {{ alias }}
            artifactCollection {{ __typename name }} artifact {{ {selection} }} }} }} }}"""
        found = (await self.client.data(document, n=name))["project"]
        return found["artifactCollectionMembership"]

    async def contents(self, name: str) -> dict[str, bytes]:
        """Every file of a version, by its signed address."""
        selection = "files { edges { node { name directUrl } } }"
        found = (await self.version(name, selection))["artifact"]["files"]["edges"]
        read: dict[str, bytes] = {}
        for edge in found:
            answer = await self.client.http.get(edge["node"]["directUrl"], auth=anonymous)
            assert answer.status_code == 200
            read[edge["node"]["name"]] = answer.content
        return read
