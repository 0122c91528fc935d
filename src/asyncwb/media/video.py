"""Videos: files, and arrays that are encoded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import as_array, as_uint8
from asyncwb.media.base import Media
from asyncwb.media.content import Content, existing_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.base import Place

__all__ = ["Video"]

_FORMATS = ("gif", "mp4", "webm", "ogg")
_CHANNELS = (1, 3, 4)
_FRAMES_PER_SECOND = 4


class Video(Media):
    """A video.

    An array is copied here and encoded when it is logged, off the caller's thread. A file is read
    when it is logged; it may be deleted right after that call.

    Args:
        data_or_path: The path of a file, or an open one (its bytes are read here), which are kept
            as they are; or an array (time, channel, height, width), or (batch, time, channel,
            height, width) to show several side by side, with 1, 3 or 4 channels and values from 0
            to 255.
        caption: Text shown with it.
        fps: Frames per second of an array; 4 by default. Without effect on a file.
        format: "gif", "mp4", "webm" or "ogg"; needed but for a path, whose extension says it.

    Raises:
        InvalidValueError: No such file, another format, or an array of another shape or type.
        UnsupportedError: An array, and PyAV (or, for a GIF, Pillow) is not installed (`pip install
            'asyncwb[media]'`).
    """

    json_type = "video-file"
    folder = "videos"
    EXTS = _FORMATS

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: Literal["gif", "mp4", "webm", "ogg"] | None = None,  # noqa: A002  as in wandb
    ) -> None:
        self.width: int | None = None
        self.height: int | None = None
        if isinstance(data_or_path, (str, Path)):
            path = existing_file(data_or_path, "a video")
            self.format = _checked(path.suffix[1:].lower(), f"the file {path.name!r}")
            super().__init__(Content(path, path.suffix), caption)
        elif hasattr(data_or_path, "read"):
            self.format = _checked(format, "an open file")
            data: Any = data_or_path.read()
            if isinstance(data, str):
                raise InvalidValueError("a video is read from a file opened in binary mode")
            super().__init__(Content(bytes(data), f".{self.format}"), caption)
        else:
            self.format = _checked(format, "an array")
            rate = _FRAMES_PER_SECOND if fps is None else _rate(fps)
            frames = _frames(data_or_path)
            _, self.height, self.width, _ = frames.shape
            from asyncwb.media.videocodec import encoder

            encode = encoder(frames, self.format, rate)
            super().__init__(Content(encode, f".{self.format}", held=frames.nbytes), caption)

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put its file into a place and describe it. Blocks for the encoder and the disk."""
        found = super().to_json(place)
        if self.width is not None and self.height is not None:
            found |= {"width": self.width, "height": self.height}
        return found

    @classmethod
    def list_to_json(cls, items: Sequence[Any], place: Place) -> dict[str, Any]:
        """Like `to_json`, for a list of videos."""
        videos = cast("Sequence[Video]", items)
        captions = [video.caption for video in videos]
        return {
            "_type": "videos",
            "count": len(videos),
            "videos": [video.to_json(place) for video in videos],
            "captions": False if captions[0] is None else captions,
        }


def _checked(format_: str | None, what: str) -> str:
    if format_ in _FORMATS:
        return format_
    given = "none" if format_ is None else repr(format_)
    raise InvalidValueError(
        f"a video of {what} has one of the formats {', '.join(_FORMATS)}, got {given}"
    )


def _rate(fps: Any) -> int:
    if isinstance(fps, bool) or not hasattr(fps, "__index__") or fps <= 0:
        raise InvalidValueError(f"fps is a whole number of frames per second, got {fps!r}")
    return int(fps)


def _frames(data: object) -> Any:
    """A copy as frames (time, height, width, channels), those of a batch side by side."""
    array = as_array(data, "a video")
    shape = array.shape
    if array.ndim not in (4, 5) or shape[-3] not in _CHANNELS or not array.size:
        raise InvalidValueError(
            "a video is an array (time, channel, height, width) or (batch, time, channel, height, "
            f"width) with 1, 3 or 4 channels, got {shape}"
        )
    array = as_uint8(array, "a video", normalize=False)
    return _side_by_side(array) if array.ndim == 5 else array.transpose(0, 2, 3, 1)


def _side_by_side(batch: Any) -> Any:
    """The videos of a batch in a grid whose sides are powers of two; black where it is not full."""
    import numpy as np

    count, time, channels, height, width = batch.shape
    full = 1 << (count - 1).bit_length()
    rows = 1 << ((count.bit_length() - 1) // 2)
    if full != count:
        black = np.zeros((full - count, time, channels, height, width), np.uint8)
        batch = np.concatenate([batch, black])
    grid = batch.reshape(rows, full // rows, time, channels, height, width)
    grid = grid.transpose(2, 0, 4, 1, 5, 3)
    return grid.reshape(time, rows * height, full // rows * width, channels)
