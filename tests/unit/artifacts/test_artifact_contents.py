"""Building a draft: what is hashed, copied, named and refused."""

from __future__ import annotations

import os
from pathlib import Path

import artifact_vectors as vectors
import pytest

from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.copying import clone_or_copy, copy_hashing
from asyncwb.errors import InvalidValueError, UsageError


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the vectors, and folders of the test's own."""
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    root = tmp_path / "files"
    for name, content in vectors.FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.mark.parametrize("policy", ["mutable", "immutable"])
async def test_digests_are_those_of_the_vectors(files: Path, policy: str) -> None:
    artifact = Artifact("sorting", "dataset")
    for name in ("Zeta.txt", "alpha.txt", "data.txt", "café ☃.txt"):
        await artifact.add_file(files / name, policy=policy)  # type: ignore[arg-type]
    await artifact.add_dir(files / "data", name="data", policy=policy)  # type: ignore[arg-type]
    assert artifact.digest == vectors.VERSIONS["sort order"][1]
    assert (artifact.size, artifact.file_count) == (310, 6)
    hashed = Artifact("xx", "dataset", digest_algorithm="XXH128")
    await hashed.add_file(files / "hello.txt", policy=policy)  # type: ignore[arg-type]
    await hashed.add_dir(files / "data", name="data", policy=policy)  # type: ignore[arg-type]
    assert hashed.digest == vectors.XXH128_VERSION[1]


async def test_a_mutable_file_is_logged_as_it_was(files: Path) -> None:
    artifact = Artifact("a", "t")
    entry = await artifact.add_file(files / "hello.txt")
    (files / "hello.txt").write_text("changed")
    assert entry.local_path is not None
    assert Path(entry.local_path).read_bytes() == b"hello world\n"
    fixed = await Artifact("b", "t").add_file(files / "alpha.txt", policy="immutable")
    assert fixed.local_path == str(files / "alpha.txt")


async def test_names_in_the_artifact(files: Path) -> None:
    artifact = Artifact("a", "t")
    assert (await artifact.add_file(files / "hello.txt")).path == "hello.txt"
    assert (await artifact.add_file(files / "hello.txt", "sub/greeting.txt")).path == (
        "sub/greeting.txt"
    )
    short = await artifact.add_file(files / "hello.txt", "media/x.table.json", is_tmp=True)
    assert short.path == "media/6f5902ac237024bdd0c1.table.json"
    await artifact.add_dir(files / "data", name="./")
    assert {"numbers.csv", "nested/raw.bin"} <= artifact.manifest.entries.keys()
    assert artifact.get_added_local_path_name(files / "data" / "numbers.csv") == "numbers.csv"
    assert artifact.get_added_local_path_name("other") is None
    for name in ("../x", "/x", "a/../../x", "C:x"):
        with pytest.raises(InvalidValueError, match="relative"):
            await artifact.add_file(files / "hello.txt", name)
        with pytest.raises(InvalidValueError, match="relative"):
            await artifact.add_dir(files / "data", name)


async def test_what_is_refused_changes_nothing(files: Path) -> None:
    artifact = Artifact("a", "t")
    await artifact.add_file(files / "hello.txt", "x")
    with pytest.raises(InvalidValueError, match="other content"):
        await artifact.add_file(files / "alpha.txt", "x")
    with pytest.raises(InvalidValueError, match="is no file"):
        await artifact.add_file(files / "none")
    with pytest.raises(InvalidValueError, match="is no file"):
        await artifact.add_file(files)
    with pytest.raises(InvalidValueError, match="is no folder"):
        await artifact.add_dir(files / "hello.txt")
    with pytest.raises(InvalidValueError, match="policy"):
        await artifact.add_file(files / "hello.txt", policy="never")  # type: ignore[arg-type]
    assert len(artifact.manifest) == 1
    assert artifact.manifest.entries["x"].digest == vectors.MD5["hello.txt"]
    await artifact.add_file(files / "alpha.txt", "x", overwrite=True)
    assert artifact.manifest.entries["x"].digest == vectors.MD5["alpha.txt"]


async def test_a_folder_added_again(files: Path) -> None:
    artifact = Artifact("a", "t")
    await artifact.add_dir(files / "data")
    await artifact.add_dir(files / "data")
    (files / "data" / "numbers.csv").write_text("new")
    with pytest.raises(InvalidValueError, match=r"'numbers\.csv'"):
        await artifact.add_dir(files / "data")
    await artifact.add_dir(files / "data", merge=True)
    assert artifact.manifest.entries["numbers.csv"].size == 3


