"""Tables: cells in typed columns, changes, keys, and what is refused."""

from __future__ import annotations

import copy
import math
import pickle
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import asyncwb
from asyncwb.errors import ColumnTypeError, InvalidValueError, UnsupportedError, UsageError
from asyncwb.media.tables.cells import shown_rows, stored_rows
from asyncwb.media.tables.joined import JoinedTable, PartitionedTable
from asyncwb.media.tables.table import Table
from asyncwb.run import init

if TYPE_CHECKING:
    from collections.abc import Callable

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), st.text(max_size=8)
)
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.floats(-1e-3, 1e-3), st.floats(1e14, 1e18), st.integers(0, 9)
)


def types(table: Table) -> dict[Any, str]:
    return {name: str(kind) for name, kind in table.column_types.items()}


def test_what_a_table_is_made_of() -> None:
    rows = [[1, "a"], [2.5, None]]
    expected = {"n": "None or Number", "t": "None or String"}
    table = Table(columns=["n", "t"], data=rows)
    assert (table.data, types(table)) == (rows, expected)
    rows[0][0] = 9
    assert table.data[0][0] == 1
    assert Table(columns=["n", "t"], rows=[(1, "a")]).data == [[1, "a"]]
    frame = pd.DataFrame({"n": [1.5, math.nan], "t": ["a", None]})
    for made in (Table(data=frame), Table(dataframe=frame), Table(columns=["ignored"], data=frame)):
        assert made.columns == ["n", "t"]
        assert types(made) == expected
        assert made.data[0] == [1.5, "a"]
    array = Table(columns=["a", "b"], data=np.array([[1, 2], [3, 4]], np.int16))
    assert array.data == [[1, 2], [3, 4]]
    assert Table().columns == ["Input", "Output", "Expected"]


def test_cells_that_do_not_fit_change_nothing() -> None:
    table = Table(columns=["a", "b"], data=[[1, "x"]])
    for row in ([True, "y"], ["s", "y"], [1, 2], [1, [2]]):
        with pytest.raises(ColumnTypeError, match=r"column '[ab]', row 0"):
            table.add_data(*row)
    with pytest.raises(InvalidValueError, match="2 columns"):
        table.add_data(1)
    assert issubclass(ColumnTypeError, TypeError)
    assert table.data == [[1, "x"]]
    assert types(table) == {"a": "None or Number", "b": "None or String"}
    strict = Table(columns=["a"], data=[[1]], optional=False)
    with pytest.raises(ColumnTypeError, match="allow_mixed_types"):
        strict.add_data(None)
    with pytest.raises(ColumnTypeError):
        strict.add_data(math.nan)
    mixed = Table(columns=["a"], data=[[1], ["x"], [None], [[1]]], allow_mixed_types=True)
    assert types(mixed) == {"a": "Any or None"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table(columns="ab"), "list of names"),
        (lambda: Table(columns=["a", "a"]), "two columns 'a'"),
        (lambda: Table(columns=[1.5]), "text or an integer"),
        (lambda: Table(columns=["a"], data=[1]), "row 0 is a list of cells"),
        (lambda: Table(columns=["a"], data="text"), "data are rows"),
        (lambda: Table(columns=["a"], data=np.arange(3)), "two dimensions"),
        (lambda: Table(columns=["a"], data=[[1, 2]]), "a row of 2 cells"),
        (lambda: Table(columns=["a"], dtype=[int, int]), "dtype has 2 entries for 1 columns"),
        (lambda: Table(columns=["a"], optional=[True, False]), "optional has 2 entries"),
        (lambda: Table(columns=["a"], log_mode="SOMETIMES"), "log_mode is one of"),
    ],
)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        make()


