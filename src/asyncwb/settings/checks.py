"""What a value of a setting may be, beyond its type."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from asyncwb.settings.fields import Settings

__all__ = [
    "branch_point",
    "check",
    "check_project",
    "check_run_id",
    "check_tags",
    "normal_url",
    "with_source",
]

_RUN_ID_FORBIDDEN = ":;,#?/'"
_PROJECT_FORBIDDEN = "/\\#?%:"
_PROJECT_LENGTH = 128
_TAG_LENGTH = 64

_T = TypeVar("_T")


def normal_url(name: str, url: str) -> str:
    """Check the address of a server and strip its trailing slash.

    Raises:
        InvalidValueError: Not an http(s) address, or one that carries credentials or a query.
    """
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError as exc:
        raise InvalidValueError(f"{name} is not an address: {exc}", exc=exc) from exc
    if "@" in parts.netloc:
        raise InvalidValueError(
            f"{name} must not carry a user or password; give the key as WANDB_API_KEY."
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidValueError(
            f"{name} must start with http:// or https:// and name a host, not {url!r}."
        )
    if parts.query or parts.fragment:
        raise InvalidValueError(f"{name} must have no query and no fragment.")
    if parts.hostname in {"wandb.ai", "app.wandb.ai"} and name == "base_url":
        raise InvalidValueError(f"{name} names the web app; the server is https://api.wandb.ai.")
    if parts.scheme == "http" and parts.hostname == "api.wandb.ai":
        raise InvalidValueError(f"{name} would send the key in clear text; use https://.")
    return parts._replace(path=parts.path.rstrip("/")).geturl()


def check_run_id(run_id: str) -> None:
    """Check a run id.

    Raises:
        InvalidValueError: Empty, with outer whitespace, control characters or one of `:;,#?/'`.
    """
    if not run_id.strip():
        raise InvalidValueError("A run id cannot be empty.")
    if run_id != run_id.strip():
        raise InvalidValueError(f"The run id {run_id!r} starts or ends with whitespace.")
    if bad := _first_of(run_id, _RUN_ID_FORBIDDEN):
        raise InvalidValueError(
            f"The run id {run_id!r} contains {bad!r}; the characters {_RUN_ID_FORBIDDEN} and "
            "control characters are not allowed."
        )


def check_project(project: str) -> None:
    """Check the name of a project.

    Raises:
        InvalidValueError: Longer than 128 characters, or a slash, backslash or one of `#?%:`.
    """
    if len(project) > _PROJECT_LENGTH:
        raise InvalidValueError(
            f"The project name has {len(project)} characters, more than {_PROJECT_LENGTH}."
        )
    if bad := _first_of(project, _PROJECT_FORBIDDEN):
        raise InvalidValueError(
            f"The project name {project!r} contains {bad!r}; the characters "
            f"{' '.join(_PROJECT_FORBIDDEN)} are not allowed."
        )


def check_tags(tags: Sequence[str]) -> None:
    """Check tags.

    Raises:
        InvalidValueError: A tag is empty or longer than 64 characters.
    """
    for tag in tags:
        if not 1 <= len(tag) <= _TAG_LENGTH:
            raise InvalidValueError(
                f"The tag {tag[:_TAG_LENGTH]!r} has {len(tag)} characters; tags have 1 to 64."
            )


def branch_point(name: str, text: str) -> tuple[str, int]:
    """Read a step of a run, `RUN?_step=N`.

    Returns:
        The id of the run, and the step.

    Raises:
        InvalidValueError: Anything else.
    """
    run_id, _, step = text.partition("?_step=")
    if not (step.isascii() and step.isdigit()):
        raise InvalidValueError(
            f"{name} is 'RUN?_step=N', the id of a run and a step of it (from 0), for example "
            f"'ans3bsax?_step=123', got {text!r}."
        )
    check_run_id(run_id)
    return run_id, int(step)


def _check_entity(entity: str) -> None:
    if bad := _first_of(entity, "/"):
        raise InvalidValueError(f"The entity {entity!r} contains {bad!r}.")


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise InvalidValueError(f"{name} must be above zero, not {value}.")


def _check_not_negative(name: str, value: int) -> None:
    if value < 0:
        raise InvalidValueError(f"{name} must not be negative, but is {value}.")


def _first_of(text: str, forbidden: str) -> str | None:
    return next((char for char in text if char in forbidden or ord(char) < 32), None)


def _check_texts(settings: Settings, name: str) -> None:
    if name == "run_id" and settings.run_id is not None:
        check_run_id(settings.run_id)
    elif name == "project" and settings.project is not None:
        check_project(settings.project)
    elif name == "entity" and settings.entity is not None:
        _check_entity(settings.entity)
    elif name == "run_tags" and settings.run_tags is not None:
        check_tags(settings.run_tags)


_TEXTS = ("run_id", "project", "entity", "run_tags")
_BRANCHES = ("resume_from", "fork_from")
_NOT_NEGATIVE = ("console_chunk_max_bytes", "console_chunk_max_seconds")
_POSITIVE = (
    "init_timeout",
    "http_timeout",
    "file_timeout",
    "heartbeat_seconds",
    "transmit_interval",
    "agent_heartbeat_seconds",
    "agent_kill_delay",
)


def _check_levels(settings: Settings) -> None:
    for name, level in settings.capture_loggers:
        if level not in logging.getLevelNamesMapping():
            raise InvalidValueError(
                f"capture_loggers names the level {level!r} for {name!r}; levels are names such as "
                "'INFO' or 'ERROR'."
            )


def check(settings: Settings, sources: Mapping[str, str]) -> None:
    """Check all values; a message ends with where the value came from."""
    for name in _TEXTS:
        with_source(sources.get(name), partial(_check_texts, settings, name))
    for name in _BRANCHES:
        with_source(sources.get(name), partial(_check_branch, settings, name))
    if sum(value is not None for value in (settings.resume, *_branches(settings))) > 1:
        raise InvalidValueError("resume, resume_from and fork_from exclude each other; give one.")
    for name in _POSITIVE:
        seconds: float | None = getattr(settings, name)
        if seconds is not None:
            with_source(sources.get(name), partial(_check_positive, name, seconds))
    with_source(sources.get("capture_loggers"), partial(_check_levels, settings))
    for name in _NOT_NEGATIVE:
        with_source(sources.get(name), partial(_check_not_negative, name, getattr(settings, name)))


def _branches(settings: Settings) -> tuple[str | None, str | None]:
    return settings.resume_from, settings.fork_from


def _check_branch(settings: Settings, name: str) -> None:
    text: str | None = getattr(settings, name)
    if text is None:
        return
    run_id, _ = branch_point(name, text)
    if name == "fork_from" and run_id == settings.run_id:
        raise InvalidValueError(
            f"fork_from makes a new run, so it cannot have the id {run_id!r} of the old one; "
            "leave out the id, or rewind that run with resume_from."
        )
    if name == "resume_from" and settings.run_id not in (None, run_id):
        raise InvalidValueError(
            f"resume_from goes on with the run {run_id!r}, but the id is {settings.run_id!r}; "
            "leave out the id."
        )


def with_source(source: str | None, call: Callable[[], _T]) -> _T:
    """Call, and say in an error where the value was found."""
    try:
        return call()
    except InvalidValueError as exc:
        if source is None:
            raise
        raise InvalidValueError(
            f"{exc.message.removesuffix('.')} (from {source}).", exc=exc.exc
        ) from exc.exc
