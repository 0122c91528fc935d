"""Sound: files, and arrays that become WAV files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import as_array
from asyncwb.media.base import Media, library
from asyncwb.media.content import Content, existing_file, is_elsewhere
from asyncwb.media.raw import Raw, array_data, array_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.base import Place

__all__ = ["Audio", "SampleEncoder"]

_MOST_CHANNELS = 64
# What soundfile takes as it is.
_KINDS = ("float64", "float32", "int32", "int16")


class Audio(Media):
    """A sound.

    An array is copied here, and written as a WAV file of 16 bits when it is logged, off the
    caller's thread. A file is read when it is logged; it may be deleted right after that call.

    Args:
        data_or_path: The path of a file, which is kept as it is; the address of one (`s3://`,
            `gs://`, `http(s)://`), for artifacts alone, which refer to it; or an array
            (samples,) or (samples, channels) of floats from -1 to 1, or of `int16` or `int32`.
        sample_rate: Samples per second; needed with an array.
        caption: Text shown with it.

    Raises:
        InvalidValueError: No such file, an array of another shape or type, or no sample rate.
        UnsupportedError: An array, and soundfile is not installed (`pip install 'asyncwb[media]'`).
    """

    json_type = "audio-file"
    folder = "audio"

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        self.sample_rate = sample_rate
        self.duration: float | None = None
        if is_elsewhere(data_or_path):
            super().__init__(Content.elsewhere(data_or_path), caption)
            return
        if isinstance(data_or_path, (str, Path)):
            path = existing_file(data_or_path, "audio")
            super().__init__(Content(path, path.suffix), caption)
            return
        if sample_rate is None:
            raise InvalidValueError("audio of an array needs a sample_rate")
        rate: Any = sample_rate
        if isinstance(rate, bool) or not hasattr(rate, "__index__") or rate <= 0:
            raise InvalidValueError(f"sample_rate is a number of samples per second, got {rate!r}")
        soundfile = library("soundfile", "soundfile", "Audio of an array")
        samples = _samples(data_or_path)
        self.duration = len(samples) / float(rate)
        encode = SampleEncoder(soundfile, samples, int(rate))
        super().__init__(Content(encode, ".wav", held=samples.nbytes), caption)

    @classmethod
    def list_to_json(cls, items: Sequence[Any], place: Place) -> dict[str, Any]:
        """Like `to_json`, for a list of sounds."""
        sounds = cast("Sequence[Audio]", items)
        found: dict[str, Any] = {
            "_type": "audio",
            "count": len(sounds),
            "audio": [sound.to_json(place) for sound in sounds],
            "sampleRates": [sound.sample_rate for sound in sounds],
            "durations": [sound.duration for sound in sounds],
        }
        if any(sound.caption is not None for sound in sounds):
            found["captions"] = [sound.caption or "" for sound in sounds]
        return found


class SampleEncoder:
    """Writes samples as a WAV file.

    Args:
        soundfile: The library.
        samples: (samples,) or (samples, channels), of a type that it takes.
        rate: Samples per second.
    """

    def __init__(self, soundfile: Any, samples: Any, rate: int) -> None:
        self._soundfile = soundfile
        self._samples = samples
        self._rate = rate

    def __call__(self) -> bytes:
        """Write the file."""
        file = BytesIO()
        self._soundfile.write(file, self._samples, self._rate, format="WAV")
        return file.getvalue()

    def raw(self) -> Raw:
        """The samples."""
        facts = {**array_facts(self._samples), "rate": self._rate}
        return Raw("samples", facts, [array_data(self._samples)])


def _samples(data: object) -> Any:
    import numpy as np

    array = as_array(data, "audio")
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > _MOST_CHANNELS):
        raise InvalidValueError(
            f"audio is an array (samples,) or (samples, channels), got {array.shape}"
        )
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.name not in _KINDS:
        raise InvalidValueError(
            f"audio is an array of floats from -1 to 1, or of int16 or int32, got {array.dtype}"
        )
    return array.copy()
