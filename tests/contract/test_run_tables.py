"""Tables, charts and values of artifacts against the embedded server: logged, and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
import pytest

import asyncwb
import asyncwb.sync
from asyncwb.errors import InvalidValueError, UsageError
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def settings(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return {"project": "tables"}


PLACE = {"minX": 0.1, "maxX": 0.2, "minY": 0.1, "maxY": 0.2}


def image(value: int) -> asyncwb.Image:
    return asyncwb.Image(
        np.full((4, 6, 3), value, np.uint8),
        caption=f"c{value}",
        boxes={
            "found": {
                "box_data": [
                    {
                        "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.1, "maxY": 0.2},
                        "class_id": 1,
                    }
                ],
                "class_labels": {1: "cat"},
            }
        },
        masks={"m": {"mask_data": np.ones((4, 6), np.uint8), "class_labels": {1: "cat"}}},
    )


def examples() -> asyncwb.Table:
    table = asyncwb.Table(columns=["id", "image", "when", "array", "list", "deep", "html"])
    for number in range(3):
        table.add_data(
            number + 0.5,
            image(number),
            datetime(2024, 1, 1 + number, tzinfo=UTC),
            np.arange(4).reshape(2, 2) + number,
            [number, None],
            {"x": number},
            asyncwb.Html(f"<p>{number}</p>", inject=False),
        )
    return table


async def test_a_logged_table_is_an_artifact_that_gives_it_back(settings: dict[str, Any]) -> None:
    table = examples()
    async with asyncwb.init(**settings) as run:
        await run.log({"examples": table})
        table.add_data(9, None, None, None, None, None, None)
        name = f"run-{run.id}-examples:latest"
    api = asyncwb.Api({"project": "tables"})
    version = await api.artifact(name)
    assert version.type == "run_table"
    found = await version.get("examples")
    assert isinstance(found, asyncwb.Table)
    assert found.columns == table.columns
    assert len(found.data) == 3
    for row, (number, picture, when, array, items, deep, html) in zip(
        table.data, found.data, strict=False
    ):
        assert (number, when, items, deep) == (row[0], row[2], row[4], row[5])
        assert (array == row[3]).all()
        assert picture.caption == row[1].caption
        assert (picture.to_data_array() == row[1].to_data_array()).all()
        assert picture.boxes["found"].boxes == row[1].boxes["found"].boxes
        assert picture.masks["m"].class_labels == {1: "cat"}
        assert html.html == row[6].html
    assert await version.get("nothing") is None
    run_on_server = await api.run(f"tables/{run.id}")
    value = run_on_server.summary["examples"]
    assert value["_type"] == "table-file"
    assert value["nrows"] == 3
    file = await run_on_server.file(value["path"])
    assert len(await file.read()) == value["size"]


def test_values_of_an_artifact_both_faces(settings: dict[str, Any]) -> None:
    with asyncwb.sync.init(**settings) as run:
        artifact = asyncwb.sync.Artifact("values", "dataset")
        first, second = (asyncwb.Table(columns=["k", at], data=[["x", 1]]) for at in ("a", "b"))
        assert artifact.add(first, "first").path == "first.table.json"
        artifact.add(second, "parts/one")
        artifact.add(second, "again")
        artifact.add(asyncwb.JoinedTable(first, "parts/one.table.json", "k"), "joined")
        artifact.add(asyncwb.PartitionedTable("parts"), "parted")
        artifact.add(asyncwb.Classes([{"id": 1, "name": "cat"}]), "classes")
        artifact.add(image(7), "picture")
        artifact.add(asyncwb.Object3D(np.zeros((2, 3))), "points")
        with pytest.raises(InvalidValueError, match=r"add_file\(\) takes files"):
            artifact.add("text", "text")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="once it is logged"):
            artifact.get("first")
        # The same value is there once, under its first name.
        assert "again.table.json" not in artifact.manifest.entries
        version = run.log_artifact(artifact).wait()
        joined = version.get("joined")
        assert isinstance(joined, asyncwb.JoinedTable)
        assert joined.tables == (first, second)
        parted = version.get("parted.partitioned-table.json")
        assert isinstance(parted, asyncwb.PartitionedTable)
        assert list(parted.iterrows()) == [(0, ["x", 1])]
        assert version.get("classes") == asyncwb.Classes([{"id": 1, "name": "cat"}])
        picture = version.get("picture")
        assert isinstance(picture, asyncwb.Image)
        assert picture.caption == "c7"
        assert isinstance(version.get("points"), asyncwb.Object3D)

        # What came from a version is referred to, whole or as a file of a cell.
        other = asyncwb.sync.Artifact("more", "dataset")
        known = version.get("first")
        assert known is not None
        entry = other.add(known, "first")
        assert entry.ref == version.get_entry("first.table.json").ref_url()
        other.add(asyncwb.Table(columns=["image"], data=[[picture]]), "pictures")
        refs = [one.ref for one in other.manifest if one.path.startswith("media/images")]
        assert len(refs) == 2
        assert all(ref and ref.startswith("wandb-artifact://") for ref in refs)
        later = run.log_artifact(other).wait()
        assert later.get("first") == first
        pictures = later.get("pictures")
        assert isinstance(pictures, asyncwb.Table)
        assert (pictures.data[0][0].to_data_array() == 7).all()

        # In a row of a run it says where it came from.
        run.log({"again": picture})
        run.flush()
    value = asyncwb.sync.Api().run(run.path).summary["again"]
    assert value["artifact_path"] == version.get_entry("picture.image-file.json").ref_url()
    assert value["path"].startswith("media/images/again_")


@pytest.mark.parametrize("face", ["async", "sync"])
async def test_a_table_that_is_logged_is_written_and_uploaded_once(
    settings: dict[str, Any], face: str
) -> None:
    """As the real package does it: what is added to an artifact then refers to the run's."""
    table = asyncwb.Table(
        columns=["n", "image"], data=[[number, image(number)] for number in range(3)]
    )
    if face == "async":
        async with asyncwb.init(**settings) as run:
            await run.log({"mine": table})
            artifact = asyncwb.Artifact(f"apart-{face}", "dataset")
            entry = await artifact.add(table, "theirs")
            assert [one.path for one in artifact.manifest] == ["theirs.table.json"]
            await (await run.log_artifact(artifact)).wait()
    else:

        def log() -> tuple[Any, Any]:
            with asyncwb.sync.init(**settings) as run:
                run.log({"mine": table})
                artifact = asyncwb.sync.Artifact(f"apart-{face}", "dataset")
                entry = artifact.add(table, "theirs")
                run.log_artifact(artifact).wait()
            return run, entry

        run, entry = await anyio.to_thread.run_sync(log)
    assert entry.path == "theirs.table.json"
    api = asyncwb.Api({"project": "tables"})
    logged = await api.artifact(f"run-{run.id}-mine:latest")
    there = (await logged.load()).entries["mine.table.json"]
    assert entry.digest == there.digest
    assert entry.ref is not None
    assert entry.ref.startswith("wandb-client-artifact://")
    version = await api.artifact(f"apart-{face}:latest")
    found = (await version.load()).entries["theirs.table.json"]
    assert found.ref == logged.get_entry("mine.table.json").ref_url()
    value = await version.get("theirs")
    assert isinstance(value, asyncwb.Table)
    assert value.get_column("n") == [0, 1, 2]
    assert (value.data[2][1].to_data_array() == image(2).to_data_array()).all()


