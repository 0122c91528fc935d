"""`resume="auto"` finds the run of a process that did not end well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import asyncwb.sync as wandb

MEMORY = Path("wandb") / "wandb-resume.json"


def test_the_id_is_kept_while_the_run_lives_and_dropped_after_a_clean_end() -> None:
    run = wandb.init(mode="offline", resume="auto")
    assert json.loads(MEMORY.read_text()) == {"run_id": run.id}
    run.finish()
    assert not MEMORY.exists()


def test_a_failed_run_is_continued_by_the_next_start() -> None:
    first = wandb.init(mode="offline", resume="auto")
    first.finish(exit_code=1)
    second = wandb.init(mode="offline", resume="auto")
    assert second.id == first.id
    second.finish()
    third = wandb.init(mode="offline", resume="auto")
    assert third.id != first.id
    third.finish()


def test_a_given_id_wins() -> None:
    wandb.init(mode="offline", resume="auto").finish(exit_code=1)
    run = wandb.init(mode="offline", resume="auto", id="mine")
    assert run.id == "mine"
    assert json.loads(MEMORY.read_text()) == {"run_id": "mine"}
    run.finish()


@pytest.mark.parametrize("text", ["", "[]", '{"run_id": 3}', '{"run_id": "a/b"}'])
def test_an_unreadable_memory_is_a_new_run(text: str) -> None:
    MEMORY.parent.mkdir()
    MEMORY.write_text(text)
    run = wandb.init(mode="offline", resume="auto")
    assert len(run.id) == 8
    run.finish()


def test_other_modes_of_resume_keep_nothing() -> None:
    wandb.init(mode="offline", resume="allow").finish(exit_code=1)
    assert not MEMORY.exists()
