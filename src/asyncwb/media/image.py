"""Images: files, arrays, Pillow images, figures and tensors."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import as_array, as_uint8, is_tensor
from asyncwb.media.base import Media, library
from asyncwb.media.content import Content, existing_file, is_elsewhere
from asyncwb.media.figures import figure_of, is_matplotlib, rendered
from asyncwb.media.overlays import (
    BoundingBoxes2D,
    Classes,
    ImageMask,
    as_classes,
    classes_of,
    overlays,
)
from asyncwb.media.pixels import PixelEncoder, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.media.base import Place
    from asyncwb.media.stored import ObjectPlace

__all__ = ["Image"]

_log = logging.getLogger("asyncwb.media")

_FORMATS = ("png", "jpg", "jpeg", "bmp")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# What every encoder can write; others are tried on one pixel.
_EVERYWHERE = ("L", "RGB")


class Image(Media):
    """An image.

    What is given is copied and checked here, and encoded when it is logged, off the caller's
    thread. A figure is drawn here. A file is read when it is logged; it may be deleted right
    after that call.

    Args:
        data_or_path: The path of an image file, which is kept as it is; the address of one
            (`s3://`, `gs://`, `http(s)://`), for artifacts alone, which refer to it; an array
            (height, width), (height, width, channels) or (channels, height, width) with 1, 3 or 4
            channels and values from 0 to 255, of numpy, torch (channels first), jax or
            TensorFlow; a Pillow image; a matplotlib figure, axes or `pyplot`; another `Image`,
            without its boxes and masks.
        mode: Mode of Pillow that an array is converted to: "L", "RGB", "RGBA"; None: as its
            channels say.
        caption: Text shown with it.
        grouping: Number of the group that it belongs to.
        classes: The classes that boxes and masks name, for tables and artifacts.
        boxes: Names to `BoundingBoxes2D`, or to dicts that make one.
        masks: Names to `ImageMask`, or to dicts that make one.
        file_type: "png" (default), "jpg", "jpeg" or "bmp"; without effect on a file.
        normalize: Whether the values of an array are scaled to 0 to 255: [0, 1] and [-1, 1] as
            they are, other ranges from the lowest to the highest value.

    Raises:
        InvalidValueError: No such file, a file that is no image, or an array of another shape, of
            no numbers, or with values that are not finite.
        UnsupportedError: Pillow is not installed (`pip install 'asyncwb[media]'`).
    """

    json_type = "image-file"
    folder = "images"
    batch_limit = 108

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, BoundingBoxes2D | Mapping[str, Any]] | None = None,
        masks: Mapping[str, ImageMask | Mapping[str, Any]] | None = None,
        file_type: Literal["png", "jpg", "jpeg", "bmp"] | None = None,
        *,
        normalize: bool = False,
    ) -> None:
        self.format: str
        self.width: int
        self.height: int
        self.classes = as_classes(classes)
        self._grouping = grouping
        if isinstance(data_or_path, Image):
            other = data_or_path
            self.format, self.width, self.height = other.format, other.width, other.height
            self._grouping = other._grouping if grouping is None else grouping
            self.classes = other.classes if self.classes is None else self.classes
            super().__init__(other._content, other._caption if caption is None else caption)
        elif is_elsewhere(data_or_path):
            content = Content.elsewhere(data_or_path)
            self.format = content.suffix[1:]
            self.width = self.height = 0  # nobody knows
            super().__init__(content, caption)
        elif isinstance(data_or_path, (str, Path)):
            path = existing_file(data_or_path, "an image")
            self.format = path.suffix[1:]
            self.width, self.height = _size_of_file(path)
            super().__init__(Content(path, path.suffix), caption)
        else:
            self.format = _checked_format(file_type)
            image = _drawn(data_or_path, mode, self.format, normalize=normalize)
            self.width, self.height = width, height = image.size
            held = width * height * len(image.getbands())
            encode = PixelEncoder(image, self.format)
            super().__init__(Content(encode, f".{self.format}", held=held), caption)
        self._boxes: dict[str, BoundingBoxes2D] = overlays(boxes, BoundingBoxes2D, "boxes")
        self._masks: dict[str, ImageMask] = overlays(masks, ImageMask, "masks")

    @property
    def grouping(self) -> int | None:
        """Number of the group that it belongs to."""
        return self._grouping

    @property
    def boxes(self) -> dict[str, BoundingBoxes2D]:
        """Its boxes by name."""
        return dict(self._boxes)

    @property
    def masks(self) -> dict[str, ImageMask]:
        """Its masks by name."""
        return dict(self._masks)

    def contents(self) -> Sequence[Content]:
        """Its file, and those of its masks and boxes."""
        parts: list[Media] = [*self._boxes.values(), *self._masks.values()]
        return [*super().contents(), *(one for part in parts for one in part.contents())]

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put its files into a place and describe it. Blocks for the encoder and the disk."""
        found = self._described(place)
        if self._boxes:
            found["boxes"] = {key: one.to_json(place) for key, one in self._boxes.items()}
        if self._masks:
            found["masks"] = {key: one.to_json(place) for key, one in self._masks.items()}
        return found

    def stored_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Its JSON in an artifact: boxes and masks need classes there, given or their labels."""
        found = self._described(place)
        classes = self.classes or classes_of([*self._boxes.values(), *self._masks.values()])
        if classes is not None:
            stored = place.put(classes, classes.stored_name)
            found["classes"] = {
                "type": "classes-file",
                "path": stored.path,
                "digest": stored.digest,
            }
        for name, parts in (("boxes", self._boxes), ("masks", self._masks)):
            if parts:
                found[name] = {key: one.stored_json(place) for key, one in parts.items()}
        return found

    def _described(self, place: Place) -> dict[str, Any]:
        found = {**super().to_json(place), "format": self.format}
        if self.width:
            found |= {"width": self.width, "height": self.height}
        if self._grouping:
            found["grouping"] = self._grouping
        return found

    def to_data_array(self) -> Any:
        """The pixels as an array (height, width) or (height, width, channels)."""
        import numpy as np

        assert self._content is not None  # noqa: S101  every image has one
        pil = library("PIL.Image", "pillow", "Image")
        with pil.open(BytesIO(b"".join(self._content.pieces()))) as image:
            return np.asarray(image)

    @classmethod
    def check_list(cls, items: Sequence[Any]) -> None:
        """Warn of images of several sizes."""
        images = cast("Sequence[Image]", items)
        first = images[0]
        if any((one.width, one.height) != (first.width, first.height) for one in images):
            _log.warning(
                "images of several sizes in one list are shown in the size of the first, %d x %d",
                first.width,
                first.height,
            )

    @classmethod
    def list_to_json(cls, items: Sequence[Any], place: Place) -> dict[str, Any]:
        """Like `to_json`, for a list of images; all are shown in the size of the first."""
        images = cast("Sequence[Image]", items)
        described = [image.to_json(place) for image in images]
        first = images[0]
        found: dict[str, Any] = {
            "_type": "images/separated",
            "width": first.width,
            "height": first.height,
            "format": first.format,
            "count": len(images),
            "filenames": [one["path"] for one in described],
        }
        if first.caption is not None:
            found["captions"] = [image.caption for image in images]
        for name in ("masks", "boxes"):
            groups = [one.get(name) for one in described]
            if any(groups):
                found[f"all_{name}"] = groups
        return found


def _checked_format(file_type: str | None) -> str:
    if file_type is None:
        return "png"
    if file_type not in _FORMATS:
        raise InvalidValueError(f"file_type is one of {', '.join(_FORMATS)}, got {file_type!r}")
    return file_type


def _size_of_file(path: Path) -> tuple[int, int]:
    pil = library("PIL.Image", "pillow", "Image")
    try:
        with pil.open(path) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError) as exc:
        raise InvalidValueError(f"{str(path)!r} is no image that Pillow can read", exc=exc) from exc
    return width, height


def _drawn(data: Any, mode: str | None, format_: str, *, normalize: bool) -> Any:
    """A Pillow image that nobody else has, in a mode that the format can hold."""
    pil = library("PIL.Image", "pillow", "Image")
    pil.preinit()  # the usual formats: imported here, not in the thread that encodes
    if is_matplotlib(data):
        image = rendered(figure_of(data), format_)
    elif isinstance(data, pil.Image):
        try:
            image = data.copy()
        except OSError as exc:
            raise InvalidValueError(f"a broken image: {exc}", exc=exc) from exc
    else:
        image = _from_array(pil, data, mode, format_, normalize=normalize)
    if image.mode not in _EVERYWHERE and (image.mode != "RGBA" or format_ != "png"):
        try:
            encoded(pil.new(image.mode, (1, 1)), format_)
        except (OSError, ValueError, KeyError) as exc:
            raise InvalidValueError(
                f"a {format_} file cannot hold an image of mode {image.mode!r}; convert it", exc=exc
            ) from exc
    return image


def _from_array(pil: Any, data: object, mode: str | None, format_: str, *, normalize: bool) -> Any:
    array = as_array(data, "an image")
    array = _channels_last(array, first=is_tensor(data))
    channels = array.shape[2] if array.ndim == 3 else 1
    image = pil.fromarray(as_uint8(array, "an image", normalize=normalize))
    wanted = mode or _MODES[channels]
    if mode is None and channels == 4 and format_ in ("jpg", "jpeg"):
        wanted = "RGB"  # it has no transparency
    if image.mode == wanted:
        return image
    try:
        return image.convert(wanted)
    except ValueError as exc:
        raise InvalidValueError(
            f"an image of mode {image.mode!r} cannot become {wanted!r}", exc=exc
        ) from exc


def _channels_last(array: Any, *, first: bool) -> Any:
    """The same pixels as (height, width) or (height, width, 3 or 4).

    Args:
        array: Of any shape.
        first: Whether channels are known to come first.
    """
    shape = array.shape
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3:
        if array.shape[0] in _MODES and (first or array.shape[2] not in _MODES):
            array = array.transpose(1, 2, 0)
        if array.shape[2] == 1:
            array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _MODES):
        order = "(channels, height, width)" if first else "(height, width, channels)"
        raise InvalidValueError(
            f"an image is an array (height, width) or {order} with 1, 3 or 4 channels, got {shape}"
        )
    if not array.size:
        raise InvalidValueError(f"an image without pixels: {shape}")
    return array