async def test_a_table_is_written_again_where_it_is_not_what_was_logged(
    settings: dict[str, Any],
) -> None:
    changed = asyncwb.Table(columns=["n"], data=[[1]], log_mode="MUTABLE")
    steps = asyncwb.Table(columns=["n"], data=[[1]], log_mode="INCREMENTAL")
    offline = asyncwb.Table(columns=["n"], data=[[1]])
    async with asyncwb.init(**settings) as run:
        await run.log({"changed": changed, "steps": steps})
        await run.flush()
        changed.add_data(2)
        steps.add_data(2)
        artifact = asyncwb.Artifact("written", "dataset")
        for name, table in (("changed", changed), ("steps", steps)):
            assert (await artifact.add(table, name)).ref is None
        async with asyncwb.init(**settings, mode="offline", reinit="create_new") as other:
            await other.log({"offline": offline})
            assert (await artifact.add(offline, "offline")).ref is None
        version = await (await run.log_artifact(artifact)).wait()
        assert (await version.get("changed")) == changed
        assert (await version.get("offline")) == offline


async def test_a_run_refers_to_a_table_that_another_run_is_sending(
    settings: dict[str, Any],
) -> None:
    table = asyncwb.Table(columns=["n"], data=[[number] for number in range(20_000)])
    async with (
        asyncwb.init(**settings) as first,
        asyncwb.init(**settings, reinit="create_new") as second,
    ):
        await first.log({"table": table})
        artifact = asyncwb.Artifact("of-another", "dataset")
        assert (await artifact.add(table, "table")).ref is not None
        version = await (await second.log_artifact(artifact)).wait()
        assert (await version.get("table")) == table


async def test_increments_come_back_as_one_table(settings: dict[str, Any]) -> None:
    table = asyncwb.Table(columns=["a"], log_mode="INCREMENTAL")
    async with asyncwb.init(**settings) as run:
        for number in range(3):
            table.add_data(number)
            await run.log({"steps": table})
            await run.flush()
        name = f"run-{run.id}-incr-steps:latest"
    async with asyncwb.init(**settings, id=run.id, resume="must") as again:
        more = asyncwb.Table(columns=["a"], data=[[3]], log_mode="INCREMENTAL")
        await again.log({"steps": more})
    found = await (await asyncwb.Api({"project": "tables"}).artifact(name)).get("steps")
    assert found is None  # each increment has a name of its own
    version = await asyncwb.Api({"project": "tables"}).artifact(name)
    paths = sorted(path for path in (await version.load()).entries if path.endswith(".table.json"))
    assert [path.partition("-")[0] for path in paths] == ["1", "2", "3", "None"]
    whole = await version.get(paths[2])
    assert isinstance(whole, asyncwb.Table)
    assert whole.data == [[0], [1], [2], [3]]


async def test_a_chart_is_a_table_and_a_panel(settings: dict[str, Any]) -> None:
    async with asyncwb.init(**settings) as run:
        table = asyncwb.Table(columns=["x", "y"], data=[[1, 2]])
        chart = run.plot_table("team/chart", table, {"x": "x"}, {"title": "t"}, split_table=True)
        await run.log({"chart": chart, "loss": 1})
    found = await asyncwb.Api({"project": "tables"}).run(f"tables/{run.id}")
    summary = found.summary
    assert "chart" not in summary
    assert summary["Custom Chart Tables/chart_table"]["_type"] == "table-file"
    assert summary["loss"] == 1
