"""Which output becomes part of which run, and what is left of it afterwards."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import io
import logging
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from plain_stream import Stream
from run_journals import bodies, user_rows

import asyncwb.sync as wb
from asyncwb.errors import InvalidValueError
from asyncwb.journal.records import OutputLoggerRecord, OutputRawRecord
from asyncwb.portal import PORTAL
from asyncwb.run import init

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncwb.run import Run

STREAMS = ("stderr", "stdout")


def printed(run: Run | wb.Run) -> list[tuple[str, str]]:
    """What the journal of a run holds of its console: where it came from, and the text."""
    return [
        (STREAMS[body.output_type] if isinstance(body, OutputRawRecord) else "lines", body.line)
        for body in bodies(run.status().journal)
        if isinstance(body, OutputRawRecord | OutputLoggerRecord)
    ]


def start(**settings: Any) -> wb.Run:
    return wb.init("p", mode="offline", settings=settings)


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Nothing of ours is left in the streams."""
    yield
    assert "write" not in vars(sys.stdout)
    assert "write" not in vars(sys.stderr)


def test_both_streams_are_captured_and_still_written(capsys: pytest.CaptureFixture[str]) -> None:
    run = start()
    assert sys.stdout.write("12345") == 5
    print(" out")
    print("err", file=sys.stderr)
    sys.stdout.writelines(["a\n", "b\n"])
    run.finish()
    print("after")
    assert capsys.readouterr() == ("12345 out\na\nb\nafter\n", "err\n")
    assert printed(run) == [("stdout", "12345 out\n"), ("stderr", "err\n"), ("stdout", "a\nb\n")]


def test_a_stream_that_can_only_write(stdout: Stream) -> None:
    with start() as run:
        print("hello")
    assert stdout.text == "hello\n"
    assert vars(stdout) == {"parts": ["hello", "\n"]}
    assert printed(run) == [("stdout", "hello\n")]


def test_no_streams_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", object())
    with start() as run:
        print("nobody sees it")
    assert printed(run) == []


def test_one_stream_for_both(stdout: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stdout)
    with start() as run:
        print("once", file=sys.stderr)
    assert printed(run) == [("stdout", "once\n")]


def test_a_stream_that_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(Stream):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "write":
                raise RuntimeError("hands off")
            super().__setattr__(name, value)

    monkeypatch.setattr(sys, "stdout", Closed())
    with start() as run:
        print("as ever")
        assert sys.stdout.text == "as ever\n"  # type: ignore[attr-defined]
    assert printed(run) == []


def test_redirect_is_wrap_with_a_warning(
    stdout: Stream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    with start(console="redirect", quiet=True) as run:
        print("captured")
    assert printed(run) == [("stdout", "captured\n")]
    error = capsys.readouterr().err
    assert error.startswith("asyncwb: warning: console='redirect' is the same as 'wrap'")
    assert error.count("\n") == 1


def test_off_means_off_but_for_write_logs(stdout: Stream) -> None:
    with start(console="off") as run:
        assert "write" not in vars(stdout)
        print("unseen")
        run.write_logs("seen")
    assert printed(run) == [("lines", "seen\n")]


@pytest.mark.parametrize("console", ["auto", "wrap", "wrap_raw", "wrap_emu"])
def test_every_other_way_is_the_same(console: str, stdout: Stream) -> None:
    with start(console=console) as run:
        print("x")
    assert printed(run) == [("stdout", "x\n")]


def test_write_logs_comes_where_it_was_called_and_never_raises(stdout: Stream) -> None:
    run = start()
    print("before")
    run.write_logs("one\ntwo\n")
    print("between")
    run.write_logs("three")
    run.finish()
    run.write_logs("too late")
    assert printed(run) == [
        ("stdout", "before\n"),
        ("lines", "one\ntwo\n"),
        ("stdout", "between\n"),
        ("lines", "three\n"),
    ]


def test_a_handler_that_holds_the_stream_is_captured(stdout: Stream) -> None:
    # As with the `wandb` package: the object is the same.
    handler = logging.StreamHandler(stdout)
    logger = logging.getLogger("console-test")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with start() as run:
            logger.warning("held")
    finally:
        logger.removeHandler(handler)
    assert printed(run) == [("stdout", "held\n")]


def test_loggers_become_lines(stdout: Stream) -> None:
    levels = {"captured": "INFO", "captured.deep": "ERROR"}
    logger, deep = (logging.getLogger(name) for name in levels)
    before = logger.handlers.copy(), deep.handlers.copy()
    logger.setLevel("DEBUG")
    run = start(console="off", capture_loggers=levels)
    logger.debug("below")
    logger.info("kept %d", 1)
    deep.info("through its parent")
    deep.error("twice")
    run.finish()
    logger.info("too late")
    assert (logger.handlers, deep.handlers) == before
    # A record that reaches two captured loggers is two lines, as with the `wandb` package.
    assert printed(run) == [
        ("lines", "INFO:captured:kept 1\n"),
        ("lines", "INFO:captured.deep:through its parent\n"),
        ("lines", "ERROR:captured.deep:twice\n"),
        ("lines", "ERROR:captured.deep:twice\n"),
    ]


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="'LOUD' for 'x'"):
        start(capture_loggers={"x": "LOUD"})


