"""What lies over an image: bounding boxes, segmentation masks, and the classes they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5
from numbers import Number
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import as_array
from asyncwb.media.base import Media, library
from asyncwb.media.content import Content, existing_file
from asyncwb.media.pixels import PixelEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.base import Place
    from asyncwb.media.stored import ObjectPlace

__all__ = ["BoundingBoxes2D", "Classes", "ImageMask", "as_classes", "classes_of", "overlays"]

_CORNERS = ("minX", "maxX", "minY", "maxY")


class Classes(Media):
    """The classes that boxes and masks of an image may name, for tables and artifacts.

    Args:
        class_set: Dicts with `id` (an integer or text) and `name`.

    Raises:
        InvalidValueError: One lacks its `id` or its `name`.
    """

    json_type = "classes"

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(None)
        for one in class_set:
            if not isinstance(one, Mapping) or "id" not in one or "name" not in one:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidValueError(f"a class is a dict with 'id' and 'name', got {one!r}")
        self._class_set = [dict(one) for one in class_set]

    @property
    def class_set(self) -> list[dict[str, Any]]:
        """The classes, as given."""
        return [dict(one) for one in self._class_set]

    @property
    def labels(self) -> dict[Any, str]:
        """Ids to names."""
        return {one["id"]: one["name"] for one in self._class_set}

    @property
    def stored_name(self) -> str:
        """The name that the classes of an image have in an artifact."""
        text = str(self._class_set).encode()
        return f"media/classes/{md5(text, usedforsecurity=False).hexdigest()}_cls"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self._class_set == other._class_set

    __hash__ = Media.__hash__

    def at_once(self) -> dict[str, Any]:
        """Its JSON."""
        return {"_type": self.json_type, "class_set": self.class_set}

    def to_json(self, place: Place) -> dict[str, Any]:
        """Describe them."""
        del place
        return self.at_once()


class BoundingBoxes2D(Media):
    """Boxes over an image.

    Args:
        val: `box_data`, a list of boxes, and optionally `class_labels`, ids to names. A box has a
            `position`: either `minX`, `maxX`, `minY`, `maxY`, or `middle` (x and y), `width` and
            `height`, as fractions of the image, or in pixels with `domain="pixel"`; and optionally
            `class_id`, `box_caption` and `scores` (names to numbers).
        key: What the boxes are: "predictions", "ground_truth".

    Raises:
        InvalidValueError: A box is not like that.
    """

    json_type = "boxes2D"
    folder = "metadata/boxes2D"

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        boxes: Any = val.get("box_data")
        if not isinstance(boxes, list):
            raise InvalidValueError(f"boxes {key!r}: 'box_data' is a list, got {boxes!r}")
        plain: list[dict[str, Any]] = [
            _box(box, f"box {number} of {key!r}")
            for number, box in enumerate(cast("list[object]", boxes))
        ]
        self._boxes = plain
        labels = val.get("class_labels")
        if labels is None:
            found = {box["class_id"] for box in plain if "class_id" in box}
            self.class_labels = _default_labels(found)
        else:
            self.class_labels = _labels(labels, f"boxes {key!r}")
        self.key = key
        written = {**val, "box_data": plain}
        if labels is not None:
            written["class_labels"] = self.class_labels
        super().__init__(Content(jsonx.encode(written), ".boxes2D.json"))

    @property
    def boxes(self) -> list[dict[str, Any]]:
        """The boxes, as given."""
        return [dict(box) for box in self._boxes]

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put the file and the labels into a place and describe it. Blocks for the disk."""
        found = super().to_json(place)
        place.label("bounding_box/class_labels", self.key, self.class_labels)
        return found

    def stored_json(self, place: ObjectPlace) -> Any:
        """The boxes themselves: in an artifact they lie inside of the JSON of the image."""
        del place
        return self.boxes