def test_columns() -> None:
    table = Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", np.array([1.5, 2.5]))
    table.add_computed_columns(lambda number, row: {"c": row["a"] * 10 + number})
    assert table.data == [[1, 1.5, 10], [2, 2.5, 21]]
    assert table.get_column("c") == [10, 21]
    assert table.get_column("b", convert_to="numpy").tolist() == [1.5, 2.5]
    assert table.get_dataframe().to_dict("list") == {"a": [1, 2], "b": [1.5, 2.5], "c": [10, 21]}
    for call, message in (
        (lambda: table.add_column("d", [1]), "2 rows, the column 'd' 1"),
        (lambda: table.add_column("a", [1, 2]), "two columns"),
        (lambda: table.add_column("d", "xy"), "a list or an array"),
        (lambda: table.get_column("z"), "no column 'z'"),
        (lambda: table.add_computed_columns(lambda n, _: {"e": n} if n else {}), "not every row"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            call()
    with pytest.raises(ColumnTypeError):
        table.add_column("d", [1, "x"])
    with pytest.raises(ColumnTypeError):
        table.add_column("d", [1, None])
    assert table.columns == ["a", "b", "c"]
    assert [len(row) for row in table.data] == [3, 3]
    first = Table(columns=[])
    first.add_column("a", ["x", "y"])
    assert first.data == [["x"], ["y"]]


def test_casts() -> None:
    table = Table(columns=["a"], data=[[1], [2]])
    assert str(table.cast("a", int)) == "Number"
    with pytest.raises(ColumnTypeError, match="column 'a', row 0"):
        table.cast("a", str)
    words = Table(columns=["w"], data=[["x"]], dtype=["x"])
    words.add_data(None)
    with pytest.raises(ColumnTypeError):
        words.add_data("y")
    lists = Table(columns=["l"], data=[[[1, 2]], [[3]]])
    assert types(lists) == {"l": "None or Number[]"}


def test_keys_know_their_table() -> None:
    people = Table(columns=["id", "age"], data=[["a", 1], ["b", 2]])
    people.set_pk("id")
    pets = Table(columns=["owner", "row"], data=[["a", people.index_ref(1)]])
    pets.set_fk("owner", people, "id")
    assert pets.data[0][0].table is people
    assert pets.data[0][1].get_row() == {"id": "b", "age": 2}
    pets.add_data("b", 0)
    assert pets.data[1][1].get_row()["id"] == "a"
    assert [number for number, _ in people.iterrows()] == people.get_index() == [0, 1]
    for call in (
        lambda: people.set_pk("age"),
        lambda: pets.set_fk("owner", people, "nothing"),
        lambda: people.set_fk("id", pets, "owner"),
        lambda: pets.set_fk("row", pets, "owner"),
        lambda: people.cast("id", str),
        lambda: people.index_ref(2),
    ):
        with pytest.raises(InvalidValueError):
            call()


def test_tables_of_tables() -> None:
    one, other = Table(columns=["k"], data=[[1]]), Table(columns=["k"], data=[[2]])
    assert one.join(other, "k") == JoinedTable(one, other, "k")
    assert one.join(other, "k") != JoinedTable(one, other, ["k", "k"])
    for call in (
        lambda: JoinedTable(one, "path.json", "k"),
        lambda: JoinedTable(one, other, ["a", "b", "c"]),
        lambda: JoinedTable(one, None, "k"),  # type: ignore[arg-type]
        lambda: PartitionedTable(3),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidValueError):
            call()
    assert list(PartitionedTable("parts").iterrows()) == []


def test_incremental_tables_only_get_rows() -> None:
    table = Table(columns=["a"], log_mode="INCREMENTAL")
    table.add_data(1)
    with pytest.raises(UsageError, match="MUTABLE"):
        table.add_column("b", [1])
    with pytest.raises(UsageError):
        table.add_computed_columns(lambda *_: {})


def test_what_is_logged_is_a_copy() -> None:
    array, items, deep = np.zeros(2), [1], {"x": [1]}
    table = Table(columns=["a", "l", "d", "n"], data=[[array, items, deep, 1]])
    logged = table.as_logged()
    array += 1
    items.append(2)
    deep["x"].append(2)
    table.data[0][3] = 5
    table.add_data(None, None, None, 2)
    assert [cell if not hasattr(cell, "tolist") else cell.tolist() for cell in logged.data[0]] == [
        [0.0, 0.0], [1], {"x": [1]}, 1,
    ]  # fmt: skip
    assert len(logged.data) == 1
    with pytest.raises(InvalidValueError, match="a cell cannot be a object"):
        Table(columns=["o"], data=[[object()]]).as_logged()


def test_no_change_of_a_table_reaches_what_was_logged_of_it_before() -> None:
    rows = [[number, f"text {number}"] for number in range(4)]

    def change_a_cell(table: Table) -> None:
        table.data[0][0] = -1

    def change_a_row_of_a_loop(table: Table) -> None:
        for _, row in table.iterrows():
            row[1] = "other"

    def change_a_shallow_copy(table: Table) -> None:
        copy.copy(table).data[0][0] = -1

    def change_a_link(table: Table) -> None:
        table.set_fk("t", Table(columns=["k"], data=[["x"]]), "k")

    changes: list[Callable[[Table], object]] = [
        change_a_cell,
        change_a_row_of_a_loop,
        change_a_shallow_copy,
        change_a_link,
        lambda table: table.add_data(5, "x"),
        lambda table: table.add_column("new", [1, 2, 3, 4]),
        lambda table: table.add_computed_columns(lambda number, row: {"new": number}),
        lambda table: table.data.clear(),
        lambda table: setattr(table, "data", []),
    ]
    for change in changes:
        table = Table(columns=["n", "t"], data=rows, log_mode="MUTABLE")
        logged = table.as_logged()
        change(table)
        assert [[*map(type, row)] for row in logged.rows] == [[int, str]] * 4
        assert logged == Table(columns=["n", "t"], data=rows)


def test_rows_that_somebody_holds_stay_those_of_the_table() -> None:
    table = Table(columns=["n"], data=[[1], [2]])
    held, row = table.data, table.data[1]
    logged = table.as_logged()
    row[0] = 5
    held.append([3])
    assert table.data is held
    assert table.get_column("n") == [1, 5, 3]
    assert logged.data == [[1], [2]]
    again = table.as_logged()
    row[0] = 7
    assert again.data == [[1], [5], [3]]


def test_limit_of_rows(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 2)
    logged = Table(columns=["a"], data=[[1], [2], [3]]).as_logged()
    assert logged.data == [[1], [2]]
    assert "a table of 3 rows is cut to 2" in caplog.text


async def test_a_setting_refuses_what_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 2)
    table = Table(columns=["a"], data=[[1], [2], [3]])
    run = await init("p", mode="offline", settings={"table_raise_on_max_row_limit_exceeded": True})
    with pytest.raises(InvalidValueError, match="'long' is a table of 3 rows, the limit is 2"):
        await run.log({"long": table})
    await run.log({"short": Table(columns=["a"], data=[[1]])})
    await run.finish()
    assert run.summary["short"]["nrows"] == 1


async def test_increments_follow_each_other_and_an_immutable_table_stays_what_it_was() -> None:
    run = await init("p", mode="offline")
    steps = Table(columns=["a"], log_mode="INCREMENTAL")
    once = Table(columns=["a"])
    for number in range(20):
        steps.add_data(number)
        once.add_data(number)
        await run.log({"steps": steps, "once": once})
    await run.finish()
    last = run.summary["steps"]
    assert (last["increment_num"], last["nrows"]) == (19, 20)
    assert len(last["previous_increments_paths"]) == 19
    assert [path.split("/")[3].partition("-")[0] for path in last["previous_increments_paths"]] == [
        "None", *map(str, range(1, 19)),
    ]  # fmt: skip
    assert run.summary["once"]["nrows"] == 1


def test_arrays_of_media_and_equality() -> None:
    picture = asyncwb.Image(np.full((2, 2), 3, np.uint8))
    table = Table(columns=["i"], data=[[picture]])
    assert table.get_column("i", convert_to="numpy").tolist() == [[[3, 3], [3, 3]]]
    with pytest.raises(UnsupportedError, match="Html"):
        Table(columns=["h"], data=[[asyncwb.Html("x")]]).get_column("h", convert_to="numpy")
    assert table == Table(columns=["i"], data=[[picture]])
    assert table != Table(columns=["i"])
    plain = Table(columns=["a"], data=[[math.nan], [1]])
    for made in (copy.deepcopy(plain), pickle.loads(pickle.dumps(plain))):
        assert made == plain
        made.add_data(2)
        assert len(plain.data) == 2


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12))
def test_rows_of_any_cells_are_what_the_wandb_package_would_write(rows: list[list[Any]]) -> None:
    import json

    table = Table(columns=["a", "b", "c"], data=rows, allow_mixed_types=True)
    nan = [[None if cell != cell else cell for cell in row] for row in rows]
    assert b"".join(stored_rows(table.data, None)).decode() == json.dumps(nan)  # type: ignore[arg-type]
    shown = json.loads(b"".join(shown_rows(table.data)))
    assert str(shown) == str(rows)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=4))
