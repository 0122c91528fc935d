"""References of logged versions: fetched from where they point to, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from artifact_logging import log
from http_loopback import Reply, Request, Server
from object_store import put, s3_server

from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.digest import hex_id
from asyncwb.errors import CommError, DigestMismatchError, InvalidValueError
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def api(server: LocalServer) -> Api:
    return Api({**server.settings, "project": "demo"})


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of an S3 server that keeps versions in the bucket `kept`."""
    with s3_server() as url:
        yield url


@pytest.fixture
def s3(store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_S3_ENDPOINT_URL", store)
    return store


def files_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


async def test_files(api: Api, tmp_path: Path) -> None:
    there = tmp_path / "there"
    (there / "sub").mkdir(parents=True)
    (there / "a.txt").write_text("a")
    (there / "sub" / "b.txt").write_text("b")
    made = Artifact("files", "dataset")
    await made.add_reference(there.as_uri())
    await made.add_reference((there / "a.txt").as_uri(), name="by-place", checksum=False)
    with made.new_file("stored") as file:
        file.write("stored")
    version = await log(api, made)
    assert (version.file_count, version.size) == (4, 9)
    assert version.get_entry("a.txt").ref_target() == (there / "a.txt").as_uri()
    root = await version.download(tmp_path / "got")
    everything = {"a.txt": b"a", "sub/b.txt": b"b", "by-place": b"a", "stored": b"stored"}
    assert files_of(root) == everything
    await version.verify(root)
    # A change is noticed, except where the content was never looked at.
    (there / "a.txt").write_text("A")
    with pytest.raises(DigestMismatchError, match=r"a\.txt"):
        await version.download(tmp_path / "second")
    assert "a.txt" not in files_of(tmp_path / "second")
    (there / "a.txt").unlink()
    with pytest.raises(FileNotFoundError, match="gone"):
        await version.download(tmp_path / "third")
    rest = await version.download(tmp_path / "fourth", allow_missing_references=True)
    assert files_of(rest) == {"sub/b.txt": b"b", "stored": b"stored"}
    # What was fetched once is not asked for again.
    assert files_of(await version.download(root)) == everything


async def test_addresses_of_the_web(api: Api, tmp_path: Path) -> None:
    state = {"tag": '"one"', "body": b"weights" * 500_000}

    async def handler(request: Request) -> Reply:
        assert "authorization" not in {name.lower() for name in request.headers}
        if state["tag"] == "":
            return Reply(404)
        return Reply(body=state["body"], headers={"ETag": state["tag"]})  # type: ignore[arg-type,dict-item]

    made = Artifact("web", "model")
    async with Server(handler) as web:
        await made.add_reference(f"{web.url}/model.bin")
        version = await log(api, made)
        root = await version.download(tmp_path / "one")
        assert files_of(root) == {"model.bin": state["body"]}
        asked = len(web.seen)
        await version.download(root)
        assert len(web.seen) == asked
        state["tag"] = '"two"'
        with pytest.raises(DigestMismatchError, match="expected content with the digest one"):
            await version.download(tmp_path / "two")
        state["tag"] = ""
        with pytest.raises(FileNotFoundError, match="gone"):
            await version.download(tmp_path / "two")
        await version.download(tmp_path / "two", allow_missing_references=True)
        assert files_of(tmp_path / "two") == {}


async def test_entries_of_other_versions(
    api: Api, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").write_text("outside")
    source = Artifact("source", "dataset")
    for name in ("a", "deep/b"):
        with source.new_file(name) as file:
            file.write(name * 3)
    await source.add_reference((tmp_path / "outside").as_uri())
    first = await log(api, source)
    assert first.id is not None
    # A draft asks the server that the environment names.
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    second = Artifact("second", "dataset")
    address = f"wandb-artifact://{hex_id(first.id)}"
    assert first.get_entry("a").ref_url() == f"{address}/a"
    await second.add_reference(f"{address}/deep/b", name="from-uri")
    await second.add_reference(first.get_entry("deep/b"), name="x/again")
    await second.add_reference(first.get_entry("outside"))
    with second.new_file("own") as file:
        file.write("own")
    version = await log(api, second)
    chained = Artifact("third", "dataset")
    await chained.add_reference(version.get_entry("from-uri"), name="chained")
    assert version.id is not None
    await chained.add_reference(f"wandb-artifact://{hex_id(version.id)}/x/again", name="c2")
    assert {entry.ref for entry in chained.manifest} == {f"{address}/deep/b"}
    last = await log(api, chained)
    got = await version.download(tmp_path / "two")
    assert files_of(got) == {
        "from-uri": b"deep/b" * 3,
        "x/again": b"deep/b" * 3,
        "outside": b"outside",
        "own": b"own",
    }
    await version.verify(got)
    assert files_of(await last.download(tmp_path / "three")) == {
        "chained": b"deep/b" * 3,
        "c2": b"deep/b" * 3,
    }
    for wrong in (f"{address}/never", f"wandb-artifact://{b'Artifact:999'.hex()}/a"):
        with pytest.raises(InvalidValueError, match="points to nothing"):
            await Artifact("bad", "dataset").add_reference(wrong)
    with pytest.raises(InvalidValueError, match="hex"):
        await Artifact("bad", "dataset").add_reference("wandb-artifact://xyz/a")


async def test_a_draft_refers_to_another_draft(api: Api, tmp_path: Path) -> None:
    source, user = Artifact("early", "dataset"), Artifact("late", "dataset")
    with source.new_file("a") as file:
        file.write("early")
    await user.add_reference(source.get_entry("a"), name="b")
    first = await log(api, source)
    version = await log(api, user)
    assert first.id is not None
    await version.load()
    assert version.get_entry("b").ref == f"wandb-artifact://{hex_id(first.id)}/a"
    assert files_of(await version.download(tmp_path)) == {"b": b"early"}


async def test_schemes_that_nobody_knows_are_left_out(
    api: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Artifact("odd", "dataset")
    await made.add_reference("custom://anything", name="x")
    version = await log(api, made)
    assert files_of(await version.download(tmp_path)) == {}
    assert "custom://anything" in caplog.text


async def test_objects_of_a_store(api: Api, s3: str, tmp_path: Path) -> None:
    for key in ("one.bin", "data/a.txt", "data/deep/b.txt", "data2/c.txt"):
        put(s3, "plain", key, key.encode())
    put(s3, "plain", "data/empty")
    made = Artifact("objects", "dataset")
    (one,) = await made.add_reference("s3://plain/one.bin")
    assert (one.path, one.ref, one.size) == ("one.bin", "s3://plain/one.bin", 7)
    assert one.extra == {"etag": one.digest}
    assert '"' not in one.digest
    below = await made.add_reference("s3://plain/data")
    assert sorted((entry.path, entry.ref) for entry in below) == [
        ("a.txt", "s3://plain/data/a.txt"),
        ("deep/b.txt", "s3://plain/data/deep/b.txt"),
    ]
    named = await made.add_reference("s3://plain/data/", name="copy")
    assert sorted(entry.path for entry in named) == ["copy/a.txt", "copy/deep/b.txt"]
    with pytest.raises(InvalidValueError, match="more than 1 objects"):
        await made.add_reference("s3://plain/data", name="few", max_objects=1)
    with pytest.raises(InvalidValueError, match="points to nothing"):
        await made.add_reference("s3://plain/never")
    with pytest.raises((CommError, InvalidValueError)):
        await made.add_reference("s3://no-such-bucket/x")
    version = await log(api, made)
    root = await version.download(tmp_path / "got")
    assert files_of(root) == {
        "one.bin": b"one.bin",
        "a.txt": b"data/a.txt",
        "deep/b.txt": b"data/deep/b.txt",
        "copy/a.txt": b"data/a.txt",
        "copy/deep/b.txt": b"data/deep/b.txt",
    }
    put(s3, "plain", "one.bin", b"changed")
    with pytest.raises(DigestMismatchError, match=r"one\.bin"):
        await version.get_entry("one.bin").download(tmp_path / "second")
    assert files_of(tmp_path / "second") == {}


async def test_the_profiles_of_the_stores_own_tools(
    api: Api, s3: str, environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(s3, "plain", "profile.bin", b"x")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (environment / ".aws").mkdir()
    (environment / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = key\naws_secret_access_key = secret\n"
    )
    made = Artifact("profiled", "dataset")
    await made.add_reference("s3://plain/profile.bin")
    version = await log(api, made)
    assert files_of(await version.download(tmp_path)) == {"profile.bin": b"x"}


async def test_a_store_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-mine")
    monkeypatch.setenv("AWS_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(CommError, match="the store of s3://plain/x") as failure:
        await Artifact("a", "t").add_reference("s3://plain/x")
    assert "secret-of-mine" not in str(failure.value)


async def test_objects_with_versions(api: Api, s3: str, tmp_path: Path) -> None:
    old = put(s3, "kept", "model", b"old")
    new = put(s3, "kept", "model", b"new")
    put(s3, "kept", "dir/x", b"x")
    made = Artifact("kept", "model")
    (newest,) = await made.add_reference("s3://kept/model")
    (older,) = await made.add_reference(f"s3://kept/model?versionId={old}", name="older")
    (listed,) = await made.add_reference("s3://kept/dir")
    assert newest.extra["versionID"] == new
    assert (older.extra["versionID"], older.ref) == (old, "s3://kept/model")
    assert listed.extra["versionID"]
    version = await log(api, made)
    put(s3, "kept", "model", b"newer still")
    assert files_of(await version.download(tmp_path)) == {
        "model": b"new",
        "older": b"old",
        "x": b"x",
    }


class FakeStore:
    """Answers as Google's and Azure's stores do, for one object of several generations."""

    def __init__(self) -> None:
        self.generations = {"7": b"old"}
        self.authorized: list[str] = []

    async def answer(self, request: Request) -> Reply:
        path, _, query = request.path.partition("?")
        self.authorized.append(request.headers.get("authorization", ""))
        if "prefix=" in query:
            return Reply(body=self.listing(azure="comp=list" in query))
        newest = max(self.generations)
        wanted = [pair.partition("=")[2] for pair in query.split("&") if "=" in pair]
        number = wanted[0] if wanted else newest
        if path not in ("/box/model", "/box/dir%2Fa%2Etxt", "/box/dir/a.txt"):
            return Reply(404)
        if number not in self.generations:
            return Reply(404)
        headers = {
            "ETag": f'"tag-{number}"',
            "x-goog-generation": number,
            "x-ms-version-id": number,
            "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
        }
        return Reply(body=self.generations[number], headers=headers)

    @staticmethod
    def listing(*, azure: bool) -> bytes:
        if azure:
            return (
                b"<EnumerationResults><Blobs><Blob><Name>dir/a.txt</Name><Properties>"
                b"<Last-Modified>Wed, 21 Oct 2015 07:28:00 GMT</Last-Modified>"
                b"<Etag>tag-7</Etag><Content-Length>3</Content-Length>"
                b"<Content-Type>text/plain</Content-Type></Properties></Blob></Blobs>"
                b"<NextMarker/></EnumerationResults>"
            )
        return (
            b"<ListBucketResult><Name>box</Name><IsTruncated>false</IsTruncated><Contents>"
            b"<Key>dir/a.txt</Key><Size>3</Size><ETag>tag-7</ETag>"
            b"<LastModified>2015-10-21T07:28:00.000Z</LastModified></Contents></ListBucketResult>"
        )


@pytest.mark.parametrize("kind", ["gs", "azure"])
async def test_the_other_stores(
    api: Api, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    store = FakeStore()
    root = "gs://box" if kind == "gs" else "https://mine.blob.core.windows.net/box"
    async with Server(store.answer) as there:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", there.url)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", there.url)
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
        made = Artifact(f"on-{kind}", "model")
        (one,) = await made.add_reference(f"{root}/model")
        assert (one.path, one.ref, one.size, one.digest) == (
            *("model", f"{root}/model"),
            *(3, "tag-7"),
        )
        etag = {} if kind == "gs" else {"etag": "tag-7"}
        assert one.extra == {**etag, "versionID": "7"}
        (below,) = await made.add_reference(f"{root}/dir", name="sub")
        assert (below.path, below.ref) == ("sub/a.txt", f"{root}/dir/a.txt")
        chosen = f"{root}/model#7" if kind == "gs" else f"{root}/model?versionId=7"
        (fixed,) = await made.add_reference(chosen, name="fixed")
        assert (fixed.ref, fixed.extra) == (one.ref, one.extra)
        version = await log(api, made)
        store.generations["8"] = b"newer"
        assert files_of(await version.download(tmp_path / "got")) == {
            "model": b"old",
            "sub/a.txt": b"old",
            "fixed": b"old",
        }
        del store.generations["7"]
        with pytest.raises(FileNotFoundError, match="gone"):
            await version.download(tmp_path / "late")
        signed = [value.startswith("SharedKey mine:") for value in store.authorized]
        assert all(signed) if kind == "azure" else not any(signed)
