"""What people look at: images, sounds, videos, histograms, plots ... as values of rows.

Each type copies and checks what it is given, encodes it when it is asked to, and describes itself
in JSON: `Media.to_json(place)` puts its files into a run or an artifact. Nothing is imported before
it is used: `asyncwb.media.Image` loads neither numpy nor Pillow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncwb.media.audio import Audio as Audio
    from asyncwb.media.base import Media as Media
    from asyncwb.media.figures import Bokeh as Bokeh
    from asyncwb.media.figures import Plotly as Plotly
    from asyncwb.media.graph import Graph as Graph
    from asyncwb.media.graph import Node as Node
    from asyncwb.media.histogram import Histogram as Histogram
    from asyncwb.media.html import Html as Html
    from asyncwb.media.image import Image as Image
    from asyncwb.media.molecule import Molecule as Molecule
    from asyncwb.media.object3d import Object3D as Object3D
    from asyncwb.media.object3d import box3d as box3d
    from asyncwb.media.overlays import BoundingBoxes2D as BoundingBoxes2D
    from asyncwb.media.overlays import Classes as Classes
    from asyncwb.media.overlays import ImageMask as ImageMask
    from asyncwb.media.tables.joined import JoinedTable as JoinedTable
    from asyncwb.media.tables.joined import PartitionedTable as PartitionedTable
    from asyncwb.media.tables.table import Table as Table
    from asyncwb.media.video import Video as Video

__all__ = [
    "Audio",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Node",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Table",
    "Video",
    "box3d",
]

_HOMES = {
    "Audio": "audio",
    "Bokeh": "figures",
    "BoundingBoxes2D": "overlays",
    "Classes": "overlays",
    "Graph": "graph",
    "Histogram": "histogram",
    "Html": "html",
    "Image": "image",
    "ImageMask": "overlays",
    "JoinedTable": "tables.joined",
    "Media": "base",
    "Molecule": "molecule",
    "Node": "graph",
    "Object3D": "object3d",
    "PartitionedTable": "tables.joined",
    "Plotly": "figures",
    "Table": "tables.table",
    "Video": "video",
    "box3d": "object3d",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'asyncwb.media' has no attribute {name!r}")
    value = getattr(import_module(f"asyncwb.media.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
