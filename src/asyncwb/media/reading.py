"""Values from their JSON in an artifact: what was added comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asyncwb.media.base import Media
    from asyncwb.media.stored import Shelf

__all__ = ["value_of"]


def value_of(found: dict[str, Any], shelf: Shelf) -> Media | None:
    """The value of a piece of JSON. Blocks for its files.

    Args:
        found: The JSON, with its `_type`.
        shelf: The version that it is in.

    Returns:
        The value; None where nobody knows its type.

    Raises:
        ProtocolError: The JSON lacks something, or a file is not what it should be.
    """
    read = _READERS.get(str(found.get("_type")))
    if read is None:
        return None
    try:
        value = read(found, shelf)
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise ProtocolError(f"an object of the artifact cannot be read: {exc!r}", exc=exc) from exc
    for content in value.contents():
        if content.origin is None and content.path is not None:
            content.origin = _origin_of(found, content.path.as_posix(), shelf)
    return value


def _origin_of(found: dict[str, Any], path: str, shelf: Shelf) -> Any:
    """The entry of a file of a value: of itself, or of one of its masks."""
    masks = _members(found, "masks")
    for name in (found.get("path"), *(one.get("path") for one in masks.values())):
        if name is not None and shelf.file(name).absolute().as_posix() == path:
            return shelf.origin(name)
    return None


def _members(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", found.get(name) or {})


def _file(found: Mapping[str, Any], shelf: Shelf) -> str:
    return str(shelf.file(found["path"]).absolute())


def _image(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.image import Image
    from asyncwb.media.overlays import Classes

    told: Any = found.get("classes")
    classes = None if told is None else shelf.object(told["path"])
    labels = classes.labels if isinstance(classes, Classes) else {}
    return Image(
        _file(found, shelf),
        caption=found.get("caption"),
        grouping=found.get("grouping"),
        classes=classes if isinstance(classes, Classes) else None,
        boxes={
            key: {"box_data": boxes, "class_labels": labels}
            for key, boxes in _members(found, "boxes").items()
        },
        masks={
            key: {"path": _file(mask, shelf), "class_labels": labels}
            for key, mask in _members(found, "masks").items()
        },
    )


def _classes(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.overlays import Classes

    del shelf
    return Classes(found["class_set"])


def _audio(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.audio import Audio

    return Audio(_file(found, shelf), caption=found.get("caption"))


def _video(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.video import Video

    made = Video(_file(found, shelf), caption=found.get("caption"))
    made.width, made.height = found.get("width"), found.get("height")
    return made


def _html(found: dict[str, Any], shelf: Shelf) -> Media:
    from pathlib import Path

    from asyncwb.media.html import Html

    return Html(Path(_file(found, shelf)), inject=False)


def _object3d(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.object3d import Object3D

    return Object3D(_file(found, shelf), caption=found.get("caption"))


def _molecule(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.molecule import Molecule

    return Molecule(_file(found, shelf), caption=found.get("caption"))


def _histogram(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.histogram import Histogram

    del shelf
    return Histogram(np_histogram=(found["values"], found["bins"]))


def _bokeh(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.figures import Bokeh

    return Bokeh(_file(found, shelf))


def _plotly(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.base import library
    from asyncwb.media.figures import Plotly

    figures: Any = library("plotly.io", "plotly", "reading a plotly figure", extra=None)
    return Plotly(figures.from_json(shelf.file(found["path"]).read_text("utf-8")))


def _graph(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.graph import Graph

    told = cast("dict[str, Any]", jsonx.decode(shelf.file(found["path"]).read_bytes()))
    graph = Graph(told["format"])
    nodes = {node.get("id"): graph.add_node(**node) for node in told["nodes"]}
    for one, other in told["edges"]:
        graph.add_edge(nodes[one], nodes[other])
    return graph


def _mask(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.overlays import ImageMask

    return ImageMask({"path": _file(found, shelf)}, "")


def _table(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.tables.reading import table_of

    return table_of(found, shelf, lambda cell: value_of(cell, shelf))


def _joined(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.tables.joined import JoinedTable

    return JoinedTable.from_stored(found, shelf)


def _partitioned(found: dict[str, Any], shelf: Shelf) -> Media:
    from asyncwb.media.tables.joined import PartitionedTable

    return PartitionedTable.from_stored(found, shelf)


_READERS: Mapping[str, Callable[[dict[str, Any], Shelf], Media]] = {
    "image-file": _image,
    "classes": _classes,
    "audio-file": _audio,
    "video-file": _video,
    "html-file": _html,
    "object3D-file": _object3d,
    "molecule-file": _molecule,
    "bokeh-file": _bokeh,
    "plotly-file": _plotly,
    "graph-file": _graph,
    "histogram": _histogram,
    "mask": _mask,
    "table": _table,
    "joined-table": _joined,
    "partitioned-table": _partitioned,
}
