"""The Api against the embedded server: listings, history, files, changes, faults."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from seed import seed

from asyncwb.api import Api
from asyncwb.errors import (
    AuthenticationError,
    CommError,
    GraphQLError,
    InvalidValueError,
    RunNotFoundError,
    UsageError,
)
from asyncwb.portal import PORTAL
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS: list[dict[str, Any]] = [
    {
        "_step": step,
        "_timestamp": 1.7e9 + step,
        "_runtime": step * 0.5,
        "loss": 1 / (step + 1),
        **({"sparse": step} if step % 7 == 0 else {}),
        **({"odd": float("nan") if step % 2 else float("inf")} if step % 100 == 0 else {}),
        "nested": {"a": {"b": step}},
    }
    for step in range(3_000)
]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        seed(running, "hist", "dense", rows=ROWS, summary={"loss": 0.1, "n": {"x": 1}})
        jumps = [5, 5, 900_000, 10, 5, 1_000_000, 40, 900_000]
        seed(running, "hist", "jumps", rows=[{"_step": s, "n": n} for n, s in enumerate(jumps)])
        for n in range(12):
            seed(
                running,
                "list",
                f"r{n:02}",
                config={"lr": n / 10, "deep": {"x": n}},
                summary={"loss": 1 - n / 20},
                tags=["even"] if n % 2 == 0 else ["odd"],
                finished=n != 11,
            )
        yield running


@pytest.fixture
def api(server: LocalServer) -> Api:
    return Api(server.settings)


async def test_who_am_i(api: Api, server: LocalServer) -> None:
    assert await api.default_entity() == server.entity
    viewer = await api.viewer()
    assert viewer.username
    await api.flush()
    assert await api.viewer() == viewer


async def test_listing_in_pages(api: Api) -> None:
    runs = api.runs("list", per_page=5)
    assert await runs.length() == 12
    found = [run async for run in runs]
    assert [run.id for run in found] == [f"r{n:02}" for n in range(12)]
    assert found[3].config == {"lr": 0.3, "deep": {"x": 3}}
    assert found[3].summary["loss"] == pytest.approx(0.85)
    assert [run.state for run in found[10:]] == ["finished", "running"]
    assert (await runs.get(-2)).id == "r10"
    assert [run.id for run in await runs.slice(4, 6)] == ["r04", "r05"]


async def test_filters_and_order(api: Api) -> None:
    async def ids(filters: dict[str, Any], order: str = "+created_at") -> list[str]:
        return [run.id async for run in api.runs("list", filters, order)]

    assert await ids({"config.lr": {"$gt": 0.85}}) == ["r09", "r10", "r11"]
    assert await ids({"tags": "odd", "state": "finished"}) == ["r01", "r03", "r05", "r07", "r09"]
    assert await ids({"name": {"$in": ["r03", "r01"]}}) == ["r01", "r03"]
    assert (await ids({}, "+summary_metrics.loss"))[0] == "r11"
    assert (await ids({}, "-created_at"))[-1] == "r00"
    with pytest.raises(GraphQLError, match=r"\$near"):
        await ids({"config.lr": {"$near": 3}})


async def test_lazy_runs_are_light_until_loaded(api: Api) -> None:
    run = await api.runs("list", lazy=True).get(2)
    assert run.tags == ["even"]
    with pytest.raises(UsageError):
        _ = run.config
    await run.load()
    assert run.config["lr"] == 0.2


def same(a: object, b: object) -> bool:
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


async def test_every_row_comes_back(api: Api) -> None:
    run = await api.run("hist/dense")
    assert run.last_history_step == 2_999
    assert same([row async for row in run.scan_history()], ROWS)
    assert same([row async for row in run.scan_history(page_size=37)], ROWS)
    part = [row async for row in run.scan_history(min_step=990, max_step=1_010)]
    assert same(part, ROWS[990:1_010])


async def test_keys_give_rows_that_have_them_all(api: Api) -> None:
    run = await api.run("hist/dense")
    got = [row async for row in run.scan_history(keys=["loss", "sparse"])]
    expected = [
        {"loss": row["loss"], "sparse": row["sparse"], "_step": row["_step"]}
        for row in ROWS
        if "sparse" in row
    ]
    assert same(got, expected)


async def test_steps_that_jump_repeat_and_go_back(api: Api) -> None:
    run = await api.run("hist/jumps")
    got = [(row["_step"], row["n"]) async for row in run.scan_history(page_size=1)]
    assert got == [
        (5, 0), (5, 1), (5, 4), (10, 3), (40, 6), (900_000, 2), (900_000, 7), (1_000_000, 5),
    ]  # fmt: skip


async def test_sampled_history(api: Api) -> None:
    run = await api.run("hist/dense")
    rows = await run.history(samples=100, pandas=False)
    assert 2 <= len(rows) <= 100
    frame = await run.history(samples=50, keys=["loss"])
    assert {"_step", "loss"} <= set(frame.columns)
    assert len(frame) <= 50


async def test_several_scans_and_listings_at_once(api: Api) -> None:
    run = await api.run("hist/dense")

    async def scan() -> int:
        return len([row async for row in run.scan_history()])

    async def listing() -> int:
        return len([found async for found in api.runs("list", per_page=2)])

    counts = await asyncio.gather(*(scan() for _ in range(5)), *(listing() for _ in range(5)))
    assert counts == [3_000] * 5 + [12] * 5


async def test_leaving_a_scan_early(api: Api) -> None:
    run = await api.run("hist/dense")
    async with aclosing(run.scan_history(page_size=10).rows()) as rows:
        assert (await anext(rows))["_step"] == 0
    assert len([row async for row in run.scan_history()]) == 3_000


async def test_changes_reach_the_server(api: Api, server: LocalServer) -> None:
    seed(server, "change", "c1", config={"lr": 1}, summary={"loss": 1})
    run = await api.run("change/c1")
    run.name, run.notes, run.group, run.tags = "renamed", "hello", "g", ["a", "b"]
    run.config["new"] = {"x": [1, 2]}
    run.summary["best"] = {"loss": 0.5}
    await run.update()
    again = await api.run("change/c1")
    assert (again.name, again.notes, again.group, again.tags) == (
        "renamed",
        "hello",
        "g",
        ["a", "b"],
    )
    assert again.config == {"lr": 1, "new": {"x": [1, 2]}}
    assert again.summary_metrics == {"loss": 1, "best": {"loss": 0.5}}
    await again.summary.update({"best": {"acc": 1}})
    await run.load(force=True)
    assert run.summary["best"] == {"acc": 1}
    run.tags = "ab"  # type: ignore[assignment]
    with pytest.raises(InvalidValueError, match="tags must be a list"):
        await run.update()
    assert (await api.run("change/c1")).tags == ["a", "b"]
    await run.wait_until_finished()
    await run.delete()
    with pytest.raises(RunNotFoundError, match="change/c1"):
        await api.run("change/c1")


async def test_files_go_up_and_come_down(api: Api, server: LocalServer, tmp_path: Path) -> None:
    seed(server, "files", "f1")
    run = await api.run("files/f1")
    source = tmp_path / "sub" / "data.bin"
    source.parent.mkdir()
    source.write_bytes(bytes(range(256)) * 8_000)
    file = await run.upload_file(source, tmp_path)
    assert (file.name, file.size) == ("sub/data.bin", 2_048_000)
    (tmp_path / "empty.txt").touch()
    await run.upload_file(tmp_path / "empty.txt", tmp_path)
    sizes = {found.name: found.size async for found in run.files(per_page=1)}
    assert sizes == {"sub/data.bin": 2_048_000, "empty.txt": 0}
    assert await run.files().length() == 2
    assert [f.name async for f in run.files(pattern="%.bin")] == ["sub/data.bin"]
    assert await (await run.file("empty.txt")).read() == b""
    target = await file.download(tmp_path / "down")
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(UsageError, match="replace=True"):
        await file.download(tmp_path / "down")
    assert await file.download(tmp_path / "down", exist_ok=True) == target
    target.write_bytes(b"old")
    await file.download(tmp_path / "down", replace=True)
    assert target.stat().st_size == 2_048_000
    assert [path.name for path in target.parent.iterdir()] == ["data.bin"]
    with pytest.raises(CommError, match="no-such"):
        await run.file("no-such")
    with pytest.raises(InvalidValueError, match="lie under"):
        await run.upload_file(source, tmp_path / "down")
    await file.delete()
    with pytest.raises(CommError):
        await run.file("sub/data.bin")


@pytest.mark.parametrize("name", ["../up", "/abs", "a/../../b", "c:\\x", "..", "a\\..\\b"])
async def test_a_file_name_never_leaves_the_folder(
    name: str, api: Api, server: LocalServer, tmp_path: Path
) -> None:
    seed(server, "files", "f2")
    run = await api.run("files/f2")
    (tmp_path / "x").write_text("x")
    file = await run.upload_file(tmp_path / "x", tmp_path)
    file.name = name
    with pytest.raises(InvalidValueError, match="out of the folder"):
        await file.download(tmp_path / "down")
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


@pytest.mark.parametrize("name", ["a:b.txt", "media:x/y", "x" * 250, "sub/." + "y" * 250, "é %+?#"])
async def test_unusual_file_names_come_down(
    name: str, api: Api, server: LocalServer, tmp_path: Path
) -> None:
    seed(server, "files", "f3")
    source = tmp_path / "up" / name
    source.parent.mkdir(parents=True)
    source.write_text(name)
    file = await (await api.run("files/f3")).upload_file(source, tmp_path / "up")
    assert file.name == name
    assert (await file.download(tmp_path / "down")).read_text() == name
    found = [path.name for path in (tmp_path / "down").rglob("*") if path.is_file()]
    assert found == [Path(name).name]


async def test_what_is_missing_is_named(api: Api, server: LocalServer) -> None:
    with pytest.raises(RunNotFoundError, match=f"{server.entity}/list/nope"):
        await api.run("list/nope")
    with pytest.raises(RunNotFoundError, match="nowhere/r1"):
        await api.run("nowhere/r1")
    with pytest.raises(ValueError, match="nowhere"):
        await api.runs("nowhere").length()


async def test_a_wrong_key_is_an_authentication_error(server: LocalServer) -> None:
    key = "wrong" * 8
    with pytest.raises(AuthenticationError) as caught:
        await Api(server.settings, api_key=key).run("list/r00")
    assert key not in str(caught.value)


async def test_a_scan_through_faults_has_every_row_once(server: LocalServer) -> None:
    kinds = [kind for kind in Fault if kind is not Fault.SILENCE]
    script = [fate for kind in kinds for fate in (None, None, None, kind)]
    with FaultProxy(server.url, script=script) as proxy:
        api = Api({**server.settings, "base_url": proxy.url}, timeout=30)
        run = await api.run("hist/dense")
        for _ in range(3):
            assert same([row async for row in run.scan_history(page_size=20)], ROWS)
        assert proxy.faulted == len(kinds)


def test_the_blocking_way_through_the_portal(server: LocalServer) -> None:
    api = Api(server.settings)
    run = PORTAL.call(api.run, "hist/dense")
    rows = [row for batch in PORTAL.iterate(run.scan_history().batches) for row in batch]
    assert same(rows, ROWS)


async def test_rows_asked_for_by_key_have_numbers_for_nan_and_infinities(
    server: LocalServer, tmp_path: Path
) -> None:
    inf = float("inf")
    rows: list[dict[str, Any]] = [
        {"_step": 0, "x": float("nan"), "deep": {"y": [inf, -inf, 1]}, "text": "nan"},
        {"_step": 1, "x": -inf, "deep": {"y": []}, "text": "Infinite"},
    ]
    seed(server, "hist", "numbers", rows=rows)
    run = await Api(overrides=server.settings).run(f"{server.entity}/hist/numbers")
    keys = ["x", "deep", "text"]
    for found in (
        [row async for row in run.scan_history(keys=keys)],
        await run.history(keys=keys, pandas=False),
        [row async for row in run.scan_history()],
    ):
        assert repr([{key: row[key] for key in ("_step", *keys)} for row in found]) == repr(rows)


async def test_a_server_without_history_files_has_none_to_save(
    api: Api, server: LocalServer, tmp_path: Path
) -> None:
    run = await api.run(f"{server.entity}/hist/dense")
    saved = await run.download_history_exports(tmp_path / "files")
    assert (saved.paths, saved.errors, saved.contains_live_data) == ([], None, False)
