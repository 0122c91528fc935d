"""What the unmodified wandb package can do on the embedded server, feature by feature.

`docs/compatibility.md` names these tests.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.sync import Api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

START = """
import json, os, wandb
quick = wandb.Settings(console="off", x_disable_stats=True)
def result(value):
    print("RESULT " + json.dumps(value))
def error_of(action):
    try:
        action()
    except Exception as error:
        return type(error).__name__
def rows_of(path):
    return [{k: v for k, v in row.items() if k not in ("_runtime", "_timestamp")}
            for row in wandb.Api().run(path).scan_history()]
"""


def test_init_options_and_changes_of_a_live_run(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
with wandb.init(project="opts", id="o", name="a", notes="n", tags=["x"], group="g", job_type="j",
                config={"a": 1, "b": 2}, config_exclude_keys=["a"], resume="allow",
                settings=quick) as run:
    run.name, run.notes, run.tags = "renamed", "other", ("y", "z")
    run.config.update({"b": 3}, allow_val_change=True)
    run.log({"a": 1}, step=5)
    run.log({"b": 1}, step=5)
    run.log({"late": 1}, step=3)
    run.log({"c": 1}, step=7, commit=True)
run = wandb.Api().run("opts/o")
result([run.name, run.notes, run.tags, run.group, run.job_type, run.config, rows_of("opts/o")])
"""
    )
    assert found == [
        "renamed", "other", ["y", "z"], "g", "j", {"b": 3},
        [{"_step": 5, "a": 1, "b": 1}, {"_step": 7, "c": 1}],
    ]  # fmt: skip


def test_metric_definitions_shape_the_summary(sdk: Callable[..., Any]) -> None:
    summary, kept = sdk(
        START
        + """
with wandb.init(id="metrics", settings=quick) as run:
    run.define_metric("acc", summary="max")
    run.define_metric("val/*", step_metric="epoch")
    for acc in (1, 3, 2):
        run.log({"acc": acc, "epoch": acc, "val/x": acc})
run = wandb.Api().run("sdk/metrics")
result([run.summary["acc"]["max"], len(run.rawconfig["_wandb"]["m"])])
"""
    )
    assert summary == 3
    assert kept >= 2


def test_media_are_files_and_references_in_the_rows(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
import numpy as np
with wandb.init(id="media", settings=quick) as run:
    run.log({"image": wandb.Image(np.zeros((4, 4, 3), dtype="uint8"))})
    run.log({"histogram": wandb.Histogram([1, 2, 2])})
    run.log({"html": wandb.Html("<b>x</b>")})
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, 2]])})
    run.log({"after": 1})
run = wandb.Api().run("sdk/media")
rows = rows_of("sdk/media")
table = run.file(rows[3]["table"]["path"]).download(root="dl").read()
image = run.file(rows[0]["image"]["path"])
result([rows, json.loads(table), [image.mimetype, image.size > 0], run.state,
        len(list(run.logged_artifacts()))])
"""
    )
    rows, table, image, state, artifacts = found
    kinds = ["image-file", "histogram", "html-file", "table-file"]
    assert [next(iter(r.values()))["_type"] for r in by_kind(rows)] == kinds
    assert rows[4] == {"_step": 4, "after": 1}
    assert (table["columns"], table["data"]) == (["a", "b"], [[1, 2]])
    assert (image, state, artifacts) == (["image/png", True], "finished", 1)


def by_kind(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "_step"} for row in rows[:4]]


def test_saved_files_and_restore(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
with wandb.init(id="files", settings=quick) as run:
    for policy in ("live", "now", "end"):
        open(policy + ".txt", "w").write(policy)
        run.save(policy + ".txt", policy=policy)
os.remove("now.txt")
text = wandb.restore("now.txt", run_path="local/sdk/files").read()
result([text, sorted(f.name for f in wandb.Api().run("sdk/files").files() if "txt" in f.name)])
"""
    )
    assert found[0] == "now"
    assert {"live.txt", "now.txt", "end.txt"} <= set(found[1])


