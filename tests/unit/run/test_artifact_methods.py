from __future__ import annotations

import inspect

import pytest

import asyncwb.sync
from asyncwb.run import init
from asyncwb.run.artifact_methods import ArtifactMethods

# Names and parameters as the wandb package 0.31.0 has them; `plot_table` as it documented it.
DOCUMENTED = {
    "log_artifact": "artifact_or_path name type aliases tags",
    "use_artifact": "artifact_or_name type aliases use_as",
    "upsert_artifact": "artifact_or_path name type aliases distributed_id",
    "finish_artifact": "artifact_or_path name type aliases distributed_id",
    "link_artifact": "artifact target_path aliases",
    "log_model": "path name aliases",
    "use_model": "name",
    "link_model": "path registered_model_name name aliases",
    "log_code": "root name include_fn exclude_fn",
    "plot_table": "vega_spec_name data_table fields string_fields split_table",
}


def test_every_documented_name_is_there() -> None:
    assert {name for name in vars(ArtifactMethods) if name[0] != "_"} == set(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
async def test_it_says_that_it_is_not_there_and_what_to_do(name: str) -> None:
    run = await init("p", mode="offline")
    for face in (run, asyncwb.sync.Run.from_async(run)):
        method = getattr(face, name)
        parameters = inspect.signature(method).parameters
        assert " ".join(parameters) == DOCUMENTED[name]
        needed = [p.name for p in parameters.values() if p.default is p.empty]
        with pytest.raises(NotImplementedError, match=rf"{name}\(\) comes with .+; \w+"):
            method(**dict.fromkeys(needed))
    await run.log({"goes": "on"})
    await run.finish()
