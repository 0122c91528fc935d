"""Tables as Parquet files, as the page offers them."""

from __future__ import annotations

import asyncio
import io
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.server.routes import exports
from asyncwb.server.storage import parquet as writing

if TYPE_CHECKING:
    import httpx
    from server_client import Client

pq: Any = pytest.importorskip("pyarrow.parquet", reason="needs the export extra")

RUNS = "/-/export/local/demo/runs.parquet"


def history_of(run: str) -> str:
    return f"/-/export/local/demo/{run}/history.parquet"


async def file_of(client: Client, path: str, **query: str) -> Any:
    answer = await client.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    return pq.ParquetFile(io.BytesIO(answer.content))


async def table_of(client: Client, path: str, **query: str) -> Any:
    return (await file_of(client, path, **query)).read()


def types(table: Any) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


async def test_a_history_has_typed_columns_and_nulls_where_there_is_nothing(
    client: Client,
) -> None:
    await client.upsert("r")
    await client.history(
        "r",
        0,
        [
            {"_step": 0, "loss": 1, "n": 7, "ok": True, "text": "a", "mixed": 1, "long": 2**60},
            {"_step": 1, "loss": 0.5, "n": 8, "nothing": None, "mixed": "x", "long": 1},
            '{"_step": 2, "loss": NaN, "both": 9007199254740993, "deep": {"a": [1, Infinity]}}',
            {"_step": 5, "loss": 2, "both": 0.5, "huge": 10**30, "ok": None},
        ],
    )
    table = await table_of(client, history_of("r"))
    assert types(table) == {
        "_step": "int64", "loss": "double", "n": "int64", "ok": "bool", "text": "string",
        "mixed": "string", "long": "int64", "nothing": "double", "both": "string",
        "deep": "string", "huge": "string",
    }  # fmt: skip
    marked = [field.name for field in table.schema if field.metadata]
    assert marked == ["mixed", "both", "deep", "huge"]
    assert table.schema.field("deep").metadata == {b"asyncwb": b"json"}
    rows = table.to_pylist()
    assert [row["_step"] for row in rows] == [0, 1, 2, 5]
    assert [row["loss"] for row in rows[:2]] == [1.0, 0.5]
    assert math.isnan(rows[2]["loss"])
    assert [row["mixed"] for row in rows] == ["1", '"x"', None, None]
    assert [row["long"] for row in rows] == [2**60, 1, None, None]
    assert [row["both"] for row in rows] == [None, None, "9007199254740993", "0.5"]
    assert rows[2]["deep"] == '{"a":[1,Infinity]}'
    assert rows[3]["huge"] == str(10**30)
    assert [row["ok"] for row in rows] == [True, None, None, None]


async def test_rows_come_in_the_order_of_their_steps(client: Client) -> None:
    await client.upsert("r")
    for offset, steps in enumerate((range(50, 100), range(50), range(100, 150))):
        await client.history("r", 50 * offset, [{"_step": s, "x": s} for s in steps])
    table = await table_of(client, history_of("r"))
    assert table["_step"].to_pylist() == list(range(150))
    assert table["x"].to_pylist() == list(range(150))


