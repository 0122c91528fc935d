"""The examples that bring their own server run, and say what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run_example(name: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(120)
def test_no_rollout_of_the_monitored_trainer_is_missing(tmp_path: Path) -> None:
    printed = run_example("rl_monitor.py", tmp_path)
    found = re.search(r"(\d+) rollouts of (\d+) played; none is missing", printed)
    assert found is not None, printed
    assert found[1] == found[2] != "0"


@pytest.mark.timeout(120)
def test_the_sweep_tells_its_best_run(tmp_path: Path) -> None:
    printed = run_example("sweep.py", tmp_path)
    losses = [float(loss) for loss in re.findall(r"^ +([\d.]+) +finished", printed, re.MULTILINE)]
    assert len(losses) == 14, printed
    assert losses == sorted(losses)


@pytest.mark.timeout(120)
def test_the_gallery_shows_one_of_each(tmp_path: Path) -> None:
    for library in ("sklearn", "matplotlib", "PIL", "soundfile", "av"):
        pytest.importorskip(library)
    printed = run_example("gallery.py", tmp_path, "--quick", "--output", "out")
    shown = printed.partition(": ")[2].strip().split(", ")
    always = {"image", "mistakes", "audio", "video", "histogram", "cloud", "mesh", "molecules",
              "html", "graph", "matplotlib", "roc", "pr", "confusion", "loss_by_digit", "table",
              "joined table", "partitioned table"}  # fmt: skip
    assert always <= set(shown) <= always | {"plotly", "bokeh"}
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    for part in ("data:image/png", "data:audio/wav", "data:video/mp4", "taken for a", "main axes"):
        assert part in page
    # Nothing on the page is elsewhere, apart from what plotly and bokeh bring.
    outside = re.findall(r"<(?:img|audio|video|script|link)[^>]*(?:src|href)=.https?:", page)
    assert outside == []
