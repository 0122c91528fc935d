"""Where config values come from: mappings, namespaces, flags, and YAML files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeGuard

    from _typeshed import DataclassInstance

__all__ = ["as_mapping", "config_values", "file_defaults", "filtered", "wire_config"]

_DEFAULTS_FILE = "config-defaults.yaml"
# What W&B itself adds to a config that it writes.
_RESERVED = frozenset({"_wandb", "wandb_version"})
_WRAPPER = frozenset({"value", "desc"})


def config_values(values: object) -> dict[str, Any]:
    """Read what `init` and `config.update` take: the path of a YAML file, or see `as_mapping`.

    Raises:
        ConfigError: The file cannot be read, or it is nothing of that.
    """
    if isinstance(values, str | os.PathLike):
        return read_yaml(Path(cast("str", values)))
    return as_mapping(values)


def as_mapping(values: object) -> dict[str, Any]:
    """Read a mapping, a namespace (`argparse`), a dataclass, the flags of absl, or pairs.

    Raises:
        ConfigError: It is none of them.
    """
    if isinstance(values, Mapping):
        return dict(values)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if not isinstance(values, str | type):
        if _is_dataclass(values):
            return {name: getattr(values, name) for name in type(values).__dataclass_fields__}
        if _is_absl(values):
            flags: Any = getattr(values, "FLAGS", values)
            return {name: flags[name].value for name in flags}
        if hasattr(values, "__dict__"):
            return {key: item for key, item in vars(values).items() if not key.startswith("_")}
        try:
            return dict(values)  # type: ignore[call-overload,no-any-return]
        except (TypeError, ValueError):
            pass
    raise ConfigError(f"config is a dict or a namespace, got {type(values).__name__}")


def _is_dataclass(values: object) -> TypeGuard[DataclassInstance]:
    # Not `dataclasses.is_dataclass`: the import takes longer than the start of a run.
    return hasattr(type(values), "__dataclass_fields__")


def _is_absl(values: object) -> bool:
    """Whether these are the flags of absl, or its module `flags`; it is not imported to ask."""
    module = sys.modules.get("absl.flags")
    return module is not None and (values is module or isinstance(values, module.FlagValues))


def filtered(
    values: dict[str, Any], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> dict[str, Any]:
    """Keep the keys of `include` only, or leave out those of `exclude`."""
    if include is not None:
        return {key: values[key] for key in include if key in values}
    excluded = frozenset(exclude or ())
    return {key: value for key, value in values.items() if key not in excluded}


def file_defaults(paths: Iterable[str]) -> dict[str, Any]:
    """Values of `config-defaults.yaml` in the working directory, if there is one, and of `paths`.

    Raises:
        ConfigError: A file cannot be read; one of `paths` is not there.
    """
    found: dict[str, Any] = {}
    if os.path.exists(_DEFAULTS_FILE):
        found |= read_yaml(Path(_DEFAULTS_FILE))
    for path in paths:
        found |= read_yaml(Path(path))
    return found


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a config from YAML: plain, or in the form of W&B's own `config.yaml`.

    Raises:
        ConfigError: No such file, no YAML, or no mapping in it.
    """
    import yaml

    try:
        loaded: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(
            f"the config file {path} cannot be read: {exc.strerror}", exc=exc
        ) from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the config file {path} is not YAML: {exc}", exc=exc) from exc
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"the config file {path} holds no mapping of keys to values")
    tree = cast("dict[object, Any]", loaded)
    version = tree.get("wandb_version", 1)
    if version != 1:
        raise ConfigError(f"the config file {path} has the unknown wandb_version {version!r}")
    own = {str(key): value for key, value in tree.items() if key not in _RESERVED}
    if _RESERVED & tree.keys() or all(map(_is_wrapped, own.values())):
        return wire_config(own)
    return own


def wire_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Read a config as the server holds it: bare values, without the reserved key."""
    return {
        key: item["value"] if _is_wrapped(item) else item
        for key, item in config.items()
        if key not in _RESERVED
    }


def _is_wrapped(item: object) -> bool:
    return isinstance(item, dict) and "value" in item and item.keys() <= _WRAPPER
