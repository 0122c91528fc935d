"""Encoding of frames: PyAV brings the encoders, Pillow writes GIFs."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from asyncwb.media.base import library
from asyncwb.media.raw import Raw, array_data, array_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["FrameEncoder", "encoder"]

_CODECS: Final[Mapping[str, str]] = {"mp4": "libx264", "webm": "libvpx-vp9", "ogg": "libvpx"}


def encoder(frames: Any, format_: str, rate: int) -> FrameEncoder:
    """What encodes frames.

    Args:
        frames: uint8 (time, height, width, channels) with 1, 3 or 4 channels; kept, not copied.
        format_: "gif", "mp4", "webm" or "ogg".
        rate: Frames per second.

    Raises:
        UnsupportedError: The library is not installed.
    """
    if format_ == "gif":
        pil = library("PIL.Image", "pillow", "a GIF of an array")
        pil.preinit()
        return FrameEncoder(lambda: _gif(pil, frames, rate), frames, format_, rate)
    av = library("av", "av", "Video of an array")
    return FrameEncoder(lambda: _encoded(av, frames, format_, rate), frames, format_, rate)


class FrameEncoder:
    """Encodes frames; made by `encoder`."""

    def __init__(self, encode: Callable[[], bytes], frames: Any, format_: str, rate: int) -> None:
        self._encode = encode
        self._frames = frames
        self._format = format_
        self._rate = rate

    def __call__(self) -> bytes:
        """Encode them."""
        return self._encode()

    def raw(self) -> Raw:
        """The frames."""
        facts = {**array_facts(self._frames), "format": self._format, "rate": self._rate}
        return Raw("frames", facts, [array_data(self._frames)])


def _colours(frames: Any) -> Iterator[Any]:
    """Frames with three channels, each in one piece of memory."""
    import numpy as np

    for frame in frames:
        colours = np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame[:, :, :3]
        yield np.ascontiguousarray(colours)


def _gif(pil: Any, frames: Any, rate: int) -> bytes:
    images = [pil.fromarray(frame) for frame in _colours(frames)]
    file = BytesIO()
    images[0].save(
        file, "GIF", save_all=True, append_images=images[1:], duration=1000 / rate, loop=0
    )
    return file.getvalue()


def _encoded(av: Any, frames: Any, format_: str, rate: int) -> bytes:
    import numpy as np

    _, height, width, _ = frames.shape
    # The colours of the encoders have half the resolution: the sides must be even.
    odd = ((0, height % 2), (0, width % 2), (0, 0))
    file = BytesIO()
    with av.open(file, "w", format=format_) as container:
        stream = container.add_stream(_CODECS[format_], rate=rate)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        for frame in _colours(frames):
            even = np.pad(frame, odd, mode="edge") if width % 2 or height % 2 else frame
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
