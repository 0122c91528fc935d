"""Runs that log what the page shows: charts, media, alerts, artifacts, definitions of metrics.

python showcase.py            # on the server that the environment names
"""

from __future__ import annotations

import base64
import json
import math
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

import asyncwb.sync as wandb
from asyncwb.media import Bokeh

PROJECT = "showcase"
PDB = """\
ATOM      1  N   GLY A   1      -1.195   0.201  -0.206  1.00  0.00           N
ATOM      2  CA  GLY A   1       0.230   0.318  -0.502  1.00  0.00           C
ATOM      3  C   GLY A   1       1.059  -0.390   0.542  1.00  0.00           C
ATOM      4  O   GLY A   1       0.545  -0.975   1.499  1.00  0.00           O
ATOM      5  OXT GLY A   1       2.300  -0.350   0.400  1.00  0.00           O
END
"""


def log(project: str = PROJECT, folder: Path = Path()) -> None:
    """Log three runs to compare, of which the last one has everything."""
    for seed in range(3):
        with wandb.init(
            project=project, id=f"run{seed}", name=f"try {seed}", config={"lr": 0.1 / (seed + 1)}
        ) as run:
            train(run, seed)
            if seed == 2:
                everything(run, folder)
                artifacts(run)


def train(run: Any, seed: int) -> None:
    """Metrics over epochs, and the charts of a classifier."""
    run.define_metric("epoch", hidden=True)
    run.define_metric("val/*", step_metric="epoch")
    run.define_metric("val/accuracy", step_metric="epoch", goal="maximize", summary="best")
    rng = np.random.default_rng(seed)
    for step in range(60):
        loss = math.exp(-step / (20 + 8 * seed)) + 0.03 * rng.random()
        run.log({"train/loss": loss, "train/lr": run.config["lr"] * 0.98**step})
        if step % 6 == 5:
            run.log({"epoch": step // 6, "val/loss": loss * 1.1, "val/accuracy": 1 - loss / 1.2})
    truth = rng.integers(0, 3, 300)
    scores = rng.random((300, 3)) + 0.35 * np.eye(3)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    names = ["cat", "dog", "bird"]
    parts = [["cat", 41 + seed], ["dog", 35], ["bird", 29 - seed]]
    points = [
        [float(x), float(x * 0.5 + rng.normal()), "ab"[i % 2]] for i, x in enumerate(range(40))
    ]
    table = wandb.Table(columns=["x", "y", "kind"], data=points)
    classes = wandb.Table(columns=["class", "count"], data=parts)
    plot = wandb.plot
    x = list(range(20))
    waves = [[math.sin(i / 3 + k) for i in x] for k in range(3)]
    run.log(
        {
            "roc": plot.roc_curve(truth, scores, labels=names),
            "pr": plot.pr_curve(truth, scores, labels=names),
            "confusion": plot.confusion_matrix(probs=scores, y_true=truth, class_names=names),
            "curve": plot.line(table, "x", "y", stroke="kind", title="A line for each kind"),
            "cloud": plot.scatter(table, "x", "y", title="Points"),
            "bars": plot.bar(classes, "class", "count", title="Samples of each class"),
            "spread": plot.histogram(table, "y", title="How y spreads"),
            "waves": plot.line_series(x, waves, keys=["a", "b", "c"], title="Waves", xname="i"),
            "own": wandb.plot_table("team/mine", classes, {"x": "class"}, {"title": "Our own"}),
        }
    )


def pixels(seed: int) -> np.ndarray[Any, Any]:
    """A picture with a disc."""
    y, x = np.mgrid[0:96, 0:144]
    disc = (x - 40 - 8 * seed) ** 2 + (y - 48) ** 2 < 26**2
    shade = np.stack([x * 1.7, y * 2.6, 120 + 0 * x], axis=-1).astype(np.uint8)
    shade[disc] = (240, 180, 60)
    return shade


def scene(seed: int) -> Any:
    """A picture with boxes and a mask."""
    y, x = np.mgrid[0:96, 0:144]
    mask = ((x - 40 - 8 * seed) ** 2 + (y - 48) ** 2 < 26**2).astype(np.uint8)
    left = (14 + 8 * seed) / 144
    box = {
        "position": {"minX": left, "maxX": left + 52 / 144, "minY": 22 / 96, "maxY": 74 / 96},
        "class_id": 1,
        "box_caption": "a disc",
        "scores": {"confidence": 0.93},
    }
    labels = {0: "ground", 1: "disc"}
    return wandb.Image(
        pixels(seed),
        caption=f"scene {seed}",
        masks={"truth": {"mask_data": mask, "class_labels": labels}},
        boxes={"predictions": {"box_data": [box], "class_labels": labels}},
    )


def everything(run: Any, folder: Path) -> None:
    """Media of each type, over three steps where that is cheap."""
    rng = np.random.default_rng(5)
    angle = np.linspace(0, 12 * math.pi, 4000)
    color = [angle * 5 % 256, angle * 2 % 256, angle % 256]
    spiral = np.stack([np.cos(angle) * angle, np.sin(angle) * angle, angle * 3, *color], axis=1)
    for step in range(3):
        run.log(
            {
                "scene": scene(step),
                "pair": [wandb.Image(pixels(step), caption="left"), wandb.Image(pixels(step + 1))],
                "weights": wandb.Histogram(rng.normal(step, 1, 2000), num_bins=40),
                "points": wandb.Object3D(spiral[: 2000 + 1000 * step]),
            }
        )
    cube = folder / "cube.obj"
    cube.write_text(CUBE)
    pyramid = folder / "pyramid.stl"
    pyramid.write_bytes(stl())
    model = folder / "triangle.gltf"
    model.write_text(GLTF)
    molecule = folder / "glycine.pdb"
    molecule.write_text(PDB)
    note = folder / "note.html"
    note.write_text("<h1>A report</h1><p>of a run</p>")
    ends = (0.2, 0.6)
    corners = [[x, y, z] for x in ends for y in ends for z in ends]
    rows = [
        [i, wandb.Image(pixels(i), caption=f"row {i}"), ["cat", "dog"][i % 2], i / 7]
        for i in range(6)
    ]
    run.log(
        {
            "cube": wandb.Object3D(str(cube)),
            "pyramid": wandb.Object3D(str(pyramid)),
            "model": wandb.Object3D(str(model)),
            "lidar": wandb.Object3D.from_point_cloud(
                points=rng.random((500, 3)).tolist(),
                boxes=[{"corners": corners, "label": "car", "color": [220, 40, 60]}],
            ),
            "molecule": wandb.Molecule(str(molecule), caption="glycine"),
            "page": wandb.Html(str(note)),
            "samples": wandb.Table(columns=["i", "picture", "class", "score"], data=rows),
        }
    )
    run.log({"figure": figure(), "surface": surface(), "plot": plot()})
    run.alert("Loss is low", "It came below 0.1.", level="INFO")
    run.alert("Disk is nearly full", "5 % are left on /data.", level="WARN")


def figure() -> Any:
    """A figure of plotly."""
    from plotly import graph_objects

    bars = graph_objects.Bar(x=["a", "b", "c"], y=[3, 1, 2], name="bars")
    line = graph_objects.Scatter(x=["a", "b", "c"], y=[1, 3, 2], name="line")
    return graph_objects.Figure([bars, line], {"title": {"text": "A figure"}})


def surface() -> Any:
    """A figure of plotly in space."""
    from plotly import graph_objects

    surface = graph_objects.Surface(z=[[0, 1, 0], [1, 2, 1], [0, 1, 0]])
    return graph_objects.Figure(surface, {"title": {"text": "A surface"}})


def plot() -> Bokeh:
    """A plot of bokeh."""
    from bokeh.plotting import figure

    made = figure(title="A plot")
    made.line([1, 2, 3], [3, 1, 2])
    made.scatter([1, 2, 3], [3, 1, 2], size=14)
    return Bokeh(made)


def artifacts(run: Any) -> None:
    """A data set that a model was made of."""
    data = wandb.Artifact("numbers", "dataset")
    with data.new_file("numbers.csv") as file:
        file.write("x,y\n1,2\n3,4\n")
    run.log_artifact(data).wait()
    run.use_artifact(data)
    model = wandb.Artifact("net", "model")
    with model.new_file("weights.txt") as file:
        file.write("0.5 0.25")
    run.log_artifact(model, aliases=["best"]).wait()


CUBE = (
    "\n".join(f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1))
    + "\nf 1 2 4 3\nf 5 7 8 6\nf 1 5 6 2\nf 3 4 8 7\nf 1 3 7 5\nf 2 6 8 4\n"
)
_TRIANGLE = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)


GLTF = json.dumps(
    {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "buffers": [
            {
                "byteLength": 36,
                "uri": "data:application/octet-stream;base64,"
                + base64.b64encode(_TRIANGLE).decode(),
            }
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": 3,
                "type": "VEC3",
                "min": [0, 0, 0],
                "max": [1, 1, 0],
            }
        ],
    }
)


def stl() -> bytes:
    """A pyramid, as binary STL."""
    base = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
    top = (0.5, 0.5, 1)
    sides = [(base[i], base[(i + 1) % 4], top) for i in range(4)]
    faces = [*sides, (base[0], base[2], base[1]), (base[0], base[3], base[2])]
    packed = [
        struct.pack("<12fH", 0, 0, 0, *(n for corner in face for n in corner), 0) for face in faces
    ]
    return bytes(80) + struct.pack("<I", len(faces)) + b"".join(packed)


if __name__ == "__main__":
    log(folder=Path(sys.argv[1] if len(sys.argv) > 1 else "."))