# -- others who change the streams -----------------------------------------------------------


def wrap(stream: Any, name: str) -> Callable[[], None]:
    """What other libraries do: put a method of their own before `write`."""
    before = stream.write

    def write(text: str) -> int:
        return before(text.replace("secret", name))

    stream.write = write

    def undo() -> None:
        stream.write = before

    return undo


def test_who_came_before_us_is_back_afterwards(stdout: Stream) -> None:
    wrap(stdout, "below")
    theirs = vars(stdout)["write"]
    with start() as run:
        print("secret")
    assert vars(stdout)["write"] is theirs
    assert stdout.text == "below\n"
    assert printed(run) == [("stdout", "secret\n")]


def test_who_came_after_us_goes_on_and_nothing_is_taken_twice(stdout: Stream) -> None:
    first = start()
    undo = wrap(stdout, "above")
    print("secret 1")
    first.finish()
    print("secret 2")
    with start() as second:
        print("secret 3")
    assert stdout.text == "above 1\nabove 2\nabove 3\n"
    undo()
    with start() as third:
        print("secret 4")
    assert stdout.text.endswith("secret 4\n")
    found = [printed(run) for run in (first, second, third)]
    assert found == [[("stdout", f"{text}\n")] for text in ("above 1", "above 3", "secret 4")]
    assert "write" not in vars(stdout)


def test_who_throws_us_out_is_noticed_by_the_next_run(stdout: Stream) -> None:
    first = start()
    del stdout.write  # type: ignore[attr-defined]
    print("lost")
    second = start()
    print("found")
    second.finish()
    first.finish()
    assert printed(second) == [("stdout", "found\n")]
    assert "write" not in vars(stdout)


