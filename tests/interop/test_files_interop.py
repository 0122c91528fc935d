"""Files of runs: one script, run with the real `wandb` package and with `asyncwb.sync`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.api import Api
from asyncwb.portal import PORTAL
from asyncwb.sender import RunOverrides, sync_folder
from asyncwb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

OF_EVERY_RUN = {
    "config.yaml",
    "output.log",
    "requirements.txt",
    "wandb-metadata.json",
    "wandb-summary.json",
}

TOOLS = """
import json, os, pathlib, sys, time
def write(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
def on_server(run, name, size):
    for _ in range(600):
        files = wandb.Api().run(f"{run.entity}/{run.project}/{run.id}").files()
        if any(f.name == name and f.size == size for f in files):
            return
        time.sleep(0.1)
    raise SystemExit(f"{name} did not arrive")
"""

TREE = {
    "these/are/myfiles/a.txt": "a",
    "these/are/myfiles/b.txt": "b",
    "these/are/myfiles/sub/deep.txt": "deep",
    "files/one/saveme.txt": "1",
    "files/two/saveme.txt": "2",
    "many/1/x/c.txt": "c1",
    "many/2/x/d.txt": "d2",
    "top.txt": "top",
    "odd[1].txt": "odd",
    "config.yaml": "mine: 1",
    "wandb-summary.json": "{}",
}

# HERE is the working directory. The first four and the last but three are the documented examples.
CASES: dict[str, dict[str, Any]] = {
    "relative": {"glob_str": "these/are/myfiles/*"},
    "base": {"glob_str": "these/are/myfiles/*", "base_path": "these"},
    "absolute": {"glob_str": "HERE/these/are/myfiles/*.txt"},
    "absolute-base": {"glob_str": "HERE/these/are/myfiles/*.txt", "base_path": "HERE"},
    "middle": {"glob_str": "files/*/saveme.txt"},
    "middle-absolute": {"glob_str": "HERE/many/*/x/*.txt"},
    "dots": {"glob_str": "these/../files/one/./saveme.txt"},
    "folder": {"glob_str": "these/are"},
    "recursive": {"glob_str": "these/**/*.txt"},
    "now": {"glob_str": "these/are/myfiles/?.txt", "policy": "now"},
    "end": {"glob_str": "these/are/myfiles/[ab].txt", "policy": "end"},
    "ending": {"glob_str": "*.txt"},
    "nothing": {"glob_str": "no-such*.txt"},
    "nothing-literal": {"glob_str": "no-such.txt"},
    "cloud": {"glob_str": "s3://bucket/key"},
    "cloud-google": {"glob_str": "gs://bucket/key"},
    "address": {"glob_str": "https://example.org/key"},
    "brackets": {"glob_str": "odd[1].txt"},
    "literal": {"glob_str": "odd[1].txt", "glob": False},
    "literal-star": {"glob_str": "these/are/myfiles/*", "glob": False},
    "everything": {"glob_str": "*"},
    "above": {"glob_str": "../*.txt"},
    "beside": {"glob_str": "top.txt", "base_path": "these"},
    "itself": {"glob_str": "these", "base_path": "these"},
    "here": {"glob_str": "."},
    "empty": {"glob_str": ""},
    "policy": {"glob_str": "top.txt", "policy": "often"},
    "own-name": {"glob_str": "config.yaml", "policy": "now"},
    "own-name-end": {"glob_str": "wandb-summary.json", "policy": "end"},
}

PATHS = """
outcome = {}
for name, arguments in CASES.items():
    with wandb.init(project="PROJECT", id=name) as run:
        try:
            found = run.save(
                **{k: v.replace("HERE", os.getcwd()) if type(v) is str else v
                   for k, v in arguments.items()}
            )
        except ValueError:
            outcome[name] = "ValueError"
        else:
            assert all(os.path.isabs(p) for p in found)
            # The wandb package also links folders, and names them, but uploads nothing of them.
            outcome[name] = [os.path.relpath(p, run.dir) for p in found if os.path.isfile(p)]
with wandb.init(project="PROJECT", id="types") as run:
    found = run.save(b"top.txt") + run.save(pathlib.Path("files/one/saveme.txt"), pathlib.Path("."))
    outcome["types"] = [os.path.relpath(p, run.dir) for p in found]
with wandb.init(project="PROJECT", id="in-run-folder") as run:
    write(run.dir + "/based.txt", "based")
    write(run.dir + "/absolute.txt", "absolute")
    write(run.dir + "/matched.txt", "matched")
    found = run.save(run.dir + "/based.txt", base_path=run.dir)
    found += run.save(run.dir + "/absolute.txt")
    found += run.save("matched.*")
    outcome["in-run-folder"] = [os.path.relpath(p, run.dir) for p in found]
print("RESULT", json.dumps(outcome))
"""

POLICIES = """
with wandb.init(project="PROJECT", id="policies") as run:
    for name in ("now", "end", "live", "gone"):
        write(name + ".txt", "v1")
    run.save("now.txt", policy="now")
    run.save("end.txt", policy="end")
    run.save("live.txt")
    run.save("gone.txt", policy="end")
    on_server(run, "now.txt", 2)
    on_server(run, "live.txt", 2)
    names = [f.name for f in wandb.Api().run(f"{run.entity}/{run.project}/{run.id}").files()]
    assert "end.txt" not in names
    write("now.txt", "v2 of now")
    write("end.txt", "v2 of end")
    write("live.txt", "v2 of live")
    on_server(run, "live.txt", 10)
    os.replace("end.txt", "moved"); write("end.txt", "v3 of the end")
    write("live.new", "replaced by renaming"); os.replace("live.new", "live.txt")
    on_server(run, "live.txt", 20)
    os.remove("gone.txt")
    write("live.txt", "the last words of live")
with wandb.init(project="PROJECT", id="again") as run:
    write("again.txt", "one")
    run.save("again.txt", policy="now")
    on_server(run, "again.txt", 3)
    write("again.txt", "three")
    run.save("again.txt", policy="now")
"""

RESTORE = """
outcome = {}
def tried(name, call):
    try:
        file = call()
    except ValueError as error:
        outcome[name] = "ValueError"
    else:
        outcome[name] = file if file is None else [
            os.path.relpath(file.name), file.read(), file.mode]
        if file is not None:
            file.close()
path = "ENTITY/restored/source"
with wandb.init(project="PROJECT", id="restore", dir=os.getcwd()) as run:
    tried("other", lambda: run.restore("sub/a.txt", path, root="got"))
    write("got/sub/a.txt", "changed here")
    tried("kept", lambda: run.restore("sub/a.txt", path, root="got"))
    tried("replaced", lambda: run.restore("sub/a.txt", path, replace=True, root="got"))
    write("mine.txt", "mine")
    run.save("mine.txt", policy="now")
    saved = run.restore("mine.txt")
    outcome["saved"] = [os.path.relpath(saved.name, run.dir), saved.read()]
    saved.close()
    own = run.restore("sub/a.txt", path)
    outcome["own"] = [os.path.relpath(own.name, run.dir), own.read()]
    own.close()
print("RESULT", json.dumps(outcome))
"""

THEIRS, OURS = "import wandb\n", "import asyncwb.sync as wandb\n"


@pytest.fixture
def both(
    sdk: Callable[..., Any], server: LocalServer, tmp_path: Path
) -> Callable[[str, str], tuple[Any, Any]]:
    """Run a script with both packages, each in a folder of its own; what each of them says."""

    def run(script: str, project: str) -> tuple[Any, Any]:
        results = []
        for face, name in ((THEIRS, "theirs"), (OURS, "ours")):
            folder = tmp_path / name
            for path, text in TREE.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            text = script.replace("PROJECT", f"{project}-{name}").replace("ENTITY", server.entity)
            start = f"import os; os.chdir({str(folder)!r})\n"
            results.append(sdk(start + face + TOOLS + f"CASES = {CASES!r}\n" + text))
        return results[0], results[1]

    return run


def files(server: LocalServer, project: str) -> dict[str, dict[str, bytes]]:
    """The users' files of every run of a project, as the server has them."""

    async def read() -> dict[str, dict[str, bytes]]:
        found: dict[str, dict[str, bytes]] = {}
        async for run in Api(settings=settings(server)).runs(f"{server.entity}/{project}"):
            found[run.id] = {
                file.name: await file.read()
                async for file in run.files()
                if file.name not in OF_EVERY_RUN
            }
        return found

    return PORTAL.call(read)


def settings(server: LocalServer) -> Settings:
    return Settings(base_url=server.url, api_key=server.api_key, entity=server.entity)


def test_the_same_files_under_the_same_names(
    both: Callable[[str, str], tuple[Any, Any]], server: LocalServer, tmp_path: Path
) -> None:
    theirs, ours = both(PATHS, "paths")
    # Names that the run writes itself are not taken from the user: see below.
    assert [theirs.pop(name) for name in ("own-name", "own-name-end")] == [
        ["config.yaml"],
        ["wandb-summary.json"],
    ]
    assert [ours.pop(name) for name in ("own-name", "own-name-end")] == [[], []]
    # The wandb package's own requirements.txt lies there and matches.
    theirs["ending"].remove("requirements.txt")
    assert ours == theirs
    stored = files(server, "paths-theirs")
    assert files(server, "paths-ours") == stored
    # What the documentation says.
    a, b = {"a.txt": b"a"}, {"b.txt": b"b"}
    assert stored["relative"] == {f"these/are/myfiles/{k}": v for k, v in {**a, **b}.items()}
    assert stored["base"] == {f"are/myfiles/{k}": v for k, v in {**a, **b}.items()}
    assert stored["absolute"] == {f"myfiles/{k}": v for k, v in {**a, **b}.items()}
    assert stored["middle"] == {"files/one/saveme.txt": b"1", "files/two/saveme.txt": b"2"}
    assert stored["literal"] == {"odd[1].txt": b"odd"}
    assert sum(map(bool, stored.values())) == 13
    # The wandb package writes its own through the link, into the user's file.
    assert (tmp_path / "ours/config.yaml").read_text() == TREE["config.yaml"]
    assert (tmp_path / "ours/wandb-summary.json").read_text() == TREE["wandb-summary.json"]


def test_the_same_content_by_policy(
    both: Callable[[str, str], tuple[Any, Any]], server: LocalServer
) -> None:
    both(POLICIES, "policy")
    stored = files(server, "policy-theirs")
    assert files(server, "policy-ours") == stored
    assert stored == {
        "policies": {
            "now.txt": b"v1",
            "end.txt": b"v3 of the end",
            "live.txt": b"the last words of live",
        },
        "again": {"again.txt": b"three"},
    }


def test_the_same_restore(
    both: Callable[[str, str], tuple[Any, Any]],
    sdk: Callable[..., Any],
    server: LocalServer,
    tmp_path: Path,
) -> None:
    source = """
import asyncwb.sync as wandb
with wandb.init(project="restored", id="source") as run:
    os.makedirs("sub")
    open("sub/a.txt", "w").write("stored")
    run.save("sub/a.txt", policy="now")
"""
    sdk("import os\n" + source)
    theirs, ours = both(RESTORE, "restore")
    assert ours == theirs
    assert ours["other"] == ["got/sub/a.txt", "stored", "r"]
    assert ours["kept"] == ["got/sub/a.txt", "changed here", "r"]
    assert ours["replaced"] == ["got/sub/a.txt", "stored", "r"]
    assert ours["own"] == ["sub/a.txt", "stored"]


@pytest.mark.parametrize("ignored", ["*.log", "ig/*", "ig/*.txt,top.log", "i?/sub/b.log", "ig"])
def test_the_same_files_are_ignored(
    ignored: str, sdk: Callable[..., Any], server: LocalServer, tmp_path: Path
) -> None:
    project = "".join(c if c.isalnum() else "-" for c in "ignored" + ignored)
    script = """
with wandb.init(project="PROJECT", id="ignored") as run:
    for name in ("ig/a.log", "ig/a.txt", "ig/sub/b.log", "top.log"):
        write(name, name)
        run.save(name, policy="end")
"""
    for face, name in ((THEIRS, "theirs"), (OURS, "ours")):
        text = script.replace("PROJECT", f"{project}-{name}")
        sdk(face + TOOLS + text, WANDB_IGNORE_GLOBS=ignored)
    stored = files(server, f"{project}-theirs")
    assert files(server, f"{project}-ours") == stored
    assert len(stored["ignored"]) == {"*.log": 3, "ig": 4, "i?/sub/b.log": 3}.get(ignored, 2)


def test_offline_files_go_both_ways(
    sdk: Callable[..., Any], server: LocalServer, tmp_path: Path
) -> None:
    script = """
with wandb.init(project="off", id="NAME", mode="offline") as run:
    for policy in ("now", "end", "live"):
        write(f"data/{policy}.txt", policy)
        run.save(f"data/{policy}.txt", policy=policy)
    write("data/gone.txt", "gone")
    run.save("data/gone.txt")
    os.remove("data/gone.txt")
print("RESULT", json.dumps(os.path.dirname(run.dir)))
"""
    expected = {f"data/{policy}.txt": policy.encode() for policy in ("now", "end", "live")}
    ours = sdk(OURS + TOOLS + script.replace("NAME", "ours"))
    sync = "import subprocess, sys\n" + (
        f"subprocess.run([sys.executable, '-m', 'wandb', 'sync', {ours!r}], check=True)"
    )
    sdk(sync)
    theirs = sdk(THEIRS + TOOLS + script.replace("NAME", "theirs"))
    overrides = RunOverrides(project="off")
    result = PORTAL.call(sync_folder, Path(theirs), settings(server), overrides=overrides)
    assert (result.state, result.error) == ("synced", None)
    assert files(server, "off") == {"ours": expected, "theirs": expected}