async def test_links_are_followed_once(files: Path) -> None:
    (files / "data" / "up").symlink_to(files / "data")
    (files / "data" / "file").symlink_to(files / "hello.txt")
    artifact = Artifact("a", "t")
    await artifact.add_dir(files / "data")
    assert sorted(artifact.manifest.entries) == ["file", "nested/raw.bin", "numbers.csv"]


async def test_many_files_at_once(files: Path) -> None:
    many = files / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number}.txt").write_text(str(number))
    artifact = Artifact("a", "t")
    await artifact.add_dir(many)
    assert {path: entry.size for path, entry in artifact.manifest.entries.items()} == {
        f"{number}.txt": len(str(number)) for number in range(300)
    }


def test_new_files(files: Path) -> None:
    artifact = Artifact("a", "t")
    with artifact.new_file("sub/ü.txt") as file:
        file.write("é")
    with artifact.new_file("b.bin", "wb") as file:
        file.write(b"\0\1")
    assert artifact.manifest.entries["sub/ü.txt"].size == 2
    with pytest.raises(InvalidValueError, match="already"), artifact.new_file("b.bin"):
        pass
    with artifact.new_file("b.bin", "w") as file:
        file.write("three")
    assert artifact.manifest.entries["b.bin"].size == 5
    with pytest.raises(RuntimeError, match="stop"), artifact.new_file("never") as file:
        raise RuntimeError("stop")
    assert "never" not in artifact.manifest.entries
    for name, mode in (("../x", "x"), ("x", "r"), ("x", "a")):
        with pytest.raises(InvalidValueError), artifact.new_file(name, mode):
            pass


async def test_removing(files: Path) -> None:
    artifact = Artifact("a", "t")
    await artifact.add_dir(files)
    entry = artifact.get_entry("hello.txt")
    artifact.remove(entry)
    artifact.remove("data")
    left = ["Zeta.txt", "alpha.txt", "café ☃.txt", "data.txt", "empty.bin"]
    assert sorted(artifact.manifest.entries) == left
    for gone in ("hello.txt", "data", "data/numbers.csv"):
        with pytest.raises(FileNotFoundError):
            artifact.remove(gone)
    with pytest.raises(KeyError, match=r"hello\.txt"):
        artifact.get_entry("hello.txt")


def test_what_only_a_server_knows_is_refused_for_a_draft() -> None:
    artifact = Artifact("a", "t", metadata={"k": 1})
    assert artifact.is_draft()
    assert (artifact.name, artifact.type, artifact.state, artifact.id) == (
        "a",
        "t",
        "PENDING",
        None,
    )
    for attribute in (
        *("version", "entity", "project", "qualified_name", "aliases", "tags", "created_at"),
        *("url", "is_link", "source_name", "ttl", "history_step", "commit_hash"),
    ):
        with pytest.raises(UsageError, match="logged"):
            getattr(artifact, attribute)


async def test_nothing_is_added_to_what_is_final(files: Path) -> None:
    artifact = Artifact("a", "t", use_as="x")
    await artifact.add_file(files / "hello.txt")
    artifact.finalize()
    with pytest.raises(UsageError, match="new_draft"):
        await artifact.add_file(files / "alpha.txt")
    with pytest.raises(UsageError, match="new_draft"):
        artifact.remove("hello.txt")
    assert (artifact.use_as, artifact.digest_algorithm) == ("x", "MANIFEST_MD5")


def test_two_drafts_have_ids_of_their_own() -> None:
    ids = {
        one
        for artifact in (Artifact("a", "t"), Artifact("a", "t"))
        for one in (artifact._client_id, artifact._sequence_client_id)
    }
    assert len(ids) == 4
    assert all(len(one) == 128 and one.isalnum() and one == one.lower() for one in ids)


def test_copies(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(vectors.FILES["hello.txt"])
    digest = copy_hashing(str(source), str(target), "MD5")
    assert digest == (vectors.MD5["hello.txt"], 12)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o400
    with pytest.raises(FileExistsError):
        clone_or_copy(str(source), str(target))
    assert target.read_bytes() == source.read_bytes(), "the file of somebody else stays"
    with pytest.raises(FileNotFoundError):
        copy_hashing(str(tmp_path / "none"), str(tmp_path / "other"), "MD5")
    assert not (tmp_path / "other").exists()


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        clone_or_copy(__file__, str(tmp_path / "x"))
