"""Names of sweeps."""

from __future__ import annotations

import pytest

from asyncwb.errors import InvalidValueError
from asyncwb.settings import resolve
from asyncwb.sweeps.path import SweepId, sweep_path

PLAIN = resolve(environ={})
NAMED = resolve({"entity": "E", "project": "P"}, environ={})


@pytest.mark.parametrize(
    ("text", "entity", "project", "expected"),
    [
        ("s", None, None, ("E", "P", "s")),
        ("s", "e", "p", ("e", "p", "s")),
        ("q/s", "e", "p", ("e", "q", "s")),
        ("d/q/s", "e", "p", ("d", "q", "s")),
        ("d/q/sweeps/s", None, None, ("d", "q", "s")),
    ],
)
def test_paths(
    text: str, entity: str | None, project: str | None, expected: tuple[str, str, str]
) -> None:
    """A path wins over arguments, as in the wandb package; those win over settings."""
    assert sweep_path(text, entity, project, NAMED) == expected


def test_what_nobody_names() -> None:
    assert sweep_path("s", None, None, PLAIN) == (None, "uncategorized", "s")


def test_an_id_that_knows_its_place() -> None:
    made = SweepId.at("s", "e", "p", "https://w")
    assert made == "s"
    assert made.url == "https://w/e/p/sweeps/s"
    assert sweep_path(made, None, None, NAMED) == ("e", "p", "s")
    assert sweep_path(made, None, "other", NAMED) == ("E", "other", "s")
    assert sweep_path(SweepId.at("s", None, "p", "https://w"), None, None, NAMED)[0] == "E"


@pytest.mark.parametrize("text", ["", "/", "a/b/c/d", "a//s"])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(InvalidValueError, match="entity/project/id"):
        sweep_path(text, None, None, NAMED)
