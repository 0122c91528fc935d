"""Media in rows and summaries: who encodes what when, and what the journal has of it."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import subprocess
import sys
import textwrap
import threading
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anyio
import numpy as np
import pytest
from run_journals import bodies, rows, user_rows

from asyncwb.errors import ClosedError, InvalidValueError, WaitTimeoutError
from asyncwb.journal.records import FilesRecord
from asyncwb.media import Audio, Histogram, Html, Image, Video
from asyncwb.media.base import Media
from asyncwb.media.content import Content
from asyncwb.run import Run, init

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.media.base import Place

pil = pytest.importorskip("PIL.Image")

SECONDS = 20.0


class Slow(Media):
    """Encoded when the test says so."""

    json_type = "slow-file"
    folder = "slow"
    made: ClassVar[list[Slow]] = []

    def __init__(self, text: str = "slow", *, held: int = 0) -> None:
        self.go = threading.Event()
        self.thread: int | None = None
        self._text = text
        self._bytes = held
        super().__init__(Content(self._encode, ".txt", held=held))
        Slow.made.append(self)

    def _encode(self) -> bytes:
        self.thread = threading.get_ident()
        assert self.go.wait(SECONDS)
        return self._text.encode()


class Broken(Media):
    """Cannot be encoded."""

    json_type = "broken-file"

    def to_json(self, place: Place) -> dict[str, Any]:
        raise OSError("no such luck")


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    yield
    for one in Slow.made:
        one.go.set()
    Slow.made.clear()


async def offline(**keywords: Any) -> Run:
    return await init("p", mode="offline", **keywords)


def journal_rows(run: Run) -> list[dict[str, Any]]:
    return user_rows(run.status().journal)


async def written(run: Run, count: int) -> list[dict[str, Any]]:
    """The rows, when there are so many."""
    with anyio.fail_after(SECONDS):
        while len(found := journal_rows(run)) < count:  # noqa: ASYNC110 - written by a thread
            await anyio.sleep(0.005)
    return found


def pixels(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)


def uploads(run: Run) -> list[str]:
    return [
        item.path
        for body in bodies(run.status().journal)
        if isinstance(body, FilesRecord)
        for item in body.files
        if item.path.startswith("media/")
    ]


async def test_an_image_is_a_file_and_a_value() -> None:
    run = await offline()
    array = pixels()
    before = array.copy()
    await run.log({"image": Image(array, caption="c"), "loss": 0.5})
    array[:] = 0  # of no consequence any more
    await run.finish()
    (row,) = journal_rows(run)
    value = row["image"]
    data = Path(run.dir, value["path"]).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert row["loss"] == 0.5
    assert value == {
        "_type": "image-file", "caption": "c", "format": "png", "width": 6, "height": 5,
        "path": f"media/images/image_0_{digest[:20]}.png", "sha256": digest, "size": len(data),
    }  # fmt: skip
    assert np.array_equal(np.asarray(pil.open(BytesIO(data))), before)
    assert uploads(run) == [value["path"]]


async def test_rows_without_media_pass_by_and_steps_stay() -> None:
    run = await offline()
    first, second = Slow("1"), Slow("2")
    await run.log({"slow": first, "n": 0})
    await run.log({"n": 1})
    await run.log({"slow": second})
    await run.log({"n": 3})
    assert [row["_step"] for row in journal_rows(run)] == [1, 3]
    second.go.set()
    assert [row["_step"] for row in await written(run, 3)] == [1, 3, 2]
    first.go.set()
    found = await written(run, 4)
    assert found[-1]["_step"] == 0
    assert found[-1]["n"] == 0
    assert found[-1]["slow"]["path"].startswith("media/slow/slow_0_")
    times = {row["_step"]: row["_timestamp"] for row in rows(run.status().journal)}
    assert sorted(times, key=lambda step: times[step]) == [0, 1, 2, 3]
    await run.finish()


async def test_log_never_waits_for_an_encoder() -> None:
    run = await offline()
    slow = [Slow(str(n)) for n in range(10)]
    for one in slow:
        await run.log({"slow": one})
    # All returned, though none can be encoded before now.
    for one in slow:
        one.go.set()
    await run.finish()
    assert sorted(row["_step"] for row in journal_rows(run)) == list(range(10))


async def test_media_in_open_rows() -> None:
    run = await offline()
    slow = Slow()
    await run.log({"slow": slow, "n": {"a": 1}}, commit=False)
    await run.log({"n": {"b": Html("x")}, "histogram": Histogram([1, 2], num_bins=1)}, commit=False)
    await run.log({"histogram": Histogram([1, 2, 3, 4], num_bins=2)}, step=0)
    slow.go.set()
    await run.log({"late": Html("y")}, step=7, commit=True)
    await run.finish()
    one, other = sorted(journal_rows(run), key=lambda row: row["_step"])
    assert one["slow"]["_type"] == "slow-file"
    assert one["n"]["a"] == 1
    assert one["n"]["b"]["path"].startswith("media/html/b_0_")
    # Replaced as a whole, not leaf by leaf.
    assert one["histogram"] == {"_type": "histogram", "values": [2, 2], "bins": [1, 2.5, 4]}
    assert other["_step"] == 7
    assert other["late"]["path"].startswith("media/html/late_7_")


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        ({"x": Html("a")}, {"x": 5}, 5),
        ({"x": 5}, {"x": Html("a")}, "html-file"),
        ({"x": Html("a")}, {"x": {"y": 1}}, {"y": 1}),
        ({"x": {"y": 1}}, {"x": Html("a")}, "html-file"),
        ({"x": {"y": Html("a")}}, {"x": 5}, 5),
        ({"x": Html("a")}, {"x": Audio}, None),
    ],
)
async def test_of_an_open_row_the_later_value_counts(first: Any, then: Any, kept: Any) -> None:
    run = await offline()
    await run.log(first, commit=False)
    if kept is None:
        with pytest.raises(InvalidValueError, match="'x'"):
            await run.log(then)
        kept = "html-file"
        await run.log({})
    else:
        await run.log(then)
    await run.finish()
    (row,) = journal_rows(run)
    assert (row["x"]["_type"] if kept == "html-file" else row["x"]) == kept


async def test_a_step_behind_is_a_row_of_its_own() -> None:
    run = await offline()
    await run.log({"n": 1}, step=5, commit=True)
    await run.log({"late": Html("x")}, step=2)
    await run.finish()
    late = next(row for row in journal_rows(run) if "late" in row)
    assert late["_step"] == 2
    assert late["late"]["path"].startswith("media/html/late_2_")


async def test_nested_values_and_lists() -> None:
    run = await offline()
    images = [Image(pixels(n), caption=str(n)) for n in range(3)]
    await run.log(
        {
            "images": images,
            "pair": (images[0], images[1]),
            "mixed": [images[0], 1, "x", np.arange(2), Histogram([1], num_bins=1)],
            "dicts": [{"image": images[2]}, {"n": 1}],
            "deep": {"a": {"b": Html("x")}, "c": 1},
        }
    )
    await run.finish()
    (row,) = journal_rows(run)
    assert row["images"]["_type"] == "images/separated"
    assert row["images"]["captions"] == ["0", "1", "2"]
    assert row["images"]["count"] == len(row["images"]["filenames"]) == 3
    assert row["pair"]["count"] == 2
    kinds = [item["_type"] if isinstance(item, dict) else item for item in row["mixed"]]
    assert kinds == ["image-file", 1, "x", [0, 1], "histogram"]
    assert row["dicts"][0]["image"]["_type"] == "image-file"
    assert row["dicts"][1] == {"n": 1}
    assert row["deep"]["c"] == 1
    assert row["deep"]["a"]["b"]["_type"] == "html-file"


async def test_only_so_many_images_are_in_one_list(caplog: pytest.LogCaptureFixture) -> None:
    run = await offline()
    await run.log({"many": [Image(np.full((1, 1), n, np.uint8)) for n in range(110)]})
    await run.finish()
    (row,) = journal_rows(run)
    assert row["many"]["count"] == 108
    assert "first 108 of 110" in caplog.text


async def test_the_same_content_is_one_file() -> None:
    run = await offline()
    for step in range(3):
        await run.log({f"k{step}": Image(pixels()), "other": Html("x")})
    await run.finish()
    found = journal_rows(run)
    assert len({row["other"]["path"] for row in found}) == 1
    assert len({row[f"k{row['_step']}"]["path"] for row in found}) == 1
    assert len(uploads(run)) == 2
    files = [path for path in Path(run.dir, "media").rglob("*") if path.is_file()]
    assert len(files) == 2


async def test_one_value_may_be_logged_again_and_by_another_run() -> None:
    one, other = await offline(), await offline()
    image = Image(pixels())
    await one.log({"a": image})
    await one.log({"b": image})
    await one.flush()
    await other.log({"c": image})
    await one.finish()
    await other.finish()
    path = journal_rows(other)[0]["c"]["path"]
    assert path.startswith("media/images/c_0_")
    row = next(row for row in journal_rows(one) if "a" in row)
    first = Path(one.dir, row["a"]["path"])
    assert Path(other.dir, path).read_bytes() == first.read_bytes()
    assert image.held == 0  # the pixels are not kept


async def test_a_file_may_be_deleted_right_after_the_call() -> None:
    run = await offline()
    Path("film.mp4").write_bytes(b"film")
    gate = [Slow(), Slow()]  # both threads of the pool are busy
    for one in gate:
        await run.log({"slow": one})
    await run.log({"film": Video("film.mp4")})
    Path("film.mp4").unlink()
    for one in gate:
        one.go.set()
    await run.finish()
    film = next(row for row in journal_rows(run) if "film" in row)["film"]
    assert Path(run.dir, film["path"]).read_bytes() == b"film"


async def test_a_file_that_is_gone_before_the_call_is_told_of() -> None:
    run = await offline()
    Path("film.mp4").write_bytes(b"film")
    film = Video("film.mp4")
    Path("film.mp4").unlink()
    with pytest.raises(InvalidValueError, match="'film': a file cannot be read"):
        await run.log({"n": 1, "film": film})
    await run.log({"n": 2})
    await run.finish()
    assert journal_rows(run) == [{"_step": 0, "n": 2}]


async def test_bad_values_beside_media_write_nothing() -> None:
    run = await offline()
    for row in (
        {"image": Image(pixels()), "bad": object()},
        {"image": [Image(pixels()), object()]},
        {"\ud800": Html("x")},
        {5: Html("x")},
        {"n": {"bad": object(), "html": Html("x")}},
    ):
        with pytest.raises(InvalidValueError):
            await run.log(row)  # type: ignore[arg-type]
    cycle: list[Any] = [Html("x")]
    cycle.append(cycle)
    with pytest.raises(InvalidValueError, match="nested"):
        await run.log({"cycle": cycle})
    await run.log({"n": 1})
    await run.finish()
    assert journal_rows(run) == [{"_step": 0, "n": 1}]
    assert uploads(run) == []
    gc.collect()  # a file left open would be told of here


async def test_what_cannot_be_encoded_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    run = await offline()
    for n in range(2):
        await run.log({"broken": Broken(None), "n": n})
    await run.finish()
    assert sorted(row["n"] for row in journal_rows(run)) == [0, 1]
    assert not any("broken" in row for row in journal_rows(run))
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in told] == [
        "'broken' could not be encoded, its rows go without it: no such luck"
    ]


async def test_too_much_that_waits_is_encoded_by_the_caller() -> None:
    run = await offline(settings={"media_buffer_bytes": 100})
    waiting, more = Slow("a", held=90), Slow("b", held=20)
    more.go.set()
    await run.log({"slow": waiting})
    await run.log({"slow": more})
    assert more.thread == threading.get_ident()
    assert [row["_step"] for row in journal_rows(run)] == [1]
    waiting.go.set()
    await run.finish()
    assert waiting.thread != threading.get_ident()


async def test_one_that_is_too_large_alone_is_no_burden_of_the_caller() -> None:
    run = await offline(settings={"media_buffer_bytes": 100})
    large = Slow(held=1000)
    large.go.set()
    await run.log({"slow": large})
    await run.finish()
    assert large.thread != threading.get_ident()


async def test_flush_waits_for_encoders() -> None:
    run = await offline()
    slow = Slow()
    await run.log({"slow": slow})
    with pytest.raises(WaitTimeoutError, match="encoded"):
        await run.flush(timeout=0.05)
    slow.go.set()
    await run.flush()
    assert [row["_step"] for row in journal_rows(run)] == [0]
    await run.finish()


async def test_the_end_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    run = await offline()
    hanging = [Slow(str(n)) for n in range(4)]
    for n, one in enumerate(hanging):
        await run.log({"slow": one, "n": n})
    await run.finish(timeout=0.2)
    found = journal_rows(run)
    assert sorted(row["n"] for row in found) == [0, 1, 2, 3]
    assert not any("slow" in row for row in found)
    assert "4 media values were not encoded by the end" in caplog.text
    with pytest.raises(ClosedError):
        await run.log({"html": Html("x")})
    for one in hanging:
        one.go.set()
    # Behind them in the pool.
    async with await offline() as other:
        await other.log({"html": Html("x"), "more": Html("y")})
    assert journal_rows(run) == found


async def test_media_in_the_summary() -> None:
    run = await offline()
    run.summary["best"] = Image(pixels())
    run.summary.update({"n": 1, "deep": {"html": Html("x"), "m": 2}})
    run.summary["histogram"] = Histogram([1, 2], num_bins=1)
    assert run.summary["histogram"]["values"] == [2]
    assert run.summary["n"] == 1
    await run.flush()
    assert run.summary["best"]["path"].startswith("media/images/best_summary_")
    assert run.summary["deep"]["m"] == 2
    assert run.summary["deep"]["html"]["path"].startswith("media/html/deep.html_summary_")
    await run.finish()


async def test_a_newer_value_of_a_summary_stays() -> None:
    run = await offline()
    by_hand, by_row, deleted, kept = Slow("1"), Slow("2"), Slow("3"), Slow("4")
    run.summary.update({"deleted": 0})
    run.summary.update({"a": by_hand, "b": by_row, "deleted": deleted, "kept": kept})
    run.summary["a"] = 5
    await run.log({"b": 6})
    del run.summary["deleted"]
    for one in (by_hand, by_row, deleted, kept):
        one.go.set()
    await run.flush()
    assert run.summary["a"] == 5
    assert run.summary["b"] == 6
    assert "deleted" not in run.summary
    assert run.summary["kept"]["_type"] == "slow-file"
    await run.finish()


async def test_a_summary_refuses_what_it_cannot_hold() -> None:
    run = await offline()
    with pytest.raises(InvalidValueError):
        run.summary.update({"html": Html("x"), "bad": object()})
    await run.flush()
    assert "html" not in run.summary
    await run.finish()


async def test_names_stay_in_the_folder() -> None:
    run = await offline()
    keys = ["../../out", "/abs", "a/./b", "x" * 400, "ü/" + "ß" * 200, "..", "nul\0", "", "a//b"]
    for n, key in enumerate(keys):
        await run.log({key: Html(str(n))})
    await run.finish()
    found = {row["_step"]: row for row in journal_rows(run)}
    root = Path(run.dir, "media").resolve()
    for n, key in enumerate(keys):
        path = Path(run.dir, found[n][key]["path"]).resolve()
        assert path.is_relative_to(root)
        assert path.is_file()
    assert found[0]["../../out"]["path"].startswith("media/html/__/__/out_0_")


async def test_a_disabled_run_writes_nothing() -> None:
    run = await init("p", mode="disabled")
    Path("film.mp4").write_bytes(b"film")
    await run.log({"image": Image(pixels()), "film": Video("film.mp4"), "n": 1})
    run.summary["html"] = Html("x")
    with pytest.raises(InvalidValueError):
        await run.log({"image": Image(pixels()), "bad": object()})
    await run.finish()
    assert not Path("wandb").exists()


async def test_rows_that_wait_move_with_a_resumed_run() -> None:
    run = await offline()
    slow = Slow()
    await run.log({"slow": slow})
    run._core.history.start_at(10, 0.0)  # as the server's answer does
    await run.log({"n": 1})
    slow.go.set()
    found = await written(run, 2)
    assert [row["_step"] for row in found] == [10, 10]
    await run.finish()


async def test_many_threads_log_media_at_once() -> None:
    run = await offline()

    def log(number: int) -> None:
        for n in range(20):
            run._log_nowait({f"k{number}": Html(f"{number} {n}"), "n": n})
            run._log_nowait({"plain": n})

    threads = [threading.Thread(target=log, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await anyio.to_thread.run_sync(thread.join)
    await run.finish()
    found = journal_rows(run)
    assert sorted(row["_step"] for row in found) == list(range(160))
    assert len([row for row in found if "plain" not in row]) == 80
    for row in found:
        for key, value in row.items():
            if key.startswith("k"):
                assert Path(run.dir, value["path"]).is_file()


def script(body: str, tmp_path: Path, *, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(body)], cwd=tmp_path, check=False,
        capture_output=True, text=True, timeout=60, env={**os.environ, "WANDB_MODE": "offline"},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout


def test_a_script_that_ends_without_finish(tmp_path: Path) -> None:
    script(
        """
        import numpy as np
        import asyncwb.sync as wandb
        run = wandb.init(project="p")
        rng = np.random.default_rng(0)
        for _ in range(20):
            run.log({"image": wandb.Image(rng.integers(0, 256, (100, 100, 3), dtype=np.uint8))})
        """,
        tmp_path,
    )
    (journal,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    found = user_rows(journal)
    assert sorted(row["_step"] for row in found) == list(range(20))
    assert all((journal.parent / "files" / row["image"]["path"]).is_file() for row in found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_media_to_its_parent(tmp_path: Path) -> None:
    script(
        """
        import os, sys
        import numpy as np
        import asyncwb.sync as wandb
        from asyncwb.errors import ForkedError
        run = wandb.init(project="p")
        rng = np.random.default_rng(0)
        image = None
        for _ in range(20):
            image = wandb.Image(rng.integers(0, 256, (200, 200, 3), dtype=np.uint8))
            run.log({"image": image})
        pid = os.fork()
        if pid == 0:
            try:
                run.log({"image": image})
            except ForkedError:
                own = wandb.init(project="child")
                own.log({"image": image, "n": 1})
                own.finish()
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        run.finish()
        """,
        tmp_path,
    )
    of_parent, of_child = sorted(
        (user_rows(path) for path in tmp_path.glob("wandb/offline-run-*/*.wandb")), key=len
    )[::-1]
    assert sorted(row["_step"] for row in of_parent) == list(range(20))
    assert [row["n"] for row in of_child] == [1]
    assert of_child[0]["image"]["path"].startswith("media/images/image_0_")


@pytest.mark.parametrize("kind", [Image, Audio])
async def test_a_run_takes_no_references(kind: Any) -> None:
    run = await offline()
    with pytest.raises(InvalidValueError, match="an artifact references"):
        await run.log({"x": kind("s3://bucket/a.png"), "n": 1})
    await run.log({"n": 2})
    await run.finish()
    assert journal_rows(run) == [{"n": 2, "_step": 0}]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
async def test_fast_files_hold_the_same_pixels(mode: str) -> None:
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    image = pil.fromarray(smooth).convert(mode)
    sizes: list[int] = []
    for encoding in ("fast", "wandb"):
        run = await offline(settings={"png_encoding": encoding})
        await run.log({"image": Image(image)})
        await run.finish()
        (row,) = journal_rows(run)
        with pil.open(Path(run.dir, row["image"]["path"])) as found:
            assert found.mode == mode
            assert found.tobytes() == image.tobytes()
        sizes.append(row["image"]["size"])
    assert sizes[0] < 2 * sizes[1] + 100
