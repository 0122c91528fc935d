"""`monitor_gym`: videos of gymnasium's wrapper and of the older recorders become rows."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from run_journals import bodies, user_rows

import asyncwb.sync
from asyncwb.journal.records import FilesRecord
from asyncwb.run import Run, init
from asyncwb.run.gym import RECORDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = "gymnasium.wrappers.monitoring.video_recorder"


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    path = list(sys.meta_path)
    yield
    assert RECORDERS._users == 0
    assert sys.meta_path == path


async def monitoring(**keywords: Any) -> Run:
    return await init("p", mode="offline", monitor_gym=True, **keywords)


def check_video(run: Any, value: dict[str, Any], source: Path, name: str) -> None:
    data = source.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    path = f"media/videos/{name}_{digest[:20]}{source.suffix}"
    assert value == {"_type": "video-file", "sha256": digest, "size": len(data), "path": path}
    assert Path(run.dir, path).read_bytes() == data
    assert path in {
        item.path
        for body in bodies(run.status().journal)
        if isinstance(body, FilesRecord)
        for item in body.files
        if item.policy == 0
    }


# -- the wrapper of gymnasium from 1.0 on ---------------------------------------------------


@pytest.fixture
def gymnasium() -> Any:
    pytest.importorskip("moviepy")
    return pytest.importorskip("gymnasium")


def environment(gymnasium: Any) -> Any:
    import numpy as np

    class Walk(gymnasium.Env):
        metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
        render_mode = "rgb_array"
        action_space = gymnasium.spaces.Discrete(2)
        observation_space = gymnasium.spaces.Box(0, 9, (1,))

        def reset(self, **keywords: Any) -> Any:
            super().reset(**keywords)
            self.place = 0
            return np.zeros(1, "float32"), {}

        def step(self, action: Any) -> Any:
            self.place += 1
            return np.full(1, self.place, "float32"), 0.0, self.place > 2, False, {}

        def render(self) -> Any:
            return np.full((32, 32, 3), self.place * 40, "uint8")

    return gymnasium.wrappers.RecordVideo(
        Walk(), "videos", episode_trigger=lambda n: n % 2 == 0, name_prefix="walk"
    )


def play(env: Any, episodes: int) -> None:
    for _ in range(episodes):
        env.reset()
        while not env.step(0)[2]:
            pass


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")  # of the libraries that encode
async def test_videos_of_a_wrapper(gymnasium: Any) -> None:
    run = await monitoring()
    env = environment(gymnasium)
    play(env, 2)
    await run.log({"a": 1}, commit=False)
    play(env, 1)
    env.close()
    await run.log({"b": 2})
    env.close()
    await run.finish()
    first, second, own = user_rows(run.status().journal)
    assert own == {"_step": 1, "a": 1, "b": 2}
    one, two = (Path(f"videos/walk-episode-{number}.mp4") for number in (0, 2))
    check_video(run, first["videos"], one, "videos_0")
    # Equal films are one file of the run.
    same = one.read_bytes() == two.read_bytes()
    check_video(run, second["videos"], two, "videos_0" if same else "videos_1")


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
async def test_after_the_run_and_beside_another_one_nothing_is_logged(gymnasium: Any) -> None:
    run = await monitoring()
    other = await init("p", mode="offline")
    env = environment(gymnasium)
    play(env, 2)  # the current run did not ask for it
    await other.finish()
    await run.finish()
    play(env, 2)
    env.close()
    assert user_rows(run.status().journal) == user_rows(other.status().journal) == []


# -- older ones, and gym --------------------------------------------------------------------


class Recorder:
    """As `VideoRecorder` is used: `path`, `enabled`, and `close` that may come again."""

    def __init__(self, path: Path, *, enabled: bool = True, data: bytes = b"video") -> None:
        self.path = str(path)
        self.enabled = enabled
        self._data = data
        self._closed = False

    def close(self) -> None:
        if self.enabled and not self._closed:
            Path(self.path).parent.mkdir(exist_ok=True)
            Path(self.path).write_bytes(self._data)
        self._closed = True


@pytest.fixture(params=[OLD, "gym.wrappers.monitoring.video_recorder"])
def recorder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    module = types.ModuleType(request.param)
    kind = type("VideoRecorder", (Recorder,), {"close": Recorder.close})
    module.VideoRecorder = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, request.param, module)
    return kind


async def test_videos_of_a_recorder(recorder: type[Recorder]) -> None:
    original = recorder.close
    run = await monitoring()
    one = recorder(Path("a/rl-video-episode-0.mp4"))
    one.close()
    one.close()
    recorder(Path("a/openaigym.video.3.77.video000001.mp4"), data=b"another").close()
    recorder(Path("a/off.mp4"), enabled=False).close()
    recorder(Path("a/empty.mp4"), data=b"").close()
    recorder(Path("a/frames.zip")).close()
    await run.finish()
    assert recorder.close is original
    first, second = user_rows(run.status().journal)
    check_video(run, first["videos"], Path("a/rl-video-episode-0.mp4"), "videos_0")
    key = "video.3"
    check_video(run, second[key], Path("a/openaigym.video.3.77.video000001.mp4"), f"{key}_1")


async def test_a_video_that_vanished_fails_nobody(
    recorder: type[Recorder], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recorder, "close", lambda self: None)
    monkeypatch.setattr(recorder, "close", lambda self: None)
    run = await monitoring()
    recorder(Path("gone.mp4")).close()
    await run.finish()
    assert user_rows(run.status().journal) == []
    assert "gone.mp4 is not logged" in caplog.text


async def test_two_runs_share_the_wrappers(recorder: type[Recorder]) -> None:
    original = recorder.close
    one, two = await monitoring(), await monitoring()
    await one.finish()
    recorder(Path("a/x.mp4")).close()
    await two.finish()
    assert recorder.close is original
    assert len(user_rows(two.status().journal)) == 1
    recorder(Path("a/y.mp4")).close()


async def test_somebody_elses_wrapper_stays(
    recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await monitoring()
    inner = recorder.close
    monkeypatch.setattr(recorder, "close", lambda self: inner(self))
    outer = recorder.close
    await run.finish()
    assert recorder.close is outer
    run = await monitoring()
    recorder(Path("a/x.mp4")).close()
    await run.finish()
    assert len(user_rows(run.status().journal)) == 1


def test_the_blocking_face_and_the_variable(
    recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MONITOR_GYM", "true")
    with asyncwb.sync.init(project="p", mode="offline") as run:
        recorder(Path("a/x.mp4")).close()
    assert len(user_rows(run.status().journal)) == 1
    with asyncwb.sync.init(project="p", mode="disabled") as run:
        recorder(Path("a/x.mp4")).close()


def test_nothing_is_imported_for_it() -> None:
    code = """
import sys
import asyncwb.sync as wandb
run = wandb.init(project="p", mode="offline", monitor_gym=True, settings={"silent": True})
run.finish()
assert not {"gymnasium", "gym", "numpy"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
