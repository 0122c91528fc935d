"""`monitor_gym`: the videos that gymnasium's and gym's recorders finish become rows of the run."""

from __future__ import annotations

import logging
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncwb.media.files import safe_name
from asyncwb.run.context import current_run
from asyncwb.run.patching import Patch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from asyncwb.run.core import RunCore

__all__ = ["RECORDERS", "RecorderPatch"]

_log = logging.getLogger("asyncwb.run")

# In gymnasium from 1.0 on the wrapper writes the file, in older ones and in gym a recorder.
_WRAPPERS = "gymnasium.wrappers.rendering"
_RECORDERS = (
    "gymnasium.wrappers.monitoring.video_recorder",
    "gym.wrappers.monitoring.video_recorder",
)
_FORMATS = frozenset({".gif", ".mp4", ".ogg", ".webm"})


class RecorderPatch(Patch):
    """Watches what finishes a video. One per process; its users are runs with `monitor_gym`."""

    def __init__(self) -> None:
        super().__init__(
            {**dict.fromkeys(_RECORDERS, self._watch_recorder), _WRAPPERS: self._watch_wrapper}
        )

    def _watch_wrapper(self, module: ModuleType) -> None:
        self.observe(getattr(module, "RecordVideo", None), "stop_recording", _wrapper_ends)

    def _watch_recorder(self, module: ModuleType) -> None:
        self.observe(getattr(module, "VideoRecorder", None), "close", _recorder_ends)


def _wrapper_ends(wrapper: Any) -> Callable[[], None] | None:
    name = getattr(wrapper, "_video_name", None)  # forgotten by the call
    return None if name is None else _logger(Path(wrapper.video_folder, f"{name}.mp4"))


def _recorder_ends(recorder: Any) -> Callable[[], None] | None:
    # Closed again, by its finalizer for example.
    again = getattr(recorder, "_closed", False) or not getattr(recorder, "enabled", True)
    return None if again else _logger(Path(recorder.path))


def _logger(file: Path) -> Callable[[], None] | None:
    """What logs the video, once it is written, to the run that is current now."""
    run = current_run()
    if run is None:
        return None
    core = run._core  # pyright: ignore[reportPrivateUsage]
    wanted = core.settings.monitor_gym and core.settings.mode != "disabled" and not core.forked
    return partial(_log_video, core, file) if wanted else None


def _log_video(core: RunCore, file: Path) -> None:
    if file.suffix.lower() not in _FORMATS or core.ended:
        return
    # gym numbers its monitors: one key for each of them.
    numbered = re.match(r".+(video\.\d+).+", str(file))
    key = numbered[1] if numbered else "videos"
    try:
        if not file.stat().st_size:
            return
        name = f"{key}_{core.history.step}"
        value = core.media.files.keep(
            file, kind="videos", name=safe_name(name), suffix=file.suffix.lower()
        )
    except OSError as error:
        _log.warning("the video %s is not logged: %s", file, error)
        return
    core.history.add_row({key: {"_type": "video-file", **value}})


RECORDERS = RecorderPatch()
