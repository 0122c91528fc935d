from __future__ import annotations

import inspect

import pytest

import asyncwb.sync
from asyncwb.run import Run

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


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_name_is_there_in_both_faces(name: str) -> None:
    for face in (Run, asyncwb.sync.Run):
        _, *parameters = inspect.signature(getattr(face, name)).parameters
        assert " ".join(parameters) == DOCUMENTED[name]
