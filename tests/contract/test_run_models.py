"""Models and code of live runs on a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from run_artifacts import contents, draft, inputs, outputs
from run_files import write
from seed import seed

import asyncwb
import asyncwb.sync
from asyncwb.api import Api
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError, ModelError
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        seed(running, "model-registry", "maker")
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_PROJECT", "models")
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")


@pytest.fixture
def api() -> Api:
    return Api({"project": "models"})


# -- models ---------------------------------------------------------------------------------


async def test_a_model_of_one_file_is_a_file_and_one_of_several_a_folder(api: Api) -> None:
    write("weights.bin", "w")
    write("net/a.bin", "a")
    write("net/sub/b.bin", "b")
    async with asyncwb.init(id="trainer") as run:
        one = await run.log_model("weights.bin", name="one", aliases=["best"])
        several = await run.log_model(Path("net"))
        for model in (one, several):
            await model.wait()
    assert (one.name, one.type, sorted(one.aliases)) == ("one:v0", "model", ["best", "latest"])
    assert several.name == "run-trainer-net:v0"
    async with asyncwb.init() as user:
        file = Path(await user.use_model("one:best"))
        folder = Path(await user.use_model("run-trainer-net:latest"))
    assert (file.name, file.read_text()) == ("weights.bin", "w")
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == {"a.bin", "sub/b.bin"}
    assert await inputs(api, user.path) == ["one:v0", "run-trainer-net:v0"]


async def test_what_is_no_model_is_refused_before_it_is_used(api: Api) -> None:
    async with asyncwb.init() as run:
        await (await run.log_artifact(draft("data", a="1"))).wait()
        await (await run.log_artifact(draft("named", "my-Model-type", a="1"))).wait()
        with pytest.raises(AssertionError, match="has the type 'dataset'"):
            await run.use_model("data:latest")
        with pytest.raises(ValueError, match="Could not find"):
            await run.use_model("missing:latest")
        assert Path(await run.use_model("named:v0")).read_text() == "1"
    assert await inputs(api, run.path) == ["named:v0"]


async def test_a_model_is_linked_to_a_registered_model(api: Api) -> None:
    write("weights.bin", "linked")
    async with asyncwb.init(id="linker") as run:
        link = await run.link_model("weights.bin", "registered", aliases=["staging"])
        assert link.qualified_name == f"{run.entity}/model-registry/registered:v0"
        assert link.source_name == "run-linker-weights.bin:v0"
        assert link.type == "model"
        # An artifact that exists goes on, with its own type.
        await (await run.log_artifact(draft("kept", "own-model", a="1"))).wait()
        second = await run.link_model("weights.bin", "own", name="kept")
        assert (second.source_name, second.type) == ("kept:v1", "own-model")
    assert (await api.artifact("model-registry/registered:staging")).is_link


async def test_bad_registered_models_log_nothing(api: Api) -> None:
    write("weights.bin", "unlinked")
    async with asyncwb.init() as run:
        await (await run.log_artifact(draft("not-a-model", a="1"))).wait()
        for name in ("a/b", "/a", "model-registry/a"):
            with pytest.raises(AssertionError, match="without entity and project"):
                await run.link_model("weights.bin", name, name="unlinked")
        with pytest.raises(ModelError, match="has the type 'dataset'"):
            await run.link_model("weights.bin", "registered", name="not-a-model")
        with pytest.raises(InvalidValueError, match="a link goes to"):
            await run.link_model("weights.bin", "registered:v0", name="unlinked")
        with pytest.raises(InvalidValueError, match="no file or folder"):
            await run.link_model("no/such/file", "registered", name="unlinked")
    assert await outputs(api, run.path) == ["not-a-model:v0"]


def test_the_blocking_face_has_models_too() -> None:
    write("weights.bin", "w")
    with asyncwb.sync.init() as run:
        assert run.log_model("weights.bin", name="blocking").wait().version == "v0"
        assert Path(run.use_model("blocking")).read_text() == "w"
        link = run.link_model("weights.bin", "blocking-registered", name="blocking")
        assert link.source_name == "blocking:v0"
        with pytest.raises(ArtifactNotFoundError):
            asyncwb.sync.use_model("missing:v3")
        with pytest.raises(AssertionError):
            asyncwb.sync.link_model("weights.bin", "a/b")


# -- code -----------------------------------------------------------------------------------


def lay_out_code() -> None:
    for name in (
        "train.py",
        "lib/net.py",
        "lib/notes.txt",
        "requirements.txt",
        "Dockerfile.gpu",
        "data.csv",
        "wandb/run-1/files/old.py",
        "lib/wandb/kept.py",
        ".wandb/old.py",
    ):
        write(Path("code") / name, f"# {name}")


OWN_CODE = {"train.py", "lib/net.py", "requirements.txt", "Dockerfile.gpu", "lib/wandb/kept.py"}


async def test_code_is_an_artifact_that_the_config_names(api: Api) -> None:
    lay_out_code()
    async with asyncwb.init() as run:
        code = await run.log_code("code", name="source-mine")
        assert code is not None
        await code.wait()
    assert (code.name, code.type) == ("source-mine:v0", "code")
    assert set(await contents(await api.artifact("source-mine"))) == OWN_CODE
    assert (await api.run(run.path)).rawconfig["_wandb"]["code_path"] == "source-mine"
    assert await outputs(api, run.path) == ["source-mine:v0"]
    # The same code is the same version.
    async with asyncwb.init() as other:
        again = await other.log_code("code", name="source-mine")
        assert again is not None
        assert (await again.wait()).version == "v0"


async def test_functions_with_one_or_two_parameters_choose_code() -> None:
    lay_out_code()
    seen: list[str] = []

    def include(path: str, root: str) -> bool:
        seen.append(root)
        return path.endswith((".txt", ".csv"))

    def exclude(path: str) -> bool:
        return path.endswith("notes.txt")

    async with asyncwb.init() as run:
        code = await run.log_code("code", name="source-chosen", include_fn=include)
        assert code is not None
        both = await run.log_code(
            "code", name="source-both", include_fn=include, exclude_fn=exclude
        )
        assert both is not None
        one = await run.log_code(
            Path("code"),
            name="source-one",
            include_fn=lambda path: path.endswith("net.py"),
            exclude_fn=lambda path, root: not path.startswith(root),
        )
        assert one is not None
    assert sorted(code.manifest.entries) == ["data.csv", "lib/notes.txt", "requirements.txt"]
    assert sorted(both.manifest.entries) == ["data.csv", "requirements.txt"]
    assert sorted(one.manifest.entries) == ["lib/net.py"]
    assert set(seen) == {str(Path("code").resolve())}


async def test_no_code_is_none_and_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    async with asyncwb.init() as run:
        assert await run.log_code("empty") is None
        assert await run.log_code(None) is None
        assert await run.log_code("empty", include_fn=lambda path: True) is None
        with pytest.raises(InvalidValueError):
            await run.log_code("empty", name="a b")
    assert "there is no code below empty" in capsys.readouterr().err


def test_code_of_a_script_is_named_after_it() -> None:
    write("script.py", "x = 1")
    with asyncwb.sync.init(settings={"program": "script.py"}) as run:
        code = run.log_code()
        assert code is not None
        name = code.name
    assert name.startswith("source-models-")
    assert name.endswith("script.py")
