"""From what a row says of a media value, and its files, to the value. Mostly blocking."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.api.places import inside
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.digest import graphql_id
from asyncwb.artifacts.entry import CLIENT_SCHEME
from asyncwb.artifacts.folders import cache_root
from asyncwb.artifacts.write_operations import CLIENT_ID
from asyncwb.errors import ArtifactNotFoundError, ProtocolError, UnsupportedError
from asyncwb.media.base import library
from asyncwb.media.reading import value_of
from asyncwb.media.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.service import Service
    from asyncwb.media.base import Media

__all__ = [
    "TABLES",
    "array_of",
    "files_named",
    "has_overlays",
    "load_value",
    "media_folder",
    "table_of_artifact",
    "table_of_file",
]

TABLES = frozenset({"table-file", "incremental-table-file", "joined-table", "partitioned-table"})
"""Types of values that lie in an artifact."""

_OVERLAYS = {"masks": "mask/class_labels", "boxes": "bounding_box/class_labels"}


def media_folder(service: Service, address: RunAddress) -> Path:
    """Where files of a run lie that nobody chose a folder for."""
    root = cache_root(service.settings.cache_dir).parent / "media"
    return root.joinpath(*filter(None, str(address).split("/")))


def files_named(json: Mapping[str, Any]) -> list[str]:
    """The files of a value in the run, those of masks and boxes included."""
    named = [
        json.get("path"),
        *(one["path"] for name in _OVERLAYS for _, one in _parts(json, name)),
    ]
    return [path for path in named if path]


def _parts(json: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    """The masks, or the boxes, of a value by their names."""
    return list(cast("dict[str, dict[str, Any]]", json.get(name) or {}).items())


def has_overlays(json: Mapping[str, Any]) -> bool:
    """Whether a value has masks or boxes."""
    return any(json.get(name) for name in _OVERLAYS)


def load_value(json: dict[str, Any], folder: Path, key: str, labels: Mapping[str, Any]) -> Media:
    """The value, of its own class. Blocks for its files.

    Args:
        json: What the row says.
        folder: Where the files of the run lie.
        key: Name under which it was logged.
        labels: The reserved part of the config, with the names of classes.

    Raises:
        UnsupportedError: There is no class for it, or a library for it is not installed.
        ProtocolError: The row lacks something, or a file is not what it should be.
    """
    shelf = _RunShelf(folder)
    if json["_type"] == "image-file":
        return _image(json, shelf, key, labels)
    value = value_of(json, shelf)
    if value is None:
        raise UnsupportedError(f"a value of the type {json['_type']!r} has no class here")
    return value


async def table_of_artifact(service: Service, json: Mapping[str, Any]) -> Media:
    """A table, or what is made of tables, from the artifact that was logged with it. In the loop.

    Raises:
        ArtifactNotFoundError: The server does not have it.
        CommError: The server refused or was not reached.
    """
    scheme, _, rest = str(json.get("artifact_path", "")).partition("://")
    name, _, path = rest.partition("/")
    if scheme == CLIENT_SCHEME:
        mapped = (await service.execute(CLIENT_ID, {"clientID": name})).client_id_mapping
        artifact_id = None if mapped is None else mapped.server_id
    else:
        artifact_id = graphql_id(name) if name else None
    found = None
    if artifact_id is not None:
        artifact = await Artifact._from_id(service, artifact_id)  # pyright: ignore[reportPrivateUsage]
        found = None if artifact is None else await artifact.get(path)
    if found is None:
        raise ArtifactNotFoundError(
            "the server does not have the artifact of this table; table(whole=False) reads the "
            "file of its row"
        )
    return found


def table_of_file(data: bytes) -> Table:
    """A table from the file of a row.

    Raises:
        ProtocolError: It is none.
    """
    found = jsonx.decode(data)
    try:
        tree = cast("dict[str, Any]", found)
        return Table(columns=tree["columns"], data=tree["data"], allow_mixed_types=True)
    except (KeyError, TypeError, ValueError) as exc:
        raise ProtocolError("the file of a table holds none", exc=exc) from exc


def array_of(json: Mapping[str, Any], data: bytes) -> Any:
    """What a value holds, as a numpy array.

    Raises:
        UnsupportedError: It is nothing like that, or a library is not installed.
    """
    import numpy as np

    kind = json["_type"]
    if kind == "image-file":
        pil = library("PIL.Image", "pillow", "MediaValue.array()")
        with pil.open(BytesIO(data)) as image:
            return np.asarray(image)
    if kind == "audio-file":
        soundfile = library("soundfile", "soundfile", "MediaValue.array()")
        samples, _ = soundfile.read(BytesIO(data))
        return samples
    if kind == "histogram":
        return np.asarray(json["values"])
    if kind == "object3D-file" and str(json["path"]).endswith(".pts.json"):
        found = jsonx.decode(data)
        points = cast("dict[str, Any]", found)["points"] if isinstance(found, dict) else found
        return np.asarray(points, np.float64)
    raise UnsupportedError(f"a value of the type {kind!r} cannot become an array of numbers")


class _RunShelf:
    """The files of a run that are here; the `Shelf` of media.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, path: str) -> Path:
        """Where a file lies."""
        place = inside(self._folder, path)
        if not place.is_file():
            raise ProtocolError(f"the run has no file {path!r}, which a row of it names")
        return place

    def origin(self, path: str) -> None:
        """No version."""
        del path

    def object(self, path: str) -> None:
        """No objects."""
        del path

    def below(self, folder: str) -> Sequence[str]:
        """Nothing."""
        del folder
        return ()


def _image(json: dict[str, Any], shelf: _RunShelf, key: str, labels: Mapping[str, Any]) -> Media:
    from asyncwb.media.image import Image

    given: dict[str, dict[str, Any]] = {name: {} for name in _OVERLAYS}
    for name, kind in _OVERLAYS.items():
        texts = cast("dict[str, Any]", labels.get(kind) or {})
        for one, part in _parts(json, name):
            place = shelf.file(part["path"])
            made: dict[str, Any] = {"path": place}
            if name == "boxes":
                made = cast("dict[str, Any]", jsonx.decode(place.read_bytes()))
            # Of a nested value, labels are named after the innermost key.
            names = (f"{label}_wandb_delimeter_{one}" for label in (key, key.rpartition(".")[2]))
            told = next((texts[label] for label in names if label in texts), None)
            if told is not None:
                known = cast("dict[str, str]", told["value"])
                made["class_labels"] = {int(number): text for number, text in known.items()}
            given[name][one] = made
    return Image(
        shelf.file(json["path"]),
        caption=json.get("caption"),
        grouping=json.get("grouping"),
        masks=given["masks"],
        boxes=given["boxes"],
    )