def test_a_stream_put_before_ours_is_not_taken_twice(
    stdout: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start()

    class Tee(Stream):
        def write(self, text: str) -> int:
            return super().write(text) + 0 * stdout.write(text)

    tee = Tee()
    monkeypatch.setattr(sys, "stdout", tee)
    second = start()
    print("once")
    second.finish()
    print("through both")
    first.finish()
    assert tee.text == stdout.text == "once\nthrough both\n"
    assert printed(second) == [("stdout", "once\n")]
    assert printed(first) == [("stdout", "through both\n")]


def test_streams_that_are_swapped_meanwhile(stdout: Stream) -> None:
    run = start()
    with contextlib.redirect_stdout(io.StringIO()) as elsewhere:
        print("somewhere else")
    print("here again")
    sys.stdout = elsewhere
    run.finish()
    sys.stdout = stdout  # type: ignore[assignment]
    print("after")
    assert elsewhere.getvalue() == "somewhere else\n"
    assert printed(run) == [("stdout", "here again\n")]
    assert stdout.text == "here again\nafter\n"


def test_a_failing_stream_fails_as_ever(stdout: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: Any) -> int:
        if not isinstance(text, str):
            raise TypeError("a text, please")
        raise BrokenPipeError

    monkeypatch.setattr(stdout, "write", fail)
    run = start()
    with pytest.raises(BrokenPipeError):
        print("x")
    with pytest.raises(TypeError, match="a text"):
        sys.stdout.write(b"x")  # type: ignore[arg-type]
    run.finish()
    assert printed(run) == []


def test_a_stream_that_takes_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    class Any_(Stream):
        def write(self, text: Any) -> int:
            return super().write(str(text))

    monkeypatch.setattr(sys, "stdout", Any_())
    with start() as run:
        sys.stdout.write(12)  # type: ignore[arg-type]
        sys.stdout.write("text\n")
    assert printed(run) == [("stdout", "text\n")]


# -- which run -------------------------------------------------------------------------------


async def test_each_task_has_its_own_run(stdout: Stream) -> None:
    runs: dict[str, Run] = {}
    turn = anyio.Event()

    async def train(name: str) -> None:
        async with init("p", mode="offline") as run:
            runs[name] = run
            print(f"{name} begins")
            if len(runs) == 3:
                turn.set()
            await turn.wait()
            print(f"{name} ends")

    async with anyio.create_task_group() as group:
        for name in ("a", "b", "c"):
            group.start_soon(train, name)
    for name, run in runs.items():
        assert "".join(text for _, text in printed(run)) == f"{name} begins\n{name} ends\n"


def test_a_thread_without_a_run_prints_to_the_newest(stdout: Stream) -> None:
    older, newest = start(), start()

    def work() -> None:
        print("from a thread")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    context = contextvars.Context()
    context.run(print, "from a bare context")
    newest.finish()
    print("the older one is current again")
    older.finish()
    assert printed(newest) == [("stdout", "from a thread\nfrom a bare context\n")]
    assert printed(older) == [("stdout", "the older one is current again\n")]


def test_a_run_that_does_not_want_it_does_not_pass_it_on(stdout: Stream) -> None:
    with start() as loud:
        with start(console="off") as quiet:
            print("quiet")
        print("loud")
    assert printed(quiet) == []
    assert printed(loud) == [("stdout", "loud\n")]


def test_disabled_runs_capture_nothing(stdout: Stream) -> None:
    with wb.init(mode="disabled") as run:
        assert "write" not in vars(stdout)
        run.write_logs("nowhere")


def test_our_own_messages_are_not_part_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    run = start()
    print("theirs")
    with start() as other:
        pass
    run.finish()
    assert capsys.readouterr().err.count("asyncwb: ") == 4
    assert printed(run) == [("stdout", "theirs\n")]
    assert printed(other) == []


def test_what_our_loop_prints_is_not_part_of_it(stdout: Stream) -> None:
    async def inside() -> None:
        print("inside")

    with start() as run:
        PORTAL.call(inside)
        print("outside")
    assert stdout.text == "inside\noutside\n"
    assert printed(run) == [("stdout", "outside\n")]


# -- at bad moments --------------------------------------------------------------------------


class Loud:
    """A value that prints when it is looked at."""

    def __init__(self, lines: int) -> None:
        self.lines = lines

    def detach(self) -> Loud:  # the way of tensors
        return self

    cpu = detach

    def numel(self) -> int:
        return 1

    def dim(self) -> int:
        return 0

    def item(self) -> float:
        for number in range(self.lines):
            print(f"while logging {number} {'x' * 100}")
        return 1.5


def test_printing_in_the_middle_of_log(stdout: Stream) -> None:
    """Under the lock of the run, a flood and all, while another thread prints to it, too."""
    run = start()
    over = threading.Event()

    def chatter() -> None:
        while not over.is_set():
            print("chatter " + "y" * 100)

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        for _ in range(5):
            run.log({"loud": Loud(500)})
    finally:
        over.set()
        thread.join()
    run.finish()
    text = "".join(text for _, text in printed(run))
    assert text.count("while logging 499 ") == 5
    assert text.count("\n") == stdout.text.count("\n")
    assert [row["loud"] for row in user_rows(run.status().journal)] == [1.5] * 5


def test_a_signal_handler_may_print_and_log(stdout: Stream) -> None:
    run = start()

    def handler(*_: object) -> None:
        print("handler " + "z" * 1000)
        run.log({"handler": 1})

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        deadline = time.monotonic() + 30
        while stdout.text.count("handler") < 50 and time.monotonic() < deadline:
            for number in range(200):
                print(f"line {number}")
            run.log({"step": 1})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    run.finish()
    text = "".join(text for _, text in printed(run))
    assert text.count("handler") == stdout.text.count("handler") >= 50
    assert text.count("line") == stdout.text.count("line")
    assert text.count("\n") == stdout.text.count("\n")


def test_a_finaliser_may_print(stdout: Stream) -> None:
    class Loop:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            print("gone")

    with start() as run:
        for _ in range(100):
            Loop()
        gc.collect()
    assert "".join(text for _, text in printed(run)).count("gone") == 100


def test_what_is_printed_is_soon_in_the_journal(stdout: Stream) -> None:
    run = start()
    print("soon")
    deadline = time.monotonic() + 30
    while not printed(run) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert printed(run) == [("stdout", "soon\n")]
    run.finish()


def test_flush_takes_along_what_was_printed(stdout: Stream) -> None:
    run = start()
    print("now")
    run.flush()
    assert printed(run) == [("stdout", "now\n")]
    run.finish()


def test_text_that_is_no_text(stdout: Stream) -> None:
    with start() as run:
        print("bytes \udce4 of a file name")
    assert printed(run) == [("stdout", "bytes ? of a file name\n")]


def test_the_local_file(stdout: Stream) -> None:
    run = start(x_label="node/0")
    for number in range(3000):
        sys.stdout.write(f"\r{number}")
        print(f"line {number}", file=sys.stderr)
    print("\rdone")
    run.write_logs("and  ")
    run.finish()
    with open(f"{run.dir}/output_node_0.log") as file:
        found = file.read().splitlines()
    assert found[0] == "done"
    assert found[-1] == "and  "
    assert found[1:-1] == [f"line {number}" for number in range(3000)]
