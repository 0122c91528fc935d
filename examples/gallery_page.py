"""Read the media of a run back through the Api, and show them on one self-contained page."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING, Any

import numpy as np

import asyncwb

if TYPE_CHECKING:
    from collections.abc import Sequence

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; color: #1d2329 }
section { border-top: 1px solid #d6dbe0; padding: 0.5rem 0 1rem }
.row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-end }
figure { margin: 0 } figcaption { color: #5b6670; font-size: 0.85em }
.picture { position: relative; display: inline-block; line-height: 0 }
.picture img, .picture svg { image-rendering: pixelated }
.picture .mask { position: absolute; left: 0; top: 0; width: 100%; opacity: 0.45 }
.picture svg { position: absolute; left: 0; top: 0; width: 100%; height: 100% }
.picture .text { position: absolute; left: 2px; top: 8px; color: #fff }
table { border-collapse: collapse; font-size: 0.9em } td, th { padding: 0.15rem 0.6rem }
th { text-align: left; border-bottom: 1px solid #888 } td img { height: 48px }
iframe { border: 1px solid #d6dbe0; width: 100% } svg text { font-size: 10px; fill: #5b6670 }
"""
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5",
           "#9c6b4e", "#9498a0")  # fmt: skip
ATOMS = {"C": "#444", "H": "#bbb", "N": "#36c", "O": "#d33"}


async def page_of(path: str) -> tuple[str, list[str]]:
    """The page of a run, and what is on it."""
    api = asyncwb.Api()
    run = await api.run(path)
    parts: list[tuple[str, str]] = []
    for key in ("image", "mistakes", "audio", "video", "histogram", "cloud", "mesh", "molecules",
                "html", "graph", "matplotlib", "plotly", "bokeh"):  # fmt: skip
        shown = [await show(value) for value in await run.media(key)]
        if shown:
            parts.append((key, f'<div class="row">{"".join(shown)}</div>'))
    for key in ("roc", "pr", "confusion", "loss_by_digit"):
        (value,) = await run.media(f"{key}_table")
        parts.append((key, chart(key, await value.table())))
    (value,) = await run.media("examples")
    parts.append(("table", rows_of(await value.table())))
    tables = await api.artifact(f"{run.entity}/{run.project}/tables:latest")
    joined, parted = await tables.get("joined"), await tables.get("parted")
    assert isinstance(joined, asyncwb.JoinedTable)
    assert isinstance(parted, asyncwb.PartitionedTable)
    parts.append(("joined table", "".join(map(rows_of, joined.tables))))
    cells = [row for _, row in parted.iterrows()]
    parts.append(("partitioned table", rows_of(asyncwb.Table(data=cells, columns=["id", "picture",
                  "truth", "guess", "odds", "right"]))))  # fmt: skip
    body = "".join(f"<section><h2>{name}</h2>{part}</section>" for name, part in parts)
    page = (
        f"<!doctype html><meta charset=utf-8><title>{run.name}</title><style>{STYLE}</style>"
        f"<h1>{html.escape(run.name or run.id)}</h1>{body}"
    )
    return page, [name for name, _ in parts]


async def show(value: Any) -> str:
    """A media value as HTML."""
    caption = html.escape(value.caption or "")
    match value.type:
        case "image-file":
            loaded = await value.load()
            return figure(picture(loaded), caption)
        case "audio-file":
            return figure(f'<audio controls src="{data_uri(await value.read(), "audio/wav")}">'
                          f"</audio>{wave(await value.array())}", caption)  # fmt: skip
        case "video-file":
            source = data_uri(await value.read(), "video/mp4")
            return figure(f'<video controls loop muted width=256 src="{source}"></video>', caption)
        case "histogram":
            return figure(bars(await value.array()), caption)
        case "object3D-file" if value.path.endswith(".pts.json"):
            return figure(points(await value.array()), caption)
        case "object3D-file":
            return figure(mesh((await value.read()).decode()), caption)
        case "molecule-file":
            return figure(molecule((await value.read()).decode()), caption)
        case "html-file":
            return framed((await value.read()).decode(), 90, scripts=False)
        case "graph-file":
            return graph(await value.load())
        case "plotly-file":
            return plotly((await value.read()).decode())
        case "bokeh-file":
            return bokeh((await value.read()).decode())
    raise ValueError(f"nothing shows {value!r}")


def figure(content: str, caption: str) -> str:
    """Something with a text below."""
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"


