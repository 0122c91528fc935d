"""One of each kind of media, from real data: logged, read back, and shown on one page.

    pip install 'asyncwb[demo,media]' plotly bokeh rdkit
    python examples/gallery.py                 # gallery/index.html, and a server to look at it

Without plotly, bokeh or RDKit, their parts are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
from gallery_page import page_of
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import asyncwb
import asyncwb.testing
from asyncwb.media import Bokeh

NAMES = [str(digit) for digit in range(10)]
ZOOM = 16


class Digits:
    """Scikit-learn's digits, and what a classifier that has seen half of them says of the rest."""

    def __init__(self, iterations: int) -> None:
        found = load_digits()
        half = len(found.target) // 2
        self.pictures = found.images / 16
        model = LogisticRegression(C=0.05, max_iter=iterations, tol=1e-3)
        model.fit(found.data[:half] / 16, found.target[:half])
        self.weights = model.coef_
        self.test_pictures = self.pictures[half:]
        self.truth = found.target[half:]
        self.odds = model.predict_proba(found.data[half:] / 16)
        self.guess = self.odds.argmax(axis=1)


def enlarged(picture: Any) -> Any:
    """A digit of 8 x 8 values up to 1 as uint8 pixels, 16 times as large."""
    return np.kron((picture * 255).astype(np.uint8), np.ones((ZOOM, ZOOM), np.uint8))


def overlaid(picture: Any, truth: int, guess: int, odds: float) -> asyncwb.Image:
    """A digit with a box around its ink, and the ink as a mask."""
    ink = picture > 0.4
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    position = {
        "minX": columns[0] / 8, "maxX": (columns[-1] + 1) / 8,
        "minY": rows[0] / 8, "maxY": (rows[-1] + 1) / 8,
    }  # fmt: skip
    mask = enlarged(ink) // 255 * (truth + 1)
    classes = {number + 1: name for number, name in enumerate(NAMES)}
    box = {
        "position": {name: float(value) for name, value in position.items()},
        "class_id": guess + 1,
        "box_caption": f"{guess}: {odds:.0%}",
        "scores": {"odds": odds},
    }
    return asyncwb.Image(
        enlarged(picture),
        caption=f"a {truth}, taken for a {guess}",
        classes=[{"id": number, "name": name} for number, name in classes.items()],
        boxes={"guess": {"box_data": [box], "class_labels": classes}},
        masks={"truth": {"mask_data": mask, "class_labels": {0: "paper", **classes}}},
    )


def tone() -> asyncwb.Audio:
    """Two seconds of a plucked A."""
    rate = 22_050
    seconds = np.arange(2 * rate) / rate
    partials = [np.sin(2 * np.pi * 440 * n * seconds) * np.exp(-n * seconds) / n for n in (1, 2, 3)]
    return asyncwb.Audio(np.sum(partials, axis=0) / 3, rate, caption="440 Hz")


def morph(data: Digits) -> asyncwb.Video:
    """The mean 0 becomes the mean 1, and so on."""
    target = load_digits().target
    means = [data.pictures[target == digit].mean(axis=0) for digit in (*range(10), 0)]
    frames = [
        enlarged(one * (1 - part) + other * part)[None]
        for one, other in itertools.pairwise(means)
        for part in np.linspace(0, 1, 6, endpoint=False)
    ]
    return asyncwb.Video(np.array(frames), fps=12, format="mp4", caption="means of the digits")


def torus(path: Path) -> asyncwb.Object3D:
    """A mesh, as an OBJ file."""
    around, tube = 24, 12
    u, v = np.meshgrid(*(np.arange(n) * 2 * np.pi / n for n in (around, tube)), indexing="ij")
    ring = 1 + 0.4 * np.cos(v)
    points = np.stack([ring * np.cos(u), ring * np.sin(u), 0.4 * np.sin(v)], axis=-1)
    number = np.arange(around * tube).reshape(around, tube) + 1
    faces = np.stack(
        [number, np.roll(number, -1, 0), np.roll(number, (-1, -1), (0, 1)), np.roll(number, -1, 1)],
        axis=-1,
    )
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points.reshape(-1, 3)]
    lines += ["f " + " ".join(map(str, face)) for face in faces.reshape(-1, 4)]
    path.write_text("\n".join(lines) + "\n")
    return asyncwb.Object3D(path, caption="a torus")


