"""Three-dimensional objects: model files, point clouds, boxes in them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import as_array
from asyncwb.media.base import Media
from asyncwb.media.content import Content, existing_file
from asyncwb.media.jsontext import json_in_pieces
from asyncwb.media.raw import Raw, array_data, array_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from asyncwb.media.base import Place

__all__ = ["Object3D", "SceneEncoder", "box3d"]

_TYPES = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")
_SCENE = "lidar/beta"
_COLUMNS = (3, 4, 6)


class Object3D(Media):
    """A model in space, or a cloud of points.

    An array is copied here, and written when it is logged, off the caller's thread. A file is read
    when it is logged; it may be deleted right after that call.

    Args:
        data_or_path: The path of a file; an open one, which is read here; an array of points (n,
            3): x, y, z; (n, 4): and a category from 1 to 14; (n, 6): and red, green, blue; or a
            scene, a dict with `type` "lidar/beta" and any of `points`, `boxes`, `vectors`.
        caption: Text shown with it.
        file_type: Type of an open file without a name: "obj", "gltf", "glb", "babylon", "stl" or
            "pts.json". A path says it with its extension.

    Raises:
        InvalidValueError: No such file, another type, or an array of another shape.
    """

    json_type = "object3D-file"
    folder = "object3D"
    SUPPORTED_TYPES = frozenset(_TYPES)

    def __init__(
        self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None
    ) -> None:
        content: Content
        if isinstance(data_or_path, (str, Path)):
            path = existing_file(data_or_path, "a 3D object")
            content = Content(path, f".{_type_of(path.name)}")
        elif hasattr(data_or_path, "read"):
            content = _read(data_or_path, file_type)
        elif isinstance(data_or_path, Mapping):
            scene = _scene(cast("Mapping[str, Any]", data_or_path))
            held = sum(getattr(part, "nbytes", 0) for part in scene.values())
            content = Content(SceneEncoder(scene), ".pts.json", held=held)
        else:
            points = _points(data_or_path)
            content = Content(SceneEncoder(points), ".pts.json", held=points.nbytes)
        super().__init__(content, caption)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Self:
        """Make one of a path or an open file.

        Args:
            data_or_path: The path, or the file.
            file_type: Type of an open file without a name.

        Raises:
            InvalidValueError: No such file, or another type.
        """
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Self:
        """Make one of an array of points.

        Args:
            data: (n, 3), (n, 4) or (n, 6), as the class describes it.

        Raises:
            InvalidValueError: The array has another shape, or is none.
        """
        return cls(_points(data))

    @classmethod
    def from_point_cloud(
        cls,
        points: Sequence[Any],
        boxes: Sequence[Any],
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = _SCENE,
    ) -> Self:
        """Make a scene of points and boxes.

        Args:
            points: (n, 3), (n, 4) or (n, 6), as the class describes it.
            boxes: As `box3d` makes them.
            vectors: Dicts with `start` and `end`, points both.
            point_cloud_type: "lidar/beta"; there is no other.

        Raises:
            InvalidValueError: Another type, or points of another shape.
        """
        return cls(
            {
                "type": point_cloud_type,
                "points": points,
                "boxes": boxes,
                "vectors": () if vectors is None else vectors,
            }
        )

    @classmethod
    def list_to_json(cls, items: Sequence[Any], place: Place) -> dict[str, Any]:
        """Like `to_json`, for a list of objects."""
        objects = [one.to_json(place) for one in cast("Sequence[Object3D]", items)]
        folder = f"media/{cls.folder}"
        return {
            "_type": "object3D",
            "filenames": [str(PurePosixPath(one["path"]).relative_to(folder)) for one in objects],
            "count": len(objects),
            "objects": objects,
        }


class SceneEncoder:
    """Writes points, or a scene, as JSON.

    Args:
        scene: An array of points, or the members of a scene, whose points are one.
    """

    def __init__(self, scene: Any) -> None:
        self._scene: Any = scene

    def __call__(self) -> Iterator[bytes]:
        """Write it, some points at a time."""
        return json_in_pieces(self._scene)

    def raw(self) -> Raw | None:
        """The points, and in JSON the rest of a scene."""
        if hasattr(self._scene, "dtype"):
            return Raw("scene", array_facts(self._scene), [array_data(self._scene)])
        scene: dict[str, Any] = self._scene
        points = scene["points"]
        if isinstance(points, list):
            return None
        facts = {**array_facts(points), "scene": {**scene, "points": None}}
        return Raw("scene", facts, [array_data(points)])


def box3d(
    *,
    center: Any,
    size: Any,
    orientation: Any,
    color: Any,
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """A box for `Object3D.from_point_cloud`.

    Args:
        center: x, y, z of its centre.
        size: Its extent along its own x, y and z.
        orientation: The rotation from the axes of space to its own, as a quaternion (r, x, y, z)
            of any length but zero.
        color: Red, green, blue.
        label: Text shown at it.
        score: How sure a detection is.

    Raises:
        InvalidValueError: A vector of another length, or a quaternion of length zero.
    """
    import numpy as np

    middle = _vector(center, 3, "center")
    extent = _vector(size, 3, "size")
    turn = _vector(orientation, 4, "orientation")
    longest = np.abs(turn).max()
    if not longest:
        raise InvalidValueError("orientation is a quaternion, and has a length other than zero")
    turn = turn / longest  # first, so that no square underflows
    r, x, y, z = turn / np.linalg.norm(turn)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * r), 2 * (x * z + y * r)],
            [2 * (x * y + z * r), 1 - 2 * (x * x + z * z), 2 * (y * z - x * r)],
            [2 * (x * z - y * r), 2 * (y * z + x * r), 1 - 2 * (x * x + y * y)],
        ]
    )
    unit = np.array(list(product((-1, 1), repeat=3)), np.float64)
    corners = middle + (unit * extent / 2) @ rotation.T
    return {
        "corners": [tuple(corner) for corner in corners.tolist()],
        "color": color,
        "label": label,
        "score": score,
    }


def _vector(value: object, length: int, name: str) -> Any:
    found = as_array(value, name)
    if found.shape != (length,):
        raise InvalidValueError(f"{name} has {length} numbers, got {value!r}")
    return found.astype("float64")


def _points(data: object) -> Any:
    """A copy of an array of points."""
    array = as_array(data, "a point cloud")
    if array.ndim != 2 or array.shape[1] not in _COLUMNS:
        raise InvalidValueError(
            "a point cloud is an array (n, 3): x, y, z; (n, 4): and a category; or (n, 6): and "
            f"red, green, blue; got {array.shape}"
        )
    return array.copy()


def _scene(given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a scene."""
    if given.get("type") != _SCENE:
        raise InvalidValueError(f"a scene has the type {_SCENE!r}, got {given.get('type')!r}")
    points = given.get("points")
    empty = points is None or not len(points)
    return {
        "type": _SCENE,
        "vectors": _plain(given.get("vectors", ())),
        "points": [] if empty else _points(points),
        "boxes": _plain(given.get("boxes", ())),
    }


def _plain(value: Any) -> Any:
    """A copy in lists and dicts, with Python's own numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in cast("Mapping[object, Any]", value).items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


def _type_of(name: str) -> str:
    found = next((type_ for type_ in _TYPES if name.endswith(f".{type_}")), None)
    if found is None:
        raise InvalidValueError(
            f"a 3D object of the file {name!r}: the types are {', '.join(_TYPES)}"
        )
    return found


def _read(file: Any, file_type: str | None) -> Content:
    name = getattr(file, "name", None)
    found = _type_of(name) if isinstance(name, str) else file_type
    if found not in _TYPES:
        given = "none: name it as file_type" if found is None else repr(found)
        raise InvalidValueError(
            f"a 3D object of an open file has one of the types {', '.join(_TYPES)}, got {given}"
        )
    if hasattr(file, "seek"):
        file.seek(0)
    data: Any = file.read()
    return Content(data.encode() if isinstance(data, str) else bytes(data), f".{found}")
