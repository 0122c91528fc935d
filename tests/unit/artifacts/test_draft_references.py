"""References of a draft: what becomes an entry, and what is refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import artifact_vectors as vectors
import pytest
from http_loopback import Reply, Request, Server

from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.digest import bytes_digest
from asyncwb.artifacts.references.stores import ObjectAddress
from asyncwb.errors import CommError, InvalidValueError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.artifacts.manifest import ManifestEntry


def shown(entries: list[ManifestEntry]) -> list[tuple[str, str, str | None, int | None]]:
    return [(entry.path, entry.digest, entry.ref, entry.size) for entry in entries]


async def test_references_without_checksums_are_those_of_the_vectors(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_bytes(vectors.FILES["hello.txt"])
    artifact = Artifact("refs", "dataset")
    await artifact.add_file(tmp_path / "hello.txt", policy="immutable")
    model = "https://example.com/weights/model.bin"
    for uri, name in (
        (model, None),
        (model, "renamed.bin"),
        ("s3://my-bucket/some/key.bin", None),
        ("s3://my-bucket/some/key.bin?versionId=abc", "v.bin"),
        ("custom://anything/at/all", "custom.bin"),
    ):
        await artifact.add_reference(uri, name=name, checksum=False)
    assert artifact.digest == "004cb2c29fb3c2283944962b67c5ce76"
    assert artifact.size == 12
    key = "s3://my-bucket/some/key.bin"
    assert {entry.path: (entry.digest, entry.ref) for entry in artifact.manifest if entry.ref} == {
        "model.bin": (model, model),
        "renamed.bin": (model, model),
        "some/key.bin": (key, key),
        "v.bin": (key, key),
        "custom.bin": ("custom://anything/at/all", "custom://anything/at/all"),
    }


async def test_files(tmp_path: Path) -> None:
    for name, content in vectors.FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    artifact = Artifact("a", "t")
    hello = f"file://{tmp_path}/hello.txt"
    assert shown(await artifact.add_reference(hello)) == [
        ("hello.txt", vectors.MD5["hello.txt"], hello, 12)
    ]
    snow = (tmp_path / "café ☃.txt").as_uri()
    assert "%" in snow
    assert shown(await artifact.add_reference(snow)) == [
        ("café ☃.txt", vectors.MD5["café ☃.txt"], snow, 9)
    ]
    folder = f"file://{tmp_path}/data"
    assert sorted(shown(await artifact.add_reference(folder, name="sub"))) == [
        ("sub/nested/raw.bin", vectors.MD5["data/nested/raw.bin"], f"{folder}/nested/raw.bin", 256),
        ("sub/numbers.csv", vectors.MD5["data/numbers.csv"], f"{folder}/numbers.csv", 22),
    ]
    # By its place alone; the digest of the text `file:///data/hello.txt` is in the vectors.
    assert bytes_digest(b"file:///data/hello.txt") == "6b6Xsx4qIheQjgQutb/gLw=="
    place = bytes_digest((tmp_path / "alpha.txt").resolve().as_uri().encode())
    unchecked = await artifact.add_reference(f"file://{tmp_path}/alpha.txt", checksum=False)
    assert [(one.digest, one.size) for one in unchecked] == [(place, 1)]
    with pytest.raises(InvalidValueError, match="more than 1 objects"):
        await artifact.add_reference(folder, name="few", max_objects=1)
    assert not artifact.manifest.below("few")
    with pytest.raises(InvalidValueError, match="other content"):
        await artifact.add_reference(f"file://{tmp_path}/alpha.txt", name="hello.txt")
    for wrong, why in (
        (f"file://{tmp_path}/never", "no file and no folder"),
        ("file://host/x", "names a host"),
        (str(tmp_path / "hello.txt"), "a reference is a URI"),
        ("custom://x", "needs a name"),
        ("wandb-client-artifact://abc/x", "get_entry"),
        ("s3:///key", "no bucket"),
    ):
        with pytest.raises(InvalidValueError, match=why):
            await artifact.add_reference(wrong)
    with pytest.raises(InvalidValueError, match="relative"):
        await artifact.add_reference(hello, name="../up")


async def test_addresses_of_the_web() -> None:
    async def handler(request: Request) -> Reply:
        assert "authorization" not in {name.lower() for name in request.headers}
        if request.path == "/moved":
            return Reply(302, headers={"Location": "/sub/model.bin"})
        if request.path == "/gone":
            return Reply(404)
        tags = {"/sub/model.bin": '"abc-1"', "/weak": 'W/"xyz"'}
        tag = tags.get(request.path)
        return Reply(body=b"weights", headers={"ETag": tag} if tag else {})

    artifact = Artifact("a", "t")
    async with Server(handler) as server:
        (plain,) = await artifact.add_reference(f"{server.url}/sub/model.bin")
        (moved,) = await artifact.add_reference(f"{server.url}/moved")
        (weak,) = await artifact.add_reference(f"{server.url}/weak", name="w/x")
        (bare,) = await artifact.add_reference(f"{server.url}/bare")
        assert shown([plain, moved, weak, bare]) == [
            ("model.bin", "abc-1", f"{server.url}/sub/model.bin", 7),
            ("moved", "abc-1", f"{server.url}/sub/model.bin", 7),
            ("w/x", 'W/"xyz', f"{server.url}/weak", 7),
            ("bare", f"{server.url}/bare", f"{server.url}/bare", 7),
        ]
        assert [one.extra for one in (plain, moved, weak, bare)] == [
            {"etag": '"abc-1"'},
            {"etag": '"abc-1"'},
            {"etag": 'W/"xyz"'},
            {},
        ]
        with pytest.raises(CommError, match="404"):
            await artifact.add_reference(f"{server.url}/gone")
        with pytest.raises(InvalidValueError):
            await artifact.add_reference(f"{server.url}/")


async def test_entries_of_other_drafts(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    source = Artifact("source", "t")
    await source.add_file(tmp_path / "x", name="deep/x", policy="immutable")
    entry = source.get_entry("deep/x")
    assert entry.ref_url() == f"wandb-client-artifact://{source.client_id}/deep/x"
    artifact = Artifact("a", "t")
    (made,) = await artifact.add_reference(entry)
    assert shown([made]) == [("x", entry.digest, entry.ref_url(), 0)]
    (named,) = await artifact.add_reference(entry, name="other/y")
    assert named.path == "other/y"
    artifact.remove(named)
    assert sorted(artifact.manifest.entries) == ["x"]


def test_where_objects_are() -> None:
    for uri, kind, root, bucket, key, version in (
        ("s3://b/k/x.bin", "s3", "s3://b", "b", "k/x.bin", None),
        ("s3://b/k?versionId=v1", "s3", "s3://b", "b", "k", "v1"),
        ("s3://b/with#hash", "s3", "s3://b", "b", "with#hash", None),
        ("s3://b", "s3", "s3://b", "b", "", None),
        ("gs://b/k#123", "gs", "gs://b", "b", "k", "123"),
        (
            "https://acc.blob.core.windows.net/box/a/b.bin?versionId=2",
            "azure",
            "https://acc.blob.core.windows.net/box",
            "box",
            "a/b.bin",
            "2",
        ),
    ):
        found = ObjectAddress.of(uri)
        assert found[:5] == (kind, root, bucket, key, version)
        assert found.account == ("acc" if kind == "azure" else "")


async def test_stores_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    artifact = Artifact("a", "t")
    for uri in ("s3://b/k", "gs://b/k", "https://a.blob.core.windows.net/b/k"):
        with pytest.raises(UnsupportedError, match=r"asyncwb\[references\]"):
            await artifact.add_reference(uri)
    assert not artifact.manifest.entries