def cloud(data: Digits) -> asyncwb.Object3D:
    """The digits on their three main axes, in the colour of their class."""
    flat = data.test_pictures.reshape(len(data.truth), -1)
    flat = flat - flat.mean(axis=0)
    axes = np.linalg.svd(flat, full_matrices=False)[2][:3]
    hue = data.truth[:, None] / 10 + np.array([0, 1 / 3, 2 / 3])
    colours = 127.5 + 127.5 * np.cos(2 * np.pi * hue)
    return asyncwb.Object3D(np.hstack([flat @ axes.T, colours]), caption="main axes")


def benzene(path: Path) -> asyncwb.Molecule:
    """Six carbons and six hydrogens, with the distances of benzene, in a PDB file."""
    lines = []
    for number, (name, radius) in enumerate([("C", 1.39)] * 6 + [("H", 2.48)] * 6):
        angle = np.pi / 3 * number
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        lines.append(
            f"HETATM{number + 1:5d}  {name + str(number % 6 + 1):<3} BNZ A   1    "
            f"{x:8.3f}{y:8.3f}{0:8.3f}  1.00  0.00           {name}"
        )
    lines += [f"CONECT{n + 1:5d}{(n + 1) % 6 + 1:5d}{n + 7:5d}" for n in range(6)]
    path.write_text("\n".join([*lines, "END"]) + "\n")
    return asyncwb.Molecule(path, caption="benzene")


def layers() -> asyncwb.Graph:
    """The classifier as a graph."""
    graph = asyncwb.Graph("torch")
    nodes = [
        graph.add_node(id=number, name=name, class_name=kind, output_shape=[shape])
        for number, (name, kind, shape) in enumerate(
            [("pixels", "Input", 64), ("linear", "Linear", 10), ("odds", "Softmax", 10)]
        )
    ]
    for one, other in itertools.pairwise(nodes):
        graph.add_edge(one, other)
    return graph


def examples(data: Digits, count: int) -> asyncwb.Table:
    """A table with a picture in each row."""
    table = asyncwb.Table(columns=["id", "picture", "truth", "guess", "odds", "right"])
    for number in range(count):
        truth, guess = int(data.truth[number]), int(data.guess[number])
        odds = float(data.odds[number, guess])
        picture = overlaid(data.test_pictures[number], truth, guess, odds)
        table.add_data(number, picture, truth, guess, round(odds, 3), truth == guess)
    return table


async def log_figures(run: asyncwb.Run, data: Digits) -> None:
    """What other libraries draw."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 5, figsize=(7, 3))
    for digit, one in enumerate(axes.flat):
        one.imshow(data.weights[digit].reshape(8, 8), cmap="coolwarm")
        one.set_axis_off()
    await run.log({"matplotlib": figure})
    plt.close(figure)
    right = np.bincount(data.truth[data.guess == data.truth], minlength=10)
    share = right / np.bincount(data.truth, minlength=10)
    if importlib.util.find_spec("plotly"):
        from plotly import graph_objects

        bars = graph_objects.Figure(graph_objects.Bar(x=NAMES, y=share))
        await run.log({"plotly": bars})
    if importlib.util.find_spec("bokeh"):
        from bokeh.plotting import figure as bokeh_figure

        drawing = bokeh_figure(height=250, width=400, title="right by digit")
        drawing.line(list(range(10)), share.tolist())
        await run.log({"bokeh": Bokeh(drawing)})


async def log_charts(run: asyncwb.Run, data: Digits) -> None:
    """Curves of the classifier, and a chart of one's own."""
    losses = -np.log(data.odds[np.arange(len(data.truth)), data.truth])
    by_digit = [[name, losses[data.truth == digit].mean()] for digit, name in enumerate(NAMES)]
    table = asyncwb.Table(columns=["digit", "loss"], data=by_digit)
    await run.log(
        {
            "confusion": asyncwb.plot.confusion_matrix(
                y_true=data.truth.tolist(), preds=data.guess.tolist(), class_names=NAMES
            ),
            "roc": asyncwb.plot.roc_curve(data.truth, data.odds, labels=NAMES),
            "pr": asyncwb.plot.pr_curve(data.truth, data.odds, labels=NAMES),
            "loss_by_digit": asyncwb.plot.bar(table, "digit", "loss", "Loss by digit"),
        }
    )