async def test_a_long_history_is_written_in_groups(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.upsert("r")
    for start in range(0, 6000, 1000):
        rows = [{"_step": s, "x": s / 2, "pad": "y" * 100} for s in range(start, start + 1000)]
        await client.history("r", start, rows)
    monkeypatch.setattr(writing, "_GROUP_BYTES", 300_000)
    file = await file_of(client, history_of("r"))
    assert file.num_row_groups > 1
    assert file.read()["x"].to_pylist() == [s / 2 for s in range(6000)]


async def test_a_run_without_rows_is_an_empty_table(client: Client) -> None:
    await client.upsert("r")
    table = await table_of(client, history_of("r"))
    assert (types(table), table.num_rows) == ({"_step": "int64"}, 0)


async def test_runs_have_their_config_and_summary(client: Client) -> None:
    config = {"lr": {"value": 0.1}, "net": {"value": {"depth": 3, "kind": "mlp"}}, "_wandb": {}}
    await client.upsert("a", config=json.dumps(config), tags=["x", "y"], displayName="first")
    await client.history("a", 0, [{"_step": 0, "loss": 1.5}])
    body = {"files": {"wandb-summary.json": {"offset": 0, "content": ['{"loss": 1.5}']}}}
    await client.stream("a", body)
    await client.upsert("b", config='{"lr": {"value": 1}}', notes="\N{GRINNING FACE}")
    await client.upsert("c", modelName="other")
    table = await table_of(client, RUNS)
    found = types(table)
    assert (found["config.lr"], found["config.net.depth"]) == ("double", "int64")
    assert (found["config.net.kind"], found["notes"], found["sweep"]) == ("string",) * 3
    first, second = table.to_pylist()
    assert (first["run_id"], first["name"], first["entity"]) == ("a", "first", "local")
    assert (first["tags"], first["history_rows"], first["last_step"]) == ('["x","y"]', 1, 0)
    assert (first["config.lr"], first["config.net.depth"], first["summary.loss"]) == (0.1, 3, 1.5)
    assert (second["run_id"], second["config.lr"], second["config.net.kind"]) == ("b", 1.0, None)
    assert second["notes"] == "\N{GRINNING FACE}"


async def test_runs_are_filtered_and_ordered_as_in_listings(client: Client) -> None:
    for name, lr in (("a", 3), ("b", 1), ("c", 2), ("d", 9)):
        await client.upsert(name, config=json.dumps({"lr": {"value": lr}}))
    asked = {"filters": '{"config.lr": {"$lt": 5}}', "order": "-config.lr"}
    table = await table_of(client, RUNS, **asked)
    assert table["run_id"].to_pylist() == ["a", "c", "b"]
    for wrong in ({"filters": "{"}, {"filters": '{"x": {"$no": 1}}'}, {"order": "-"}):
        answer = await client.http.get(RUNS, params=wrong)
        assert answer.status_code == 400, wrong


async def test_texts_that_no_table_holds_are_mended(client: Client) -> None:
    await client.upsert("r", config='{"k": {"value": "a\\ud800"}}')
    line = '{"_step": 0, "t\\udc00": "b\\ud800", "x": NaN}'
    await client.history("r", 0, [line])
    (row,) = (await table_of(client, history_of("r"))).to_pylist()
    assert row["t\ufffd"] == "b\ufffd"
    (run,) = (await table_of(client, RUNS)).to_pylist()
    assert run["config.k"] == "a\ufffd"


async def test_a_table_is_a_download_that_a_browser_opens_nowhere(client: Client) -> None:
    await client.upsert("r")
    answer = await client.http.get(history_of("r"))
    assert answer.headers["content-disposition"] == 'attachment; filename="r-history.parquet"'
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_too_many_columns_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_COLUMNS", 3)
    await client.upsert("r")
    await client.history("r", 0, [{"_step": 0, "a": 1, "b": 2, "c": 3}])
    answer = await client.http.get(history_of("r"))
    assert answer.status_code == 400
    assert "asyncwb export" in answer.text


async def test_without_pyarrow_the_page_is_told_and_the_route_says_what_to_install(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.http.get("/-/session")).json()["parquet"] is True
    await client.upsert("r")

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(writing, "find_spec", lambda name: None)
    monkeypatch.setattr(writing, "import_module", missing)
    assert (await client.http.get("/-/session")).json()["parquet"] is False
    answer = await client.http.get(history_of("r"))
    assert answer.status_code == 400
    assert "asyncwb[server,export]" in answer.text


async def test_one_table_is_made_at_a_time_and_few_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.upsert("r")
    monkeypatch.setattr(exports, "_MOST_WAITING", 2)
    working, most = 0, 0
    original = exports.ExportEndpoints._make

    async def watched(*given: Any) -> Any:
        nonlocal working, most
        working += 1
        most = max(most, working)
        await asyncio.sleep(0.05)
        made = await original(*given)
        working -= 1
        return made

    monkeypatch.setattr(exports.ExportEndpoints, "_make", watched)
    asked = [client.http.get(history_of("r")) for _ in range(4)]
    answers: list[httpx.Response] = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
    assert most == 1
    assert (await client.http.get(history_of("r"))).status_code == 200
