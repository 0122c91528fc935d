"""The same media, made with the `wandb` package and with asyncwb.

`python media_cases.py wandb|asyncwb FOLDER CASE...` logs each case as a row of an offline run and
prints the path of the journal. Only names that both packages have are used.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LABELS = {0: "sky", 1: "cat", 7: "dog"}


def pixels(*shape: int, seed: int = 0) -> Any:
    import numpy as np

    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png(seed: int, size: tuple[int, int] = (6, 5)) -> str:
    from PIL import Image

    path = Path(f"picture{seed}.png")
    Image.fromarray(pixels(size[1], size[0], 3, seed=seed)).save(path)
    return str(path)


def boxes(low: float = 0.125) -> dict[str, Any]:
    corners = {"minX": low, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}
    middle = {"middle": [15, 20], "width": 8, "height": 2}
    return {
        "predictions": {
            "box_data": [
                {
                    "position": corners,
                    "class_id": 1,
                    "box_caption": "ä cat",
                    "scores": {"acc": 0.5, "loss": 1},
                },
                {"position": middle, "domain": "pixel", "class_id": 7},
            ],
            "class_labels": LABELS,
        },
        "truth": {"box_data": [{"position": corners, "class_id": 3}]},
    }


def masks(shift: int = 0) -> dict[str, Any]:
    import numpy as np

    return {
        "labelled": {"mask_data": np.eye(5, 6, k=shift, dtype=np.int64), "class_labels": LABELS},
        "plain": {"mask_data": np.eye(5, 6, k=1 - shift) * (9 + shift)},
    }


def matplotlib_figure(*, image: bool, width: int = 2) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, 2))
    axes.plot([1, 2, 4], [3, 1, 2])
    if image:
        axes.imshow([[1, 2], [3, 4]])
    return figure


def plotly_figure() -> Any:
    import numpy as np
    from plotly import graph_objects

    return graph_objects.Figure(
        data=[graph_objects.Scatter(x=[1, 2, 3], y=np.array([0.5, float("nan"), 2]), name="a ü")],
        layout={"title": {"text": "A plot"}},
    )


def bokeh_figure() -> Any:
    from bokeh.plotting import figure

    drawn = figure(width=200, height=100)
    drawn.line([1, 2, 3], [3, 1, 2])
    return drawn


def graph(media: Any) -> Any:
    found = media.Graph()
    first = found.add_node(id="1", name="dense", class_name="Dense", num_parameters=12)
    second = found.add_node(id="2", name="out", output_shape=[3, 4])
    found.add_edge(first, second)
    return found


def torch_pixels(*shape: int) -> Any:
    import torch

    return torch.arange(int(torch.tensor(shape).prod())).reshape(shape) % 200 + 0.5


def pil(mode: str) -> Any:
    from PIL import Image

    return Image.fromarray(pixels(5, 6, 3, seed=41)).convert(mode)


def tone(*, rate: int = 8000, channels: int = 1) -> Any:
    import numpy as np

    time = np.arange(rate // 100) / rate
    wave = 0.5 * np.sin(2 * np.pi * 440 * time)
    return wave if channels == 1 else np.stack([wave] * channels, axis=1)


def written(name: str, data: bytes | str) -> str:
    Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
    return name


def histogram() -> Any:
    import numpy as np

    return np.histogram([1, 2, 2, 5], bins=4)


def boxes_in_space(media: Any) -> list[Any]:
    box = media.box3d(
        center=(1, 2, 3), size=(2, 1, 4), orientation=(1, 0.5, 0.25, 2), color=(255, 0, 10),
        label="box", score=0.75,
    )  # fmt: skip
    return [box]


# What to log with the classes of a package. Each has contents of its own: the same content has
# the path of its first row here, and a new one with every row there.
CASES: dict[str, Callable[[Any], Any]] = {
    "image rgb": lambda m: m.Image(pixels(5, 6, 3), caption="a ü caption", grouping=2),
    "image rgba": lambda m: m.Image(pixels(5, 6, 4)),
    "image grey": lambda m: m.Image(pixels(5, 6)),
    "image one channel": lambda m: m.Image(pixels(7, 6, 1)),
    "image batch of one": lambda m: m.Image(pixels(1, 4, 6, 3)),
    "image float": lambda m: m.Image(pixels(8, 6, 3) / 1.5),
    "image int64": lambda m: m.Image(pixels(9, 6, 3).astype("int64")),
    "image mode": lambda m: m.Image(pixels(9, 7, 3), mode="L"),
    "image jpg": lambda m: m.Image(pixels(9, 8, 3), file_type="jpg"),
    "image jpeg of rgba": lambda m: m.Image(pixels(9, 8, 4), file_type="jpeg"),
    "image bmp": lambda m: m.Image(pixels(9, 8, 3), file_type="bmp"),
    "image path": lambda m: m.Image(png(1), caption="from a file"),
    "image copy": lambda m: m.Image(m.Image(png(2), caption="a copy"), grouping=3),
    "image pil": lambda m: m.Image(pil("RGB")),
    "image palette": lambda m: m.Image(pil("P")),
    "image torch": lambda m: m.Image(torch_pixels(3, 5, 6)),
    "image torch grey": lambda m: m.Image(torch_pixels(1, 5, 6)),
    "image figure": lambda m: m.Image(matplotlib_figure(image=True), caption="drawn"),
    "image boxes": lambda m: m.Image(pixels(5, 7, 3), boxes=boxes()),
    "image masks": lambda m: m.Image(pixels(5, 6, 3, seed=5), masks=masks()),
    "images": lambda m: [
        m.Image(pixels(5, 6, 3, seed=seed), caption=f"number {seed}") for seed in (10, 11)
    ],
    "images partly labelled": lambda m: [
        m.Image(pixels(5, 6, 3, seed=20), masks=masks(2), boxes=boxes(0.25)),
        m.Image(pixels(5, 6, 3, seed=21)),
    ],
    "nested": lambda m: {"deep": {"inner key": m.Image(pixels(5, 6, 3, seed=30)), "n": 1}},
    "slash/../key": lambda m: m.Image(pixels(5, 6, 3, seed=31)),
    "mixed list": lambda m: [m.Image(pixels(5, 6, 3, seed=32)), m.Html("<i>x</i>", inject=False)],
    "histogram": lambda m: m.Histogram([1, 2, 2, 3.5, -1], num_bins=5),
    "histogram of pair": lambda m: m.Histogram(np_histogram=histogram()),
    "histograms": lambda m: [m.Histogram([1, 2, 4]), m.Histogram([0.5, 0.25], num_bins=2)],
    "histogram large": lambda m: m.Histogram(pixels(300, 300).astype("float32")),
    "audio": lambda m: m.Audio(tone(), sample_rate=8000, caption="beep"),
    "audio stereo": lambda m: m.Audio(tone(channels=2), sample_rate=16000),
    "audio path": lambda m: m.Audio(written("sound.mp3", b"no sound")),
    "audios": lambda m: [
        m.Audio(tone(rate=4000), 4000), m.Audio(tone(rate=2000), 2000, caption="b"),
    ],
    "video path": lambda m: m.Video(written("film.MP4", b"no film"), caption="film"),
    "video file": lambda m: m.Video(io.BytesIO(b"bytes of a film"), format="webm"),
    "videos": lambda m: [
        m.Video(written("one.gif", b"one")), m.Video(written("two.gif", b"two"), caption="2")
    ],
    "html": lambda m: m.Html("<h1>Hällo</h1>"),
    "html head": lambda m: m.Html("<html><head><title>t</title></head><body/></html>"),
    "html no head": lambda m: m.Html("<html><body>b</body></html>"),
    "html path": lambda m: m.Html(written("page.html", "<p>page</p>")),
    "html path as it is": lambda m: m.Html(written("other.html", "<p>other</p>"), inject=False),
    "html file": lambda m: m.Html(io.StringIO("<p>file</p>")),
    "htmls": lambda m: [m.Html("<p>1</p>"), m.Html("<p>2</p>")],
    "points": lambda m: m.Object3D(pixels(4, 3) / 7),
    "points with category": lambda m: m.Object3D(pixels(4, 4) % 14 + 1, caption="cloud"),
    "points with colour": lambda m: m.Object3D.from_numpy(pixels(4, 6)),
    "scene": lambda m: m.Object3D.from_point_cloud(
        points=[[1, 2, 3.5], [4, 5, 6]],
        boxes=boxes_in_space(m),
        vectors=[{"start": [0, 0, 0], "end": [1, 1, 1]}],
    ),
    "object path": lambda m: m.Object3D(written("mesh.obj", "v 0 0 0\n")),
    "object file": lambda m: m.Object3D(io.StringIO("solid s\nendsolid\n"), file_type="stl"),
    "objects": lambda m: [m.Object3D(pixels(3, 3)), m.Object3D(pixels(2, 3))],
    "molecule path": lambda m: m.Molecule(written("mol.pdb", "ATOM 1"), caption="mol"),
    "molecule file": lambda m: m.Molecule(io.StringIO("ATOM 2"), file_type="sdf"),
    "molecules": lambda m: [
        m.Molecule(written("m1.pdb", "ATOM 3"), caption="3"),
        m.Molecule(written("m2.pdb", "ATOM 4")),
    ],
    "plotly": lambda m: m.Plotly(plotly_figure()),
    "bare plotly": lambda _: plotly_figure().update_layout(width=300),
    "bare matplotlib": lambda _: matplotlib_figure(image=False),
    "bare matplotlib with image": lambda _: matplotlib_figure(image=True, width=3).axes[0].figure,
    "graph": graph,
}  # fmt: skip

# The encoders differ, or write something else each time: only what is said of them is compared.
DESCRIBED: dict[str, Callable[[Any], Any]] = {
    "video array": lambda m: m.Video(pixels(5, 3, 20, 16), format="mp4", fps=5, caption="array"),
    "video batch": lambda m: m.Video(pixels(3, 4, 3, 20, 16), format="gif"),
    "molecule smiles": lambda m: m.Molecule.from_smiles("CCO", caption="ethanol"),
    "bokeh": lambda m: m.Bokeh(bokeh_figure()),
}

IN_SUMMARY = ("image rgb", "html", "nested")


def main(package: str, folder: str, *names: str) -> None:
    if package == "wandb":
        import wandb
        from wandb import data_types as media

        run = wandb.init(project="media", mode="offline", dir=folder)
    else:
        import asyncwb.sync
        from asyncwb import media as ours

        media = SimpleNamespace(**{name: getattr(ours, name) for name in ours.__all__})
        run = asyncwb.sync.init(project="media", mode="offline", settings={"root_dir": folder})
    for name in names:
        run.log({name: {**CASES, **DESCRIBED}[name](media)})
    for name in IN_SUMMARY:
        if name in names:
            value = CASES[name](media)
            run.summary[f"s {name}"] = [value] if isinstance(value, list) else value
    run.finish()
    print("FILES " + str(Path(run.dir)))


if __name__ == "__main__":
    main(*sys.argv[1:])