def data_uri(data: bytes, kind: str) -> str:
    """An address that holds the bytes."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(image: asyncwb.Image, *, small: bool = False) -> str:
    """An image with its masks and boxes."""
    content = b"".join(image.contents()[0].pieces())
    parts = [f'<img src="{data_uri(content, f"image/{image.format}")}">']
    masks = (data_uri(coloured(mask), "image/png") for mask in image.masks.values())
    parts += [f'<img class=mask src="{mask}">' for mask in masks]
    for boxes in image.boxes.values():
        for box in boxes.boxes:
            p = box["position"]
            parts.append(
                '<svg viewBox="0 0 100 100" preserveAspectRatio="none">'
                f'<rect x="{100 * p["minX"]:.1f}" y="{100 * p["minY"]:.1f}" '
                f'width="{100 * (p["maxX"] - p["minX"]):.1f}" '
                f'height="{100 * (p["maxY"] - p["minY"]):.1f}" fill="none" stroke="#ff725c"/></svg>'
            )
            if not small:
                parts.append(f"<span class=text>{html.escape(box.get('box_caption', ''))}</span>")
    return f'<span class="picture">{"".join(parts)}</span>'


def coloured(mask: Any) -> bytes:
    """A mask with a colour for each class, its ground transparent."""
    from io import BytesIO

    from PIL import Image

    (content,) = mask.contents()
    classes = np.asarray(Image.open(BytesIO(b"".join(content.pieces()))))
    palette = np.array([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in COLOURS])
    pixels = np.zeros((*classes.shape, 4), np.uint8)
    pixels[..., :3] = palette[classes % len(palette)]
    pixels[..., 3] = np.where(classes > 0, 255, 0)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def drawing(content: str, width: int = 320, height: int = 200) -> str:
    """A drawing in SVG."""
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">{content}</svg>'


def wave(samples: Any) -> str:
    """How loud a sound is."""
    loud = [np.abs(part).max() for part in np.array_split(samples.reshape(len(samples), -1), 160)]
    lines = (
        f'<path d="M{2 * x} {30 - 28 * y:.1f}V{30 + 28 * y:.1f}"/>' for x, y in enumerate(loud)
    )
    return "<br>" + drawing(
        f'<g stroke="{COLOURS[0]}" stroke-width=1.5>{"".join(lines)}</g>', 320, 60
    )


def bars(counts: Any) -> str:
    """Counts as bars."""
    width, top = 320 / len(counts), max(counts)
    return drawing(
        "".join(
            f'<rect x="{at * width:.1f}" y="{200 - 190 * count / top:.1f}" width="{width - 1:.1f}" '
            f'height="{190 * count / top:.1f}" fill="{COLOURS[0]}"/>'
            for at, count in enumerate(counts)
        )
    )


def seen(space: Any, size: int = 260) -> Any:
    """Points in space as points on paper, and how near they are."""
    turn, tilt = 0.6, 0.9
    about_z = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    found = (space - (space.max(axis=0) + space.min(axis=0)) / 2) @ about_z.T @ about_x.T
    reach = np.abs(found[:, :2]).max() or 1
    flat = size / 2 + found[:, :2] * [1, -1] / reach * size * 0.47
    return np.column_stack([flat, found[:, 2]])


def points(cloud: Any) -> str:
    """A cloud of points, the nearest on top."""
    flat = seen(cloud[:, :3])
    order = np.argsort(flat[:, 2])
    colour = cloud[:, 3:6].astype(int) if cloud.shape[1] == 6 else np.full((len(cloud), 3), 90)
    dots = (
        f'<circle cx="{flat[at, 0]:.1f}" cy="{flat[at, 1]:.1f}" r="2" '
        f'fill="rgb({",".join(map(str, colour[at]))})"/>'
        for at in order
    )
    return drawing("".join(dots), 260, 260)


def mesh(text: str) -> str:
    """The faces of an OBJ file, the nearest on top."""
    lines = [line.split() for line in text.splitlines()]
    flat = seen(
        np.array([[float(one) for one in line[1:4]] for line in lines if line[:1] == ["v"]])
    )
    faces = [[int(one) - 1 for one in line[1:]] for line in lines if line[:1] == ["f"]]
    faces.sort(key=lambda face: flat[face, 2].mean())
    depth = np.ptp(flat[:, 2]) or 1
    shapes = []
    for face in faces:
        near = (flat[face, 2].mean() - flat[:, 2].min()) / depth
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in flat[face])
        shapes.append(f'<polygon points="{corners}" fill="hsl(220 60% {35 + 45 * near:.0f}%)"/>')
    return drawing("".join(shapes), 260, 260)


def molecule(text: str) -> str:
    """The atoms of a PDB file, and what it says of their bonds."""
    atoms = [line for line in text.splitlines() if line.startswith(("ATOM", "HETATM"))]
    space = np.array([[float(line[at : at + 8]) for at in (30, 38, 46)] for line in atoms])
    numbers = {int(line[6:11]): at for at, line in enumerate(atoms)}
    flat = seen(space)
    bonds = []
    for line in text.splitlines():
        if line.startswith("CONECT"):
            first, *others = (int(line[at : at + 5]) for at in range(6, len(line.rstrip()), 5))
            bonds += [(numbers[first], numbers[other]) for other in others]
    lines = (
        '<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="#888" stroke-width="3"/>'.format(
            *flat[one, :2], *flat[other, :2]
        )
        for one, other in bonds
    )
    dots = []
    for at in np.argsort(flat[:, 2]):
        element = atoms[at][76:78].strip() or atoms[at][12:16].strip()[0]
        radius = 7 if element == "H" else 11
        dots.append(
            f'<circle cx="{flat[at, 0]:.1f}" cy="{flat[at, 1]:.1f}" r="{radius}" '
            f'fill="{ATOMS.get(element, "#a63")}"/>'
        )
    return drawing("".join((*lines, *dots)), 260, 260)


def graph(found: asyncwb.Graph) -> str:
    """A graph whose nodes stand in a row."""
    place = {id(node): 70 + 160 * at for at, node in enumerate(found.nodes)}
    lines = (
        f'<path d="M{place[id(one)] + 55} 30H{place[id(other)] - 55}" stroke="#888"/>'
        for one, other in found.edges
    )
    boxes = (
        f'<rect x="{place[id(node)] - 55}" y="12" width="110" height="36" rx="5" fill="#eef"/>'
        f'<text x="{place[id(node)]}" y="34" text-anchor="middle">'
        f"{html.escape(node.name or '')}</text>"
        for node in found.nodes
    )
    return drawing("".join((*lines, *boxes)), 160 * len(found.nodes), 60)


def framed(document: str, height: int, *, scripts: bool) -> str:
    """A document that nothing can leave."""
    allowed = "allow-scripts" if scripts else ""
    return f'<iframe sandbox="{allowed}" height={height} srcdoc="{html.escape(document)}"></iframe>'


def plotly(text: str) -> str:
    """A figure of plotly, with its library."""
    import plotly.io as figures

    document = figures.to_html(
        figures.from_json(text), include_plotlyjs=True, default_height="300px"
    )
    return framed(document, 320, scripts=True)


def bokeh(text: str) -> str:
    """A document of bokeh, with its library."""
    from bokeh.document import Document
    from bokeh.embed import file_html
    from bokeh.resources import INLINE

    return framed(file_html(Document.from_json(json.loads(text)), INLINE), 280, scripts=True)


def chart(key: str, table: asyncwb.Table) -> str:
    """A chart, from its table."""
    rows = table.data
    if key == "confusion":
        names = list(dict.fromkeys(row[0] for row in rows))
        counts = {(actual, predicted): count for actual, predicted, count in rows}
        top = max(counts.values()) or 1
        lines = "".join(
            f"<tr><th>{actual}</th>" + "".join(
                f'<td style="background:rgb(66 105 208 / {counts[actual, predicted] / top:.2f})">'
                f"{counts[actual, predicted]:.0f}</td>" for predicted in names
            ) + "</tr>" for actual in names
        )  # fmt: skip
        head = "".join(f"<th>{name}</th>" for name in names)
        return f"<table><tr><th>actual \\ predicted</th>{head}</tr>{lines}</table>"
    if key == "loss_by_digit":
        return bars([row[1] for row in rows])
    across, up = ("fpr", "tpr") if key == "roc" else ("recall", "precision")
    lines: dict[Any, list[tuple[float, float]]] = {}
    for name, x, y in zip(
        *(table.get_column(column) for column in ("class", across, up)), strict=True
    ):
        lines.setdefault(name, []).append((x, y))
    return curves(lines)


def curves(lines: dict[Any, Sequence[tuple[float, float]]]) -> str:
    """Lines in the unit square."""
    paths = []
    for at, (name, line) in enumerate(lines.items()):
        corners = " ".join(f"{30 + 260 * x:.1f},{200 - 190 * y:.1f}" for x, y in line)
        colour = COLOURS[at % len(COLOURS)]
        paths.append(f'<polyline points="{corners}" fill="none" stroke="{colour}"/>')
        paths.append(f'<text x="300" y="{20 + 16 * at}" style="fill:{colour}">{name}</text>')
    frame = '<path d="M30 10V200H290" fill="none" stroke="#888"/>'
    marks = (
        '<text x="30" y="214">0</text><text x="284" y="214">1</text><text x="14" y="16">1</text>'
    )
    return drawing(frame + marks + "".join(paths), 340, 220)


def rows_of(table: asyncwb.Table) -> str:
    """A table, with the images of its cells."""
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in table.columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{cell_of(cell)}</td>" for cell in row) + "</tr>"
        for row in table.data
    )
    return f"<table><tr>{head}</tr>{lines}</table>"


def cell_of(cell: Any) -> str:
    """A cell of a table."""
    if isinstance(cell, asyncwb.Image):
        return picture(cell, small=True)
    return html.escape(f"{cell:.3f}" if isinstance(cell, float) else str(cell))
