"""`sweep`: make a sweep."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import ConfigError, InvalidValueError
from asyncwb.portal import PORTAL
from asyncwb.run.terminal import Terminal
from asyncwb.searchspace import fill_distributions, read_config
from asyncwb.sender.yamltext import to_yaml
from asyncwb.settings import Settings, resolve
from asyncwb.sweeps.path import DEFAULT_PROJECT, SweepId, SweepPath
from asyncwb.sweeps.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["sweep"]


async def sweep(
    sweep: Mapping[str, Any] | str | os.PathLike[str] | Callable[[], Mapping[str, Any]],
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Sequence[str] | None = None,
    *,
    settings: Settings | Mapping[str, Any] | None = None,
) -> SweepId:
    """Make a sweep: a search for good parameters, whose runs agents carry out.

    Waits until the server has it. The config is checked before anything is sent.

    Args:
        sweep: The config (see `docs/sweeps.md`): a dict, the path of a YAML file, or a function
            without arguments that returns a dict.
        entity: User or team; None: the config's `entity`, then the settings, then the server.
        project: Project; None: the config's `project`, then the settings, then "uncategorized".
        prior_runs: Ids of runs of the project that become part of the sweep.
        settings: A `Settings`, or a dict of its fields.

    Returns:
        The id, a `str`. It also knows entity, project and page of the sweep, so that
        `agent(sweep_id)` needs no more.

    Raises:
        InvalidValueError: The config cannot be searched; names the parameter.
        ConfigError: The file cannot be read.
        AuthenticationError: No key, or the server refused it.
        CommError: The server refused, or cannot be reached.
    """
    resolved = await PORTAL.in_thread(settings_of, settings)
    config = await PORTAL.in_thread(_load, sweep)
    read = read_config(config)
    terminal = Terminal(resolved)
    path = SweepPath(
        entity or config.get("entity") or resolved.entity,
        project or config.get("project") or resolved.project or DEFAULT_PROJECT,
        "",
    )
    text = to_yaml(fill_distributions(config))
    node, warnings = await Service(resolved).create(text, path, prior_runs)
    for warning in dict.fromkeys((*read.warnings, *warnings)):
        terminal.warning(f"sweep {node.name}: {warning}")
    place = node.project
    found = SweepId.at(
        node.name,
        path.entity if place is None or place.entity is None else place.entity.name,
        path.project if place is None else place.name,
        resolved.web_url,
    )
    terminal.line(f"sweep {found} is ready: {found.url or found}")
    return found


def settings_of(settings: Settings | Mapping[str, Any] | None) -> Settings:
    """Resolve what a caller gave as settings. Reads small files."""
    return settings if isinstance(settings, Settings) else resolve(settings)


def _load(
    source: Mapping[str, Any] | str | os.PathLike[str] | Callable[[], Mapping[str, Any]],
) -> dict[str, Any]:
    tree: object = source
    if isinstance(source, str | os.PathLike):
        tree = _read_file(os.fspath(source))
    elif callable(source):
        tree = source()
    plain = _plain(tree)
    if not isinstance(plain, dict):
        read_config(plain)  # says what is wrong
    return cast("dict[str, Any]", plain)


def _read_file(path: str) -> Any:
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file)
    except (OSError, yaml.YAMLError) as exc:
        raise ConfigError(f"the sweep's config cannot be read from {path}: {exc}", exc=exc) from exc


def _plain(value: Any) -> Any:
    """What JSON has a word for: dicts and lists for what acts like them, numbers for numpy's.

    Raises:
        InvalidValueError: There is something else in it.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        items = cast("Iterable[tuple[object, Any]]", value.items())
        return {str(key): _plain(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, date):  # as YAML files have them
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise InvalidValueError(
        f"the config of a sweep holds texts, numbers, lists and dicts, not {value!r}"
    )