async def log_all(folder: Path, quick: bool) -> asyncwb.Run:
    """Log one of each; returns the run."""
    data = Digits(50 if quick else 500)
    count = 4 if quick else 24
    async with asyncwb.init(project="gallery", name="one of each") as run:
        table = examples(data, count)
        await run.log({"image": table.data[0][1]})
        wrong = np.flatnonzero(data.guess != data.truth)[:8]
        await run.log(
            {
                "mistakes": [
                    asyncwb.Image(
                        enlarged(data.test_pictures[at]),
                        caption=f"{data.truth[at]}, not {data.guess[at]}",
                    )
                    for at in wrong
                ]
            }
        )
        await run.log({"audio": tone(), "video": morph(data)})
        await run.log({"histogram": asyncwb.Histogram(data.odds.max(axis=1), num_bins=20)})
        await run.log({"cloud": cloud(data), "mesh": torus(folder / "torus.obj")})
        molecules = [benzene(folder / "benzene.pdb")]
        if importlib.util.find_spec("rdkit"):
            caffeine = "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"
            molecules.append(asyncwb.Molecule.from_smiles(caffeine, caption="caffeine"))
        await run.log({"molecules": molecules})
        share = (data.truth == data.guess).mean()
        await run.log(
            {"html": asyncwb.Html(f"<h2>{share:.1%} right</h2>", inject=False), "graph": layers()}
        )
        await run.log({"examples": table})
        await log_figures(run, data)
        await log_charts(run, data)
        await log_tables(run, data, table)
    return run


async def log_tables(run: asyncwb.Run, data: Digits, table: asyncwb.Table) -> None:
    """Tables in an artifact: one joined with another, and one in several parts."""
    artifact = asyncwb.Artifact("tables", "dataset")
    second = [[number, float(np.sort(data.odds[number])[-2])] for number in range(len(table.data))]
    other = asyncwb.Table(columns=["id", "second"], data=second)
    await artifact.add(table.join(other, "id"), "joined")
    for half in (0, 1):
        part = asyncwb.Table(columns=table.columns, data=table.data[half::2])
        await artifact.add(part, f"parts/{half}")
    await artifact.add(asyncwb.PartitionedTable("parts"), "parted")
    await (await run.log_artifact(artifact)).wait()


async def main(folder: Path, *, quick: bool, stay: bool) -> None:
    """Log to a server of our own, read everything back, write the page."""
    async with asyncwb.testing.local_server(data_dir=folder / "server") as server:
        os.environ.update(server.env, WANDB_DIR=str(folder), WANDB_QUIET="true")
        run = await log_all(folder, quick)
        page, shown = await page_of(run.path)
        await asyncio.to_thread((folder / "index.html").write_text, page, encoding="utf-8")
        print(f"{len(shown)} kinds on {folder / 'index.html'}: {', '.join(shown)}")
        if stay:
            print(f"the run: {run.url}, until Ctrl-C")
            print(f"to sign in: user {server.entity}, API key {server.api_key}")
            await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("gallery"))
    parser.add_argument("--quick", action="store_true", help="few pictures, and no server to see")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(options.output, quick=options.quick, stay=not options.quick))
