"""Figures of plotly, matplotlib and bokeh."""

from __future__ import annotations

import sys
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from asyncwb import jsonx
from asyncwb.errors import InvalidValueError, UnsupportedError
from asyncwb.media.base import Media, library
from asyncwb.media.content import Content, existing_file
from asyncwb.media.jsontext import json_in_pieces

__all__ = [
    "Bokeh",
    "Plotly",
    "figure_of",
    "is_figure",
    "is_matplotlib",
    "media_of_figure",
    "rendered",
]


class Plotly(Media):
    """An interactive plot.

    The figure is copied here, and written as JSON when it is logged, off the caller's thread.

    Args:
        val: A figure of plotly; or of matplotlib (also axes or `pyplot`) without images, which
            plotly can convert.

    Raises:
        InvalidValueError: Something else, or a figure that cannot be converted; `Image` takes any.
        UnsupportedError: A matplotlib figure, and plotly is not installed.
    """

    json_type = "plotly-file"
    folder = "plotly"

    def __init__(self, val: Any) -> None:
        if is_matplotlib(val):
            figure = figure_of(val)
            if any(axes.images for axes in figure.axes):
                raise InvalidValueError(
                    "plotly cannot convert a matplotlib figure with images in it; log Image(figure)"
                )
            val = _converted(figure)
        elif not _is_plotly(val):
            raise InvalidValueError(
                f"Plotly takes a figure of plotly or matplotlib, got {type(val).__name__}"
            )
        # A copy, as plotly makes it.
        plot = val.to_plotly_json()
        super().__init__(Content(lambda: json_in_pieces(plot), ".plotly.json"))


class Bokeh(Media):
    """A plot of bokeh.

    It is written as JSON here, since every change of a figure would be one of the plot as well.

    Args:
        data_or_path: A figure or another model of bokeh, a document, or the path of a JSON file
            that bokeh wrote.

    Raises:
        InvalidValueError: Something else, or no such file.
        UnsupportedError: bokeh is not installed.
    """

    json_type = "bokeh-file"
    folder = "bokeh"

    def __init__(self, data_or_path: Any) -> None:
        if isinstance(data_or_path, (str, Path)):
            super().__init__(Content(existing_file(data_or_path, "a bokeh plot"), ".bokeh.json"))
            return
        documents: Any = library("bokeh.document", "bokeh", "Bokeh", extra=None)
        models: Any = library("bokeh.model", "bokeh", "Bokeh", extra=None)
        if isinstance(data_or_path, models.Model):
            document = documents.Document()
            document.add_root(data_or_path)
            # Written, read and written again, the same figure has the same text each time.
            document = documents.Document.from_json(_bokeh_json(document))
        elif isinstance(data_or_path, documents.Document):
            document = data_or_path
        else:
            raise InvalidValueError(
                "Bokeh takes a figure or document of bokeh, or the path of its JSON file, got "
                f"{type(data_or_path).__name__}"
            )
        super().__init__(Content(jsonx.encode(_bokeh_json(document)), ".bokeh.json"))


def _bokeh_json(document: Any) -> Any:
    try:
        return document.to_json(deferred=False)
    except TypeError:  # before 3.9
        return document.to_json()


def is_figure(value: object) -> bool:
    """Whether a value is logged as a plot though it is none of our types. Imports nothing."""
    return is_matplotlib(value) or _is_plotly(value)


def media_of_figure(figure: Any) -> Media:
    """The value that a bare figure is logged as: interactive where plotly can show it as it is.

    Raises:
        UnsupportedError: Neither plotly nor Pillow is installed.
    """
    if is_matplotlib(figure):
        drawn = figure_of(figure)
        try:
            return Plotly(drawn)
        except (InvalidValueError, UnsupportedError):
            from asyncwb.media.image import Image

            return Image(drawn)
    return Plotly(figure)


def is_matplotlib(value: object) -> bool:
    """Whether it is a figure, an artist that belongs to one, or `pyplot`. Imports nothing."""
    if value is None:
        return False
    if value is sys.modules.get("matplotlib.pyplot") or _is_figure(value):
        return True
    return type(value).__module__.startswith("matplotlib.") and hasattr(value, "figure")


def _is_figure(value: object) -> bool:
    figures: Any = sys.modules.get("matplotlib.figure")
    return figures is not None and isinstance(value, figures.FigureBase)


def figure_of(value: Any) -> Any:
    """The matplotlib figure of what `is_matplotlib` knows.

    Raises:
        InvalidValueError: It belongs to none.
    """
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and value is pyplot:
        value = pyplot.gcf()
    elif not _is_figure(value):
        value = value.figure
    if not _is_figure(value):
        raise InvalidValueError("the matplotlib artist belongs to no figure")
    return value


def rendered(figure: Any, format_: str) -> Any:
    """A matplotlib figure as a Pillow image, as `savefig` makes it."""
    pil = library("PIL.Image", "pillow", "Image")
    file = BytesIO()
    # What it is encoded in here is only a way to its pixels.
    options = {"compress_level": 0} if format_ == "png" else {}
    figure.savefig(file, format=format_ if format_ != "bmp" else "png", pil_kwargs=options)
    image = pil.open(file)
    image.load()
    return image


def _is_plotly(value: object) -> bool:
    return type(value).__module__.startswith("plotly.") and hasattr(value, "to_plotly_json")


def _converted(figure: Any) -> Any:
    """A figure of plotly that shows what one of matplotlib shows."""
    tools = library("plotly.tools", "plotly", "Plotly of a matplotlib figure", extra=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # So it warns where it leaves something out.
        warnings.simplefilter("error", UserWarning)
        try:
            return tools.mpl_to_plotly(figure)
        except Exception as exc:
            raise InvalidValueError(
                f"plotly cannot convert the matplotlib figure ({exc}); log Image(figure)", exc=exc
            ) from exc
