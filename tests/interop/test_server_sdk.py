"""The unmodified wandb package on the embedded server, each script in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]


def test_a_run_with_everything(sdk: Callable[..., Any], tmp_path: Path) -> None:
    sdk("""
import os, wandb
run = wandb.init(id="all", name="named", tags=["x", "y"], notes="nn", group="g", job_type="j",
                 config={"lr": 0.1, "opt": {"name": "sgd"}, "2": [1, 2]})
run.define_metric("val/*", step_metric="epoch")
for i in range(30):
    run.log({"loss": 1 / (i + 1), "nested": {"b": i}, "nan": float("nan"), "big": 2**62 + i})
run.log({"epoch": 1, "val/acc": 0.5})
run.log({"hist": wandb.Histogram([1, 2, 3]), "table": wandb.Table(columns=["a"], data=[[1]])})
run.summary["best"] = {"x": 7}
run.config["late"] = 3
run.alert("title", "text", level="WARN", wait_duration=300)
for name in ("f.txt", "empty.txt", "sub/é %.txt"):
    path = os.path.join(run.dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write("" if name == "empty.txt" else "hello " + name)
    run.save(path, base_path=run.dir)
print("hello console")
run.finish()
""")
    found = sdk("""
import json, math, wandb
api = wandb.Api()
run = api.run("sdk/all")
rows = list(run.scan_history())
files = {f.name: f.size for f in run.files()}
print("RESULT " + json.dumps({
    "state": run.state, "name": run.name, "tags": run.tags, "notes": run.notes,
    "group": run.group, "job": run.job_type, "user": run.user.username,
    "config": run.config, "best": run.summary["best"].get("x"), "loss": run.summary["loss"],
    "steps": [row["_step"] for row in rows], "big": rows[29]["big"],
    "nan": math.isnan(rows[3]["nan"]),
    "keys": [row for row in run.scan_history(keys=["loss", "nested.b"])][4],
    "sampled": len(run.history(samples=7, pandas=False)),
    "system": list(run.history(stream="system", pandas=False)[0]),
    "last": run.lastHistoryStep, "files": files,
    "text": run.file("sub/é %.txt").download(root="dl").read(),
    "console": [line.content for line in run.console_logs()],
    "program": "args" in run.metadata or "program" in run.metadata,
}))
""")
    assert found["state"] == "finished"
    assert (found["name"], found["tags"], found["notes"]) == ("named", ["x", "y"], "nn")
    assert (found["group"], found["job"], found["user"]) == ("g", "j", "local")
    assert found["config"] == {"lr": 0.1, "opt": {"name": "sgd"}, "2": [1, 2], "late": 3}
    assert found["best"] == 7
    assert found["loss"] == pytest.approx(1 / 30)
    assert found["steps"] == list(range(32))
    assert found["big"] == 2**62 + 29
    assert found["nan"] is True
    assert found["keys"] == {"_step": 4, "loss": 0.2, "nested.b": 4}
    assert found["sampled"] == 7
    assert any(key.startswith("system.") for key in found["system"])
    assert found["last"] == 31
    assert found["text"] == "hello sub/é %.txt"
    assert found["files"]["empty.txt"] == 0
    assert {"wandb-metadata.json", "wandb-summary.json", "config.yaml", "output.log"} <= set(
        found["files"]
    )
    assert "hello console\n" in found["console"]
    assert found["program"]


def test_resume_continues_where_the_run_stopped(sdk: Callable[..., Any]) -> None:
    write = """
import wandb
with wandb.init(id="res", resume="%s", config={"%s": 1}) as run:
    for i in range(5):
        run.log({"x": i})
    print("line of %s")
"""
    sdk(write % ("never", "first", "first"))
    sdk(write % ("allow", "second", "second"))
    sdk(write % ("must", "third", "third"))
    found = sdk("""
import json, wandb
run = wandb.Api().run("sdk/res")
rows = list(run.scan_history())
runtimes = [row["_runtime"] for row in rows]
print("RESULT " + json.dumps([[row["_step"] for row in rows], [row["x"] for row in rows],
    runtimes == sorted(runtimes), run.config, [l.content for l in run.console_logs()]]))
""")
    steps, values, ordered, config, console = found
    assert steps == list(range(15))
    assert values == [0, 1, 2, 3, 4] * 3
    assert ordered
    assert config == {"first": 1, "second": 1, "third": 1}
    assert [line for line in console if "line of" in line] == [
        "line of first\n", "line of second\n", "line of third\n"
    ]  # fmt: skip
    refused = """
import json, wandb
try:
    wandb.init(id="%s", resume="%s")
except wandb.errors.UsageError as error:
    print("RESULT " + json.dumps("refused"))
"""
    assert sdk(refused % ("res", "never")) == "refused"
    assert sdk(refused % ("absent", "must")) == "refused"


def test_fork_and_rewind(sdk: Callable[..., Any]) -> None:
    found = sdk("""
import json, wandb
with wandb.init(id="base") as run:
    for i in range(6):
        run.log({"x": i})
with wandb.init(fork_from="base?_step=2", id="branch") as run:
    run.log({"x": 100})
with wandb.init(resume_from="base?_step=3") as run:
    run.log({"x": 200})
api = wandb.Api()
rows = {name: [(row["_step"], row["x"]) for row in api.run("sdk/" + name).scan_history()]
        for name in ("base", "branch")}
print("RESULT " + json.dumps(rows))
""")
    assert found["base"] == [[0, 0], [1, 1], [2, 2], [3, 3], [4, 200]]
    assert found["branch"] == [[0, 0], [1, 1], [2, 2], [3, 100]]


def test_exit_codes_and_exceptions(sdk: Callable[..., Any]) -> None:
    sdk("import wandb; wandb.init(id='e3').finish(exit_code=3)")
    sdk("import wandb; wandb.init(id='boom'); raise RuntimeError('x')", exitcode=1)
    found = sdk("""
import json, wandb
api = wandb.Api()
failed = api.runs("sdk", filters={"state": "failed"}, order="+created_at")
print("RESULT " + json.dumps([run.id for run in failed]))
""")
    assert found == ["e3", "boom"]


def test_the_public_api_lists_filters_changes_and_deletes(sdk: Callable[..., Any]) -> None:
    found = sdk("""
import json, wandb
for i in range(6):
    with wandb.init(project="many", id=f"m{i}", name=f"n{i}", config={"i": i, "d": {"k": i % 2}},
                    tags=["even"] if i % 2 == 0 else None,
                    settings=wandb.Settings(console="off", x_disable_stats=True)) as run:
        run.log({"loss": 10 - i})
api = wandb.Api()
def ids(**kw):
    return [run.id for run in api.runs("many", per_page=2, **kw)]
out = {
    "all": ids(), "back": ids(order="-created_at"), "loss": ids(order="+summary_metrics.loss"),
    "gt": ids(filters={"config.i": {"$gt": 3}}),
    "or": ids(filters={"$or": [{"config.d.k.value": 9}, {"display_name": {"$regex": "^n[12]$"}}]}),
    "tags": ids(filters={"tags": {"$in": ["even"]}}),
    "len": len(api.runs("many", filters={"summary_metrics.loss": {"$lte": 7}})),
    "third": api.runs("many", per_page=2)[3].id,
}
run = api.run("many/m0")
run.config["new"] = {"a": 1}; run.summary["s"] = [1]; run.name = "renamed"; run.tags.append("z")
run.update()
run.summary.update({"deep": {"x": 1}})
api.flush()
run = api.run("many/m0")
out["updated"] = [run.config, run.summary["deep"]["x"], run.summary["loss"], run.name, run.tags]
open("up.txt", "w").write("upload")
run.upload_file("up.txt")
out["uploaded"] = run.file("up.txt").download(root="dl").read()
run.file("up.txt").delete()
out["left"] = [f.name for f in run.files(["up.txt"])]
made = api.create_run(project="many")
out["made"] = made.state
made.delete()
api.run("many/m5").delete()
out["after"] = [run.id for run in wandb.Api().runs("many")]
try:
    api.run("many/nope")
except Exception as error:
    out["missing"] = [type(error).__name__, str(error)]
try:
    len(api.runs("many", filters={"config.i": {"$foo": 1}}))
except Exception as error:
    out["bad"] = str(error)
out["projects"] = "many" in [project.name for project in api.projects()]
user = api.viewer
out["viewer"] = [user.username, user.admin, user.teams]
key = user.generate_api_key("second")
out["key"] = [len(key), len(user.api_keys)]
print("RESULT " + json.dumps(out))
""")
    everything = [f"m{i}" for i in range(6)]
    assert found["all"] == everything
    assert found["back"] == found["loss"] == everything[::-1]
    assert found["gt"] == ["m4", "m5"]
    assert found["or"] == ["m1", "m2"]
    assert found["tags"] == ["m0", "m2", "m4"]
    assert (found["len"], found["third"]) == (3, "m3")
    assert found["updated"] == [
        {"i": 0, "d": {"k": 0}, "new": {"a": 1}}, 1, 10, "renamed", ["even", "z"]
    ]  # fmt: skip
    assert (found["uploaded"], found["left"]) == ("upload", [])
    assert found["made"] == "running"
    assert found["after"] == everything[:5]
    assert found["missing"] == ["CommError", "Could not find run <Run local/many/nope (not found)>"]
    assert "$foo" in found["bad"]
    assert found["projects"]
    assert found["viewer"] == ["local", True, []]
    assert found["key"] == [40, 2]


@pytest.mark.slow  # the package looks for the request every 15 s
def test_a_stop_request_interrupts_the_script(sdk: Callable[..., Any]) -> None:
    found = sdk("""
import json, time, wandb
settings = wandb.Settings(x_file_stream_transmit_interval=1, x_stats_sampling_interval=1)
run = wandb.init(id="stopme", settings=settings)
wandb.Api().run("sdk/stopme").stop()
try:
    for i in range(400):
        run.log({"i": i})
        time.sleep(0.1)
    print("RESULT " + json.dumps("not stopped"))
except KeyboardInterrupt:
    print("RESULT " + json.dumps("stopped"))
run.finish()
""")
    assert found == "stopped"


def test_a_wrong_key_is_told_apart(sdk: Callable[..., Any]) -> None:
    script = """
import json, wandb
out = []
for action in (lambda: wandb.init(project="x"), wandb.Api):
    try:
        action()
    except Exception as error:
        out.append(type(error).__name__)
print("RESULT " + json.dumps(out))
"""
    assert sdk(script, WANDB_API_KEY="0" * 40) == ["CommError", "AuthenticationError"]
