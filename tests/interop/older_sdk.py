"""What a user of any version of the wandb package does; run with its Python, not with ours.

    python older_sdk.py SCENARIO

Written for wandb 0.12 to 0.25: no call that one of them lacks without asking first. What a
scenario found is printed as JSON in a line that begins with RESULT.
"""

import json
import os
import sys
import tempfile

import numpy
import wandb

PROJECT = os.environ["WANDB_PROJECT"]


def result(value):
    print("RESULT " + json.dumps(value))


def online():
    run = wandb.init(
        project=PROJECT, id="online", name="by an older one", notes="n", tags=["a", "b"],
        group="g", job_type="train", config={"lr": 0.1, "nested": {"depth": 2}},
    )  # fmt: skip
    run.define_metric("val", summary="max")
    for i in range(50):
        run.log({"loss": 1 / (i + 1), "val": float(-((i - 20) ** 2)), "inner": {"i": i}})
    run.log({"nothing": float("nan")})
    run.config.update({"later": "yes"})
    run.summary["best"] = 0.5
    run.log({"image": wandb.Image(numpy.zeros((8, 8, 3), dtype=numpy.uint8), caption="black")})
    run.log({"histogram": wandb.Histogram([1, 2, 2, 3])})
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    print("a line of the console")
    if hasattr(run, "alert"):
        run.alert(title="look", text="here")
    with open("saved.txt", "w") as file:
        file.write("kept")
    run.save("saved.txt")
    address = run.get_url() if hasattr(run, "get_url") else run.url
    run.finish()
    result({"version": wandb.__version__, "url": address})


def resume():
    run = wandb.init(project=PROJECT, id="online", resume="must")
    found = {"resumed": run.resumed, "step": run.step, "config": run.config["lr"]}
    run.log({"loss": 9.0, "again": 1})
    run.finish()
    result(found)


def artifact():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one.txt", "two.txt"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(name * 10)
        with wandb.init(project=PROJECT, id="producer") as run:
            logged = wandb.Artifact("data", type="dataset", metadata={"rows": 2})
            logged.add_dir(folder)
            run.log_artifact(logged, aliases=["latest", "best"])
            logged.wait()
        with wandb.init(project=PROJECT, id="consumer") as run:
            used = run.use_artifact("data:best")
            place = used.download()
            texts = {}
            for name in ("one.txt", "two.txt"):
                with open(os.path.join(place, name)) as file:
                    texts[name] = file.read()
            found = {
                "version": used.version, "type": used.type, "metadata": used.metadata,
                "aliases": sorted(used.aliases), "texts": texts, "digest": used.digest,
            }  # fmt: skip
    api = wandb.Api()
    entity = api.default_entity
    there = api.artifact(entity + "/" + PROJECT + "/data:v0")
    there.aliases.append("extra")
    there.description = "described"
    there.save()
    there = api.artifact(entity + "/" + PROJECT + "/data:extra")
    found["description"] = there.description
    found["logged_by"] = there.logged_by().id
    found["used_by"] = [run.id for run in there.used_by()]
    found["versions"] = len(
        list(api.artifact_versions("dataset", entity + "/" + PROJECT + "/data"))
    )
    if hasattr(there, "files"):  # since 0.13
        found["files"] = sorted(file.name for file in there.files())
    result(found)


def api():
    api = wandb.Api()
    entity = api.default_entity
    run = api.run(entity + "/" + PROJECT + "/online")
    found = {
        "name": run.name, "state": run.state, "tags": sorted(run.tags), "lr": run.config["lr"],
        "nested": run.config["nested"], "best": run.summary["best"], "notes": run.notes,
        "scanned": len(list(run.scan_history(keys=["loss"]))),
        "sampled": len(run.history(samples=10, keys=["loss"], pandas=False)),
        "files": sorted(f.name for f in run.files() if f.name in ("saved.txt", "output.log")),
        "last": run.lastHistoryStep,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run.file("saved.txt").download(root=folder)
        with open(os.path.join(folder, "saved.txt")) as file:
            found["saved"] = file.read()
    runs = api.runs(entity + "/" + PROJECT, filters={"config.lr": 0.1}, order="-created_at")
    found["runs"] = sorted(run.id for run in runs)
    found["projects"] = [project.name for project in api.projects(entity)]
    run.tags.append("c")
    run.config["added"] = 7
    run.notes = "changed"
    run.update()
    run.summary.update({"more": 3})
    found["logged"] = sorted(a.type for a in run.logged_artifacts())
    doomed = wandb.init(project=PROJECT, id="doomed")
    doomed.finish()
    api.run(entity + "/" + PROJECT + "/doomed").delete()
    result(found)


def sweep():
    sweep_id = wandb.sweep(
        {
            "method": "grid",
            "metric": {"name": "score", "goal": "maximize"},
            "parameters": {"x": {"values": [1, 2, 3]}, "y": {"value": 5}},
        },
        project=PROJECT,
    )

    def train():
        with wandb.init() as run:
            run.log({"score": run.config["x"] * run.config["y"]})

    wandb.agent(sweep_id, train, project=PROJECT, count=3)
    api = wandb.Api()
    sweep = api.sweep(api.default_entity + "/" + PROJECT + "/" + sweep_id)
    result(
        {
            "scores": sorted(run.summary["score"] for run in sweep.runs),
            "best": sweep.best_run().summary["score"],
            "state": getattr(sweep, "state", "FINISHED"),  # since 0.13
        }
    )


def offline():
    os.environ["WANDB_MODE"] = "offline"
    run = wandb.init(project=PROJECT, id="offline", config={"k": 1})
    for i in range(20):
        run.log({"v": i})
    run.log({"image": wandb.Image(numpy.zeros((4, 4, 3), dtype=numpy.uint8))})
    run.summary["s"] = "t"
    folder = os.path.dirname(run.dir)
    run.finish()
    result({"folder": folder})


if __name__ == "__main__":
    globals()[sys.argv[1]]()
