"""Drafts as records of a journal, and back; `test_run_artifacts_interop` has the package's."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncwb.artifacts.manifest import Manifest, ManifestEntry
from asyncwb.artifacts.recording import draft_of, record_of
from asyncwb.artifacts.saver import Draft
from asyncwb.errors import InvalidValueError, JournalError
from asyncwb.journal import records
from asyncwb.journal.artifact_records import (
    ArtifactManifest,
    ArtifactManifestEntry,
    ArtifactRecord,
    KeyValue,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def manifest(*entries: ManifestEntry, **options: Any) -> Manifest:
    made = Manifest(**options)
    for entry in entries:
        made.add(entry)
    return made


def back(draft: Draft) -> Draft:
    """Through the bytes of a journal."""
    body = records.decode(records.encode(record_of(draft))).body
    assert isinstance(body, ArtifactRecord)
    return draft_of(body, entity=draft.entity, project=draft.project, run_id="r")


# -- every draft comes back ------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
maybe = st.none() | words
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=4,
)
paths = st.lists(st.text("abü 0_-.", min_size=1, max_size=6), min_size=1, max_size=3).map(
    lambda parts: "/".join(f"x{part}" for part in parts)
)
digests = st.text("abcXYZ019+/=", min_size=1, max_size=24)
stored = st.builds(
    ManifestEntry,
    path=paths,
    digest=digests,
    size=st.integers(0, 2**50),
    extra=st.dictionaries(words, json_values, max_size=2),
    birth_artifact_id=maybe,
    local_path=maybe,
    skip_cache=st.booleans(),
)
# 0 stands for a size that nobody knows: nothing of a reference is stored.
referred = st.builds(
    ManifestEntry,
    path=paths,
    digest=words,
    ref=words.map("s3://bucket/".__add__),
    size=st.none() | st.integers(1, 2**50),
    extra=st.dictionaries(words, json_values, max_size=2),
)


@st.composite
def drafts(draw: Callable[..., Any]) -> Draft:
    kind = draw(st.sampled_from(["FULL", "INCREMENTAL", "PATCH"]))
    run_id = draw(st.sampled_from(["r", None]))
    content = manifest(
        algorithm=draw(st.sampled_from(["MD5", "XXH128"])), region=draw(st.none() | words)
    )
    for entry in draw(st.lists(stored | referred, max_size=5)):
        content.entries[entry.path] = entry
    return Draft(
        entity=draw(maybe),
        project=draw(words),
        run_id=run_id,
        user_run_id="r" if run_id is None else draw(st.sampled_from(["r", None])),
        type=draw(words),
        name=draw(words),
        manifest=content,
        kind=kind,
        aliases=tuple(draw(st.lists(words, max_size=3))),
        tags=tuple(draw(st.lists(words, max_size=3))),
        description=draw(maybe),
        metadata=draw(st.none() | st.dictionaries(words, json_values, min_size=1).map(json.dumps)),
        client_id=draw(words),
        sequence_client_id=draw(words),
        base_id=draw(maybe),
        distributed_id=draw(words) if kind == "PATCH" else None,
        ttl_seconds=draw(st.none() | st.sampled_from([-2, -1]) | st.integers(1, 2**31)),
        history_step=draw(st.none() | st.integers(1, 2**40)),
        finalize=draw(st.booleans()),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts())
def test_every_draft_comes_back(draft: Draft) -> None:
    found = back(draft)
    assert found.manifest.digest == draft.manifest.digest
    assert found.manifest.encode() == draft.manifest.encode()
    for name in Draft.__struct_fields__:
        if name == "manifest":
            assert found.manifest.entries == draft.manifest.entries
            assert found.manifest.algorithm == draft.manifest.algorithm
        else:
            assert getattr(found, name) == getattr(draft, name), name


# -- what a record says ----------------------------------------------------------------------


def test_the_fields_of_a_record() -> None:
    """Names as the format has them; entries in the order of their paths, as digests take them."""
    hello = "b1kCrCNwJL3QwXbLkwY9xA=="
    record = record_of(
        Draft(
            entity="e",
            project="p",
            run_id="r",
            type="dataset",
            name="data",
            manifest=manifest(
                ManifestEntry(path="sub/b", digest="x", ref="s3://b/k", extra={"etag": "t"}),
                ManifestEntry(path="hello.txt", digest=hello, size=12, local_path="/tmp/h"),
            ),
            aliases=("latest", "best"),
            metadata='{"a":1}',
            ttl_seconds=60,
        )
    )
    assert (record.run_id, record.entity, record.project) == ("r", "e", "p")
    assert (record.type, record.name, record.aliases) == ("dataset", "data", ["latest", "best"])
    assert (record.user_created, record.use_after_commit, record.finalize) == (False, False, True)
    assert (record.metadata, record.ttl_duration_seconds) == ('{"a":1}', 60)
    assert record.digest_algorithm == "MANIFEST_MD5"
    told = record.manifest
    assert told is not None
    assert (told.version, told.storage_policy) == (1, "wandb-storage-policy-v1")
    assert told.storage_policy_config == [KeyValue("storageLayout", '"V2"')]
    first, second = told.contents
    assert (first.path, first.digest, first.size) == ("hello.txt", hello, 12)
    assert first.local_path == "/tmp/h"
    assert (second.path, second.ref, second.extra) == (
        *("sub/b", "s3://b/k"), [KeyValue("etag", '"t"')],
    )  # fmt: skip


def test_the_documented_digest_of_one_file() -> None:
    entry = ManifestEntry(path="hello.txt", digest="b1kCrCNwJL3QwXbLkwY9xA==", size=12)
    draft = Draft(
        entity=None, project="p", run_id="r", type="t", name="n", manifest=manifest(entry)
    )
    assert record_of(draft).digest == "21866c7249bdfd9cd0fd1a1c7f4209a6"
    draft.manifest = manifest()
    assert record_of(draft).digest == "64e7c61456b10382e2f3b571ac24b659"


def test_a_used_draft_names_the_run_that_uses_it() -> None:
    draft = Draft(
        entity=None, project="p", run_id=None, user_run_id="r", type="t", name="n",
        manifest=manifest(),
    )  # fmt: skip
    record = record_of(draft)
    assert (record.run_id, record.user_created, record.use_after_commit) == ("r", True, True)
    # Sent under another name, it is that run which uses it.
    other = draft_of(record, entity="e", project="q", run_id="other")
    assert (other.entity, other.project, other.run_id, other.user_run_id) == (
        *("e", "q", None, "other"),
    )


# -- records that are not ours ---------------------------------------------------------------


def taken(told: ArtifactManifest | None) -> Manifest:
    record = ArtifactRecord(name="n", type="t", manifest=told)
    return draft_of(record, entity=None, project="p", run_id="r").manifest


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "a//..//../b"])
def test_paths_that_lead_out_are_refused(path: str) -> None:
    with pytest.raises(InvalidValueError):
        taken(ArtifactManifest(contents=[ArtifactManifestEntry(path=path, digest="d")]))


def test_a_record_without_a_manifest_is_an_empty_one() -> None:
    assert taken(None).entries == {}


def lines(path: Path, *entries: dict[str, Any]) -> ArtifactManifest:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(entry) + "\n" for entry in entries)
    return ArtifactManifest(manifest_file_path=str(path))


def test_a_manifest_in_a_file_of_its_own(tmp_path: Path) -> None:
    found = taken(
        lines(
            tmp_path / "manifest.jl.gz",
            {"path": "a", "digest": "1", "size": 3, "local_path": "/tmp/a"},
            {"path": "b", "digest": "2", "ref": "s3://b/k", "extra": {"etag": "x"}},
            {"path": "c", "digest": "3", "size": 1, "birthArtifactID": "QQ==", "skip_cache": True},
        )
    )
    assert list(found.entries.values()) == [
        ManifestEntry(path="a", digest="1", size=3, local_path="/tmp/a"),
        ManifestEntry(path="b", digest="2", ref="s3://b/k", extra={"etag": "x"}),
        ManifestEntry(path="c", digest="3", size=1, birth_artifact_id="QQ==", skip_cache=True),
    ]


def test_what_is_wrong_with_such_a_file(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jl.gz"
    gone = ArtifactManifest(manifest_file_path=str(path))
    with pytest.raises(InvalidValueError, match="is gone"):
        taken(gone)
    with pytest.raises(InvalidValueError):
        taken(lines(path, {"path": "../out", "digest": "1"}))
    for entry in ({"digest": "1"}, {"path": "a"}, {"path": "a", "digest": 1}):
        with pytest.raises(JournalError, match="cannot be read"):
            taken(lines(path, entry))
    path.write_bytes(b"no gzip")
    with pytest.raises(JournalError, match="cannot be read"):
        taken(gone)
    path.write_bytes(gzip.compress(b'{"path": "a", "digest": "1"}\n')[:-9])
    with pytest.raises(JournalError, match="cannot be read"):
        taken(gone)
    for text in (b"no json\n", b"[1]\n", b"\n"):
        path.write_bytes(gzip.compress(text))
        with pytest.raises(JournalError, match="cannot be read"):
            taken(gone)
    whole = bytearray(gzip.compress(b'{"path": "a", "digest": "1"}\n'))
    whole[12] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(JournalError, match="cannot be read"):
        taken(gone)