class ImageMask(Media):
    """A segmentation mask: a class for each pixel of an image.

    Args:
        val: `mask_data`, an array (height, width) of class ids from 0 to 255, or `path`, an image
            file with such values; and optionally `class_labels`, ids to names.
        key: What the mask is: "predictions", "ground_truth".

    Raises:
        InvalidValueError: The array has another shape or other values, or there is no such file.
        UnsupportedError: Pillow is not installed.
    """

    json_type = "mask"
    folder = "images/mask"

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        self.key = key
        labels = val.get("class_labels")
        what = f"mask {key!r}"
        self.class_labels = None if labels is None else _labels(labels, what)
        if "path" in val:
            path = existing_file(val["path"], what)
            super().__init__(Content(path, path.suffix))
            return
        if "mask_data" not in val:
            raise InvalidValueError(f"{what} has neither 'mask_data' nor 'path'")
        import numpy as np

        pil = library("PIL.Image", "pillow", "ImageMask")
        pil.preinit()
        array = as_array(val["mask_data"], what)
        if array.ndim != 2:
            raise InvalidValueError(f"{what} is an array (height, width), got {array.shape}")
        if array.dtype != np.uint8 and array.size and not (array.min() >= 0 and array.max() <= 255):
            raise InvalidValueError(f"{what} has class ids outside of 0 to 255")
        pixels = np.array(array, np.uint8, order="C")
        if self.class_labels is None:
            self.class_labels = _default_labels(set(np.flatnonzero(np.bincount(pixels.ravel()))))
        self.shape: tuple[int, int] = (array.shape[0], array.shape[1])
        super().__init__(
            Content(PixelEncoder(pil.fromarray(pixels), "png"), ".mask.png", held=pixels.nbytes)
        )

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put the file and the labels into a place and describe it. Blocks for the encoder."""
        found = super().to_json(place)
        if self.class_labels is not None:
            place.label("mask/class_labels", self.key, self.class_labels)
        return found


def overlays(given: object, kind: type[Any], name: str) -> dict[str, Any]:
    """The boxes or masks of an image by their keys, each made of a dict where it is one."""
    if not given:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidValueError(f"{name} of an image are a dict, got {type(given).__name__}")
    found: dict[str, Any] = {}
    for key, one in cast("Mapping[object, Any]", given).items():
        if not isinstance(one, (kind, Mapping)):
            raise InvalidValueError(
                f"{name} {key!r} of an image are a dict or {kind.__name__}, got {one!r}"
            )
        found[str(key)] = one if isinstance(one, kind) else kind(one, str(key))
    return found


def _labels(labels: object, what: str) -> dict[Any, str]:
    if not isinstance(labels, Mapping):
        raise InvalidValueError(f"{what}: 'class_labels' is a dict of ids to names, got {labels!r}")
    found: dict[Any, str] = {}
    for number, name in cast("Mapping[object, Any]", labels).items():
        if not isinstance(number, Number) or not isinstance(name, str):
            raise InvalidValueError(
                f"{what}: 'class_labels' has numbers for names, got {number!r}: {name!r}"
            )
        found[_plain(number)] = name
    return found


def _default_labels(numbers: set[Any]) -> dict[Any, str]:
    return {int(number): f"class_{int(number)}" for number in sorted(numbers)}


def _box(box: object, what: str) -> dict[str, Any]:
    """A copy of one box with plain numbers."""
    if not isinstance(box, Mapping):
        raise InvalidValueError(f"{what} is a dict, got {box!r}")
    found = dict(cast("Mapping[str, Any]", box))
    position: Any = found.get("position")
    if not isinstance(position, Mapping):
        raise InvalidValueError(f"{what} has no 'position'")
    place: dict[str, Any] = {name: _plain(value) for name, value in position.items()}  # pyright: ignore[reportUnknownVariableType]
    if not _is_position(place):
        raise InvalidValueError(
            f"{what}: a 'position' has the numbers {', '.join(_CORNERS)}, or 'middle' (x and y), "
            f"'width' and 'height'; got {place!r}"
        )
    found["position"] = place
    if "class_id" in found:
        found["class_id"] = number = _plain(found["class_id"])
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidValueError(f"{what}: 'class_id' is an integer, got {number!r}")
    if not isinstance(found.get("box_caption", ""), str):
        raise InvalidValueError(f"{what}: 'box_caption' is a text, got {found['box_caption']!r}")
    if "scores" in found:
        found["scores"] = _scores(found["scores"], what)
    return found


def _is_position(place: dict[str, Any]) -> bool:
    def has(*names: str) -> bool:
        return all(isinstance(place.get(name), Number) for name in names)

    middle = place.get("middle")
    if isinstance(middle, list | tuple):
        numbers = [_plain(item) for item in cast("list[Any]", middle)]
        place["middle"] = numbers
        if len(numbers) == 2 and all(isinstance(item, Number) for item in numbers):
            return has("width", "height")
    return has(*_CORNERS)


def _scores(scores: object, what: str) -> dict[str, Any]:
    if not isinstance(scores, Mapping):
        raise InvalidValueError(f"{what}: 'scores' is a dict of names to numbers, got {scores!r}")
    found: dict[str, Any] = {}
    for name, given in cast("Mapping[object, Any]", scores).items():
        value = _plain(given)
        if not isinstance(name, str) or not isinstance(value, Number):
            raise InvalidValueError(f"{what}: a score is a number, got {name!r}: {value!r}")
        found[name] = value
    return found


def _plain(value: Any) -> Any:
    """A Python number, or list of them, of whatever numpy or torch has."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return value.tolist() if hasattr(value, "tolist") else value


def classes_of(parts: Sequence[BoundingBoxes2D | ImageMask]) -> Classes | None:
    """The classes that boxes and masks name; None without any."""
    labels = {number: name for one in parts for number, name in (one.class_labels or {}).items()}
    if not parts:
        return None
    return Classes([{"id": number, "name": name} for number, name in sorted(labels.items())])


def as_classes(given: Classes | Sequence[Mapping[str, Any]] | None) -> Classes | None:
    """The classes of an image."""
    return given if given is None or isinstance(given, Classes) else Classes(given)
