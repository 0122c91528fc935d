"""Where raw settings are read: the environment and the settings files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asyncwb.errors import InvalidValueError
from asyncwb.settings.fields import ALIASES, ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sourced", "config_dir", "from_environment", "from_file", "from_keywords"]


class Sourced(NamedTuple):
    """A raw value and, for messages, where it was found."""

    value: object
    source: str
    is_text: bool


def config_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Folder of the global settings file: `$WANDB_CONFIG_DIR`, else `~/.config/wandb`."""
    environ = os.environ if environ is None else environ
    named = environ.get("WANDB_CONFIG_DIR")
    if named:
        return Path(named).expanduser()
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".config" / "wandb"


def from_keywords(overrides: Mapping[str, object]) -> dict[str, Sourced]:
    """Keywords by the name of their setting; None means "not given"."""
    found: dict[str, Sourced] = {}
    for name, value in overrides.items():
        field = ALIASES.get(name, name)
        if field not in ENVIRONMENT:
            raise InvalidValueError(f"There is no setting {name!r}.{_suggestion(name)}")
        if value is not None:
            found[field] = Sourced(value, f"keyword {name}", is_text=False)
    return found


def from_environment(environ: Mapping[str, str]) -> dict[str, Sourced]:
    """Settings that environment variables name; an empty variable counts as absent."""
    found: dict[str, Sourced] = {}
    for field, variables in ENVIRONMENT.items():
        for variable in variables:
            text = environ.get(variable)
            if text:
                found[field] = Sourced(text, f"environment variable {variable}", is_text=True)
                break
    return found


def from_file(path: Path) -> dict[str, Sourced]:
    """Settings of the `[default]` section of an INI file; {} where there is no file.

    Keys of other programs (the file is shared with the `wandb` package) are passed over.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidValueError(f"The settings file {path} cannot be read: {exc}", exc=exc) from exc

    # Parsed only where a file exists: configparser costs a few milliseconds of import.
    import configparser

    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as exc:
        # The message of configparser quotes the line, which may be a key.
        line = getattr(exc, "lineno", None)
        where = f", line {line}" if line else ""
        raise InvalidValueError(f"The settings file {path} is not valid INI{where}.") from None
    if not parser.has_section("default"):
        return {}
    found: dict[str, Sourced] = {}
    for name, value in parser.items("default"):
        field = ALIASES.get(name, name)
        if field in ENVIRONMENT and value:
            found[field] = Sourced(value, f"settings file {path}", is_text=True)
    return found


def _suggestion(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, ENVIRONMENT, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