def test_other_modes_and_signals(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
with wandb.init(mode="disabled") as run:
    run.log({"a": 1})
with wandb.init(id="many", mode="shared", settings=wandb.Settings(
        console="off", x_disable_stats=True, x_label="one", x_primary=True)) as run:
    run.log({"a": 1})
with wandb.init(id="pre", settings=quick) as run:
    run.mark_preempting()
    run.log({"a": 1})
    run.log_code(".")
result([rows_of("sdk/many")[0]["a"], wandb.Api().run("sdk/pre").state])
"""
    )
    assert found == [1, "finished"]


def test_more_of_the_public_api(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
for i in range(3):
    with wandb.init(project="more", id=f"r{i}", group="g", settings=quick,
                    config={"i": i}) as run:
        run.log({"x": i})
api = wandb.Api()
run = api.from_path("local/more/r0")
run.wait_until_finished()
out = {"path": run.path, "lazy": [r.config["i"] for r in api.runs("more", lazy=False)]}
out["not"] = [r.id for r in api.runs(
    "more", filters={"$and": [{"group": "g"}, {"$not": {"config.i": 1}}]})]
out["histories"] = sorted(
    row["x"] for row in api.runs("more").histories(samples=5, format="default"))
out["beta"] = [row["x"] for row in run.beta_scan_history()]
out["frame"] = list(run.history().shape)
run.group = "other"
run.save()
out["group"] = api.run("more/r0").group
api.create_project("empty", "local")
out["projects"] = sorted(p.name for p in api.projects() if p.name in ("more", "empty"))
out["project"] = api.project("more").name
api.create_team("crew")
out["team"] = [member.username for member in api.team("crew").members]
result(out)
"""
    )
    assert found["path"] == ["local", "more", "r0"]
    assert found["lazy"] == found["histories"] == [0, 1, 2]
    assert found["not"] == ["r0", "r2"]
    assert (found["beta"], found["frame"]) == ([0], [1, 4])
    assert found["group"] == "other"
    assert (found["projects"], found["project"]) == (["empty", "more"], "more")
    assert found["team"] == ["local"]


def test_what_is_not_there_is_empty(sdk: Callable[..., Any]) -> None:
    """Reports, automations, integrations: reading finds nothing."""
    found = sdk(
        START
        + """
out = {}
with wandb.init(project="none", id="n", settings=quick) as run:
    run.log({"after": 1})
api = wandb.Api()
run = api.run("none/n")
out["state"] = [run.state, rows_of("none/n")]
out["empty"] = len(list(api.reports("none")))
out["automations"] = [
    len(list(api.automations("local"))),
    len(list(api.automations())),
    len(list(api.webhook_integrations(entity="local"))),
]
out["automation"] = error_of(lambda: api.automation(name="none", entity="local"))
result(out)
"""
    )
    assert found["state"] == ["finished", [{"_step": 0, "after": 1}]]
    assert found["empty"] == 0
    assert found["automations"] == [0, 0, 0]
    assert found["automation"] == "ValueError"


def test_wandb_login_and_sync_commands(server: LocalServer, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "WANDB_ERROR_REPORTING": "false"}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], env=env, cwd=tmp_path, capture_output=True,
            text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    said = python("-m", "wandb", "login", "--host", server.url, "--verify", server.api_key)
    assert "logged in as: local" in said
    assert server.url.removeprefix("http://") in (tmp_path / ".netrc").read_text()
    offline = (
        "import wandb\n"
        "with wandb.init(project='cmd', id='off', mode='offline') as run: run.log({'a': 1})"
    )
    python("-c", offline)
    python("-m", "wandb", "sync", "--yes")
    run = Api(server.settings).run("cmd/off")
    assert (run.state, run.summary["a"]) == ("finished", 1)