def test_numbers_are_what_the_wandb_package_would_write(rows: list[list[float]]) -> None:
    import json

    nan = [[None if cell != cell else cell for cell in row] for row in rows]
    assert b"".join(stored_rows(rows, None)).decode() == json.dumps(nan)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cell",
    [
        1e-3, 1e-4, 9.9e-5, 1e-5, 1.5e-5, 1e-6, 5e-324, 10.00001, 1e15, 9007199254740993.0, 1e16,
        1.5e16, 1e17, 1e22, 1.7976931348623157e308, -0.0, 0.1 + 0.2, 2**53 + 1, 2**64 - 1, 2**64,
        -(2**63), -(2**63) - 1, 10**30, math.inf, -math.inf,
    ],
)  # fmt: skip
def test_a_number_at_a_border_is_what_the_wandb_package_would_write(cell: float) -> None:
    import json

    rows = [[1, cell], [cell, 2.5]]
    assert b"".join(stored_rows(rows, None)).decode() == json.dumps(rows)  # type: ignore[arg-type]


def test_tables_of_many_pieces_are_whole() -> None:
    import json

    for width in (1, 3, 2000):
        array = np.random.default_rng(0).normal(size=(max(3, 4000 // width), width))
        table = Table(columns=list(range(width)), data=array)
        rows = array.tolist()
        stored = b"".join(stored_rows(table.rows, None))  # type: ignore[arg-type]
        assert stored.decode() == json.dumps(rows)
        assert json.loads(b"".join(shown_rows(table.rows))) == rows


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CELLS, max_size=8))
def test_a_column_is_the_same_whether_cells_come_one_by_one_or_at_once(cells: list[Any]) -> None:
    single, refused = Table(columns=["a"]), None
    for cell in cells:
        try:
            single.add_data(cell)
        except ColumnTypeError as error:
            refused = error
            break
    if refused is None:
        whole = Table(columns=["a"], data=[[cell] for cell in cells])
        assert types(whole) == types(single)
        assert str(whole.data) == str(single.data)
    else:
        with pytest.raises(ColumnTypeError):
            Table(columns=["a"], data=[[cell] for cell in cells])


def test_times_are_milliseconds_in_an_artifact_and_text_in_a_row() -> None:
    rows = [[datetime(2024, 1, 2, tzinfo=UTC), date(2024, 1, 2), np.datetime64("2024-01-02")]]
    table = Table(columns=["a", "b", "c"], data=rows)
    assert set(types(table).values()) == {"None or Timestamp"}
    when = 1704153600000
    assert b"".join(stored_rows(rows, None)) == f"[[{when}, {when}, {when}]]".encode()  # type: ignore[arg-type]
    assert b"".join(shown_rows(rows)) == b'[["2024-01-02T00:00:00Z","2024-01-02","2024-01-02"]]'


def test_frames_of_polars() -> None:
    polars = pytest.importorskip("polars")
    rows = [[1, 1.5, "x", True], [2, None, None, False]]
    frame = polars.DataFrame(rows, schema=["n", "x", "text", "flag"], orient="row")
    for made in (Table(dataframe=frame), Table(data=frame)):
        assert made == Table(columns=["n", "x", "text", "flag"], data=rows)
    with pytest.raises(ColumnTypeError):
        made.add_data("three", 1.0, "x", True)
    assert made.to_polars().rows() == frame.rows()


def test_cells_of_arrow_tables() -> None:
    pytest.importorskip("pyarrow")
    when = datetime(2026, 1, 2, tzinfo=UTC)
    table = Table(
        columns=["n", "list", "time", "none", 5],
        data=[[1, [1, 2], when, None, np.arange(2)], [2, [], when, None, np.zeros(2)]],
    )
    found = table.to_arrow().to_pydict()
    assert found["n"] == [1, 2]
    assert found["list"] == ["[1,2]", "[]"]
    assert found["time"] == [when.isoformat()] * 2
    assert found["none"] == [None, None]
    assert found["5"] == ["[0,1]", "[0.0,0.0]"]
    assert Table(columns=["a"]).to_arrow().num_rows == 0


@pytest.mark.parametrize("kind", ["float64", "float32", "int8", "uint16", "bool"])
def test_tables_of_arrays_are_those_of_lists(kind: str) -> None:
    array = np.arange(12).reshape(4, 3).astype(kind)
    names = ["a", "b", "c"]
    of_lists = Table(columns=names, data=array.tolist())

    def of_array() -> Table:
        return Table(columns=names, data=array.copy())

    assert of_array() == of_lists
    assert repr(of_array()) == repr(of_lists)
    assert list(of_array().iterrows()) == list(of_lists.iterrows())
    assert of_array().get_column("b") == of_lists.get_column("b")
    writers: list[Any] = [shown_rows, lambda rows: stored_rows(rows, None)]  # type: ignore[arg-type]
    for write in writers:
        assert b"".join(write(of_array().rows)) == b"".join(write(of_lists.rows))
        assert b"".join(write(of_array().as_logged().rows)) == b"".join(write(of_lists.rows))

    table = of_array()
    logged = table.as_logged()
    table.data[0][0] = table.data[1][1]
    table.add_data(*array[0].tolist())
    assert logged == of_lists
    assert table.data == [[array[1, 1].item(), *array[0, 1:].tolist()], *array[1:].tolist(),
                          array[0].tolist()]  # fmt: skip
    with pytest.raises(ColumnTypeError):
        table.add_data("x", 1, 1)


def test_a_table_has_its_array_for_itself() -> None:
    array = np.zeros((2, 2))
    table = Table(columns=["a", "b"], data=array)
    array[:] = 1
    assert table.data == [[0.0, 0.0], [0.0, 0.0]]
    copied = pickle.loads(pickle.dumps(Table(columns=["a", "b"], data=array)))
    assert copied == Table(columns=["a", "b"], data=array)
    with pytest.raises(InvalidValueError, match="columns"):
        Table(columns=["a"], data=array)
    assert Table(columns=["a", "b"], data=array[:0]).data == []


def test_an_array_that_is_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 3)
    table = Table(columns=["a"], data=np.arange(5)[:, None])
    assert table.as_logged().data == [[0], [1], [2]]
    assert len(table.data) == 5
