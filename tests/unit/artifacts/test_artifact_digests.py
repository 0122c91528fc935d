"""Digests and manifests, byte for byte as the real SDK makes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import artifact_vectors as vectors
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncwb.artifacts.digest import (
    DigestAlgorithm,
    bytes_digest,
    file_digest,
    graphql_id,
    hex_digest,
    hex_id,
    manifest_digest,
)
from asyncwb.artifacts.manifest import Manifest, ManifestEntry
from asyncwb.errors import InvalidValueError, ProtocolError

if TYPE_CHECKING:
    from pathlib import Path


def manifest(
    contents: dict[str, str], digests: dict[str, str], algorithm: DigestAlgorithm = "MD5"
) -> Manifest:
    made = Manifest(algorithm=algorithm)
    extra = {"alg": "XXH128"} if algorithm == "XXH128" else {}
    for path, name in contents.items():
        size = len(vectors.FILES[name])
        made.add(ManifestEntry(path=path, digest=digests[name], size=size, extra=dict(extra)))
    return made


@pytest.mark.parametrize("name", vectors.FILES)
def test_files(name: str, tmp_path: Path) -> None:
    content = vectors.FILES[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    assert bytes_digest(content) == vectors.MD5[name]
    assert file_digest(path) == (vectors.MD5[name], len(content))
    assert file_digest(path, "XXH128") == (vectors.XXH128[name], len(content))


def test_a_file_larger_than_the_buffer(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "large"
    path.write_bytes(content)
    assert file_digest(path) == (bytes_digest(content), len(content))


@pytest.mark.parametrize("title", vectors.VERSIONS)
def test_versions(title: str) -> None:
    contents, digest = vectors.VERSIONS[title]
    assert manifest(contents, vectors.MD5).digest == digest


def test_versions_of_other_digests() -> None:
    contents, digest = vectors.XXH128_VERSION
    made = manifest(contents, vectors.XXH128, "XXH128")
    assert made.digest == digest
    assert Manifest.decode(made.encode()).digest == digest
    entries, digest = vectors.REFERENCES
    assert manifest_digest(entries.items()) == digest


def test_other_spellings() -> None:
    for base64, hexadecimal in vectors.IDS.items():
        assert hex_id(base64) == hexadecimal
        assert graphql_id(hexadecimal) == base64
    assert hex_digest(vectors.MD5["hello.txt"]) == "6f5902ac237024bdd0c176cb93063dc4"
    uri, digest = vectors.LOCAL_URI
    assert bytes_digest(uri.encode()) == digest
    for bad in ("§", "a", "====="):
        with pytest.raises(InvalidValueError, match="base64"):
            hex_id(bad)
    with pytest.raises(InvalidValueError, match="in hex"):
        graphql_id("xyz")


def test_a_manifest_file_and_back() -> None:
    read = Manifest.decode(json.dumps(vectors.MANIFEST).encode())
    assert read.to_json() == vectors.MANIFEST
    assert msgspec.json.decode(read.encode()) == vectors.MANIFEST
    assert read.region == "coreweave-us"
    assert read.size == 12


def test_a_manifest_as_the_package_uploads_it() -> None:
    """With members that only its writer's machine understands."""
    wire = {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {},
        "contents": {
            "a": {
                "digest": "b1kCrCNwJL3QwXbLkwY9xA==",
                "birthArtifactID": "QXJ0aWZhY3Q6MQ==",
                "size": 12,
                "local_path": "/home/ada/staging/x",
                "skip_cache": True,
            }
        },
    }
    read = Manifest.decode(json.dumps(wire).encode())
    assert read.layout == "V1"
    assert read.entries["a"] == ManifestEntry(
        path="a",
        digest="b1kCrCNwJL3QwXbLkwY9xA==",
        birth_artifact_id="QXJ0aWZhY3Q6MQ==",
        size=12,
    )
    assert "local_path" not in read.encode().decode()


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../b", "C:/x", "C:x", "\\\\h\\s", ""]
)
def test_paths_that_lead_out_are_refused(path: str) -> None:
    wire = {**vectors.MANIFEST, "contents": {path: {"digest": "x"}}}
    with pytest.raises(InvalidValueError, match="relative"):
        Manifest.decode(json.dumps(wire).encode())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "contents": 3}'])
def test_no_manifest(text: str) -> None:
    with pytest.raises(ProtocolError, match="manifest"):
        Manifest.decode(text.encode())


def test_adding_and_removing() -> None:
    made = manifest(vectors.VERSIONS["sort order"][0], vectors.MD5)
    entry = made.entries["data.txt"]
    made.add(msgspec.structs.replace(entry))
    other = msgspec.structs.replace(entry, digest=vectors.MD5["hello.txt"])
    with pytest.raises(InvalidValueError, match="other content"):
        made.add(other)
    assert made.entries["data.txt"].digest == entry.digest
    made.add(other, overwrite=True)
    assert made.entries["data.txt"].digest == other.digest
    assert [found.path for found in made.remove("data")] == [
        "data/nested/raw.bin",
        "data/numbers.csv",
    ]
    assert [found.path for found in made.remove("data.txt")] == ["data.txt"]
    assert made.remove("data.txt") == []
    assert sorted(made.entries) == ["Zeta.txt", "alpha.txt", "café ☃.txt"]


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=8))
def test_the_order_of_entries_does_not_matter(entries: dict[str, str]) -> None:
    items = list(entries.items())
    assert manifest_digest(items) == manifest_digest(reversed(items))
