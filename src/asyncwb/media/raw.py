"""What files of media are made of, before they are encoded, as plain bytes and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from asyncwb.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Encoder", "Raw", "array_data", "array_facts", "source_of"]


class Raw(NamedTuple):
    """What becomes one file.

    Attributes:
        kind: How it is encoded: a name in `source_of`; "file": it is the file.
        facts: What the encoder needs besides, in JSON's types.
        data: The bytes.
    """

    kind: str
    facts: dict[str, Any]
    data: Sequence[bytes | memoryview]


class Encoder(Protocol):
    """Makes a file, and says of what."""

    def __call__(self) -> bytes | Iterator[bytes]:
        """Encode, in one piece or in several."""
        ...

    def raw(self) -> Raw | None:
        """What it encodes, in no more time than a copy takes; None where that would take longer."""
        ...


def source_of(raw: Raw) -> bytes | Callable[[], bytes | Iterator[bytes]]:
    """The bytes of a file, or what encodes it.

    Raises:
        ProtocolError: Nobody knows how.
        UnsupportedError: A library is not installed.
    """
    data = [bytes(part) for part in raw.data]
    if raw.kind == "file":
        return b"".join(data)
    make = _MAKERS.get(raw.kind)
    if make is None:
        raise ProtocolError(f"media of the kind {raw.kind!r} cannot be encoded by this version")
    try:
        return make(raw.facts, data)
    except (KeyError, TypeError, ValueError, IndexError) as exc:
        raise ProtocolError(f"media of the kind {raw.kind!r} cannot be read", exc=exc) from exc


def _pixels(facts: dict[str, Any], data: list[bytes]) -> Encoder:
    from asyncwb.media.pixels import PixelEncoder

    return PixelEncoder.of(facts, data)


def _samples(facts: dict[str, Any], data: list[bytes]) -> Encoder:
    from asyncwb.media.audio import SampleEncoder
    from asyncwb.media.base import library

    soundfile = library("soundfile", "soundfile", "Audio of an array")
    return SampleEncoder(soundfile, array_of(facts, data[0]), facts["rate"])


def _frames(facts: dict[str, Any], data: list[bytes]) -> Encoder:
    from asyncwb.media.videocodec import encoder

    return encoder(array_of(facts, data[0]), facts["format"], facts["rate"])


def _scene(facts: dict[str, Any], data: list[bytes]) -> Encoder:
    from asyncwb.media.object3d import SceneEncoder

    scene = facts.get("scene")
    points = array_of(facts, data[0])
    if scene is None:
        return SceneEncoder(points)
    return SceneEncoder({name: points if name == "points" else scene[name] for name in scene})


_MAKERS: Mapping[str, Callable[[dict[str, Any], list[bytes]], Encoder]] = {
    "pixels": _pixels,
    "samples": _samples,
    "frames": _frames,
    "scene": _scene,
}


def array_facts(array: Any) -> dict[str, Any]:
    """What is to be known of an array besides its bytes."""
    return {"dtype": array.dtype.str, "shape": list(array.shape)}


def array_data(array: Any) -> memoryview:
    """The bytes of an array, copied where it does not lie in one piece."""
    import numpy as np

    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def array_of(facts: dict[str, Any], data: bytes) -> Any:
    """An array of its facts and its bytes."""
    import numpy as np

    return np.frombuffer(data, np.dtype(facts["dtype"])).reshape(facts["shape"])
