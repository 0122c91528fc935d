"""The cache of file contents, and the receipts of download folders."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from asyncwb.artifacts.cache import FileCache
from asyncwb.artifacts.digest import bytes_digest
from asyncwb.artifacts.manifest import ManifestEntry
from asyncwb.artifacts.receipts import Receipts

if TYPE_CHECKING:
    from pathlib import Path


def keep(cache: FileCache, folder: Path, content: bytes) -> str:
    source = folder / "source"
    source.write_bytes(content)
    digest = bytes_digest(content)
    cache.add(source, digest, "MD5")
    return digest


def used(cache: FileCache, digest: str, when: float) -> None:
    path = cache.path(digest, "MD5")
    os.utime(path, (when, path.stat().st_mtime))


def test_what_was_kept_is_found(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    digest = keep(cache, tmp_path, b"hello world\n")
    found = cache.find(digest, "MD5", 12)
    assert found is not None
    assert found.read_bytes() == b"hello world\n"
    # Where the wandb package looks for it, too.
    hexadecimal = "6f5902ac237024bdd0c176cb93063dc4"
    assert found == tmp_path / "cache" / "obj" / "md5" / hexadecimal[:2] / hexadecimal[2:]
    assert cache.find(digest, "MD5", 13) is None
    assert cache.find(digest, "XXH128", 12) is None
    assert cache.find(bytes_digest(b"other"), "MD5", None) is None
    cache.discard(digest, "MD5")
    assert cache.find(digest, "MD5", 12) is None


def test_a_copy_is_not_the_file_itself(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    digest = keep(cache, tmp_path, b"right")
    (tmp_path / "source").write_bytes(b"wrong")
    found = cache.find(digest, "MD5", 5)
    assert found is not None
    assert found.read_bytes() == b"right"


def test_the_longest_unused_goes_first(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", limit_bytes=1000)
    digests = [keep(cache, tmp_path, bytes([n]) * 300) for n in range(3)]
    used(cache, digests[0], 3000)
    used(cache, digests[1], 1000)
    used(cache, digests[2], 2000)
    digests.append(keep(cache, tmp_path, b"x" * 300))
    used(cache, digests[3], 4000)
    assert cache.trim() >= 0
    there = [cache.path(digest, "MD5").exists() for digest in digests]
    assert there == [True, False, True, True]


def test_processes_take_turns_in_looking(tmp_path: Path) -> None:
    for number in range(3):
        data = bytes([number]) * 400
        cache = FileCache(tmp_path / "cache", limit_bytes=1000)
        cache.add_bytes(data, bytes_digest(data), "MD5")
        assert cache.find(bytes_digest(data), "MD5", 400) is not None
    # The first of them looked a moment ago: nobody does so again for small additions.
    cache = FileCache(tmp_path / "cache", limit_bytes=100_000)
    assert cache.size()[0] == 2
    cache.add_bytes(b"x", bytes_digest(b"x"), "MD5")
    assert cache.size() == (3, 801)
    assert cache.trim(500) == 400
    assert cache.trim(0) == 401
    assert cache.size() == (0, 0)


def test_a_cache_of_no_size_keeps_nothing(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", limit_bytes=0)
    digest = keep(cache, tmp_path, b"x")
    assert cache.find(digest, "MD5", 1) is None
    large = FileCache(tmp_path / "cache", limit_bytes=10)
    assert large.find(keep(large, tmp_path, b"x" * 11), "MD5", 11) is None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    cache = FileCache(tmp_path / "cache")
    digest = keep(cache, tmp_path, b"x")
    assert cache.find(digest, "MD5", 1) is None
    assert cache.trim() == 0


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    digest = keep(cache, tmp_path, b"x")
    rest = cache.path(digest, "MD5").with_name(".rest")
    rest.write_bytes(b"half")
    fresh = cache.path(digest, "MD5").with_name(".fresh")
    fresh.write_bytes(b"half")
    os.utime(rest, (0, 0))
    cache.trim()
    assert (rest.exists(), fresh.exists()) == (False, True)


def test_processes_share_it(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from asyncwb.artifacts.cache import FileCache
from asyncwb.artifacts.digest import bytes_digest
cache = FileCache(Path(sys.argv[1]), limit_bytes=20_000)
source = Path(sys.argv[2])
for number in range(100):
    content = b"%d" % (number % 10) * 1000
    source.write_bytes(content)
    digest = bytes_digest(content)
    cache.add(source, digest, "MD5")
    found = cache.find(digest, "MD5", len(content))
    assert found is None or found.read_bytes() == content
"""
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "it"), str(tmp_path / name)])
        for name in "abcd"
    ]
    assert [process.wait(timeout=50) for process in started] == [0] * 4
    cache = FileCache(tmp_path / "it", limit_bytes=20_000)
    cache.trim()
    sizes = [path.stat().st_size for path in (tmp_path / "it" / "obj").rglob("*") if path.is_file()]
    assert sum(sizes) <= 20_000


def test_receipts(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    target = folder / "a"
    target.write_bytes(b"x")
    entry = ManifestEntry(path="a", digest=bytes_digest(b"x"), size=1)
    first = Receipts(tmp_path / "store", folder)
    first.load()
    assert not first.vouches_for(entry, target)
    first.note(entry, target)
    first.store()
    again = Receipts(tmp_path / "store", folder)
    again.load()
    assert again.vouches_for(entry, target)
    other = ManifestEntry(path="a", digest=bytes_digest(b"y"), size=1)
    assert not again.vouches_for(other, target)
    elsewhere = Receipts(tmp_path / "store", tmp_path)
    elsewhere.load()
    assert not elsewhere.vouches_for(entry, target)
    target.write_bytes(b"y")
    os.utime(target, (1, 1))
    assert not again.vouches_for(entry, target)
    target.unlink()
    assert not again.vouches_for(entry, target)


def test_damaged_receipts_are_as_none(tmp_path: Path) -> None:
    receipts = Receipts(tmp_path / "store", tmp_path)
    target = tmp_path / "a"
    target.write_bytes(b"x")
    entry = ManifestEntry(path="a", digest=bytes_digest(b"x"), size=1)
    receipts.note(entry, target)
    receipts.store()
    (path,) = (tmp_path / "store").iterdir()
    path.write_bytes(b"{")
    again = Receipts(tmp_path / "store", tmp_path)
    again.load()
    assert not again.vouches_for(entry, target)
