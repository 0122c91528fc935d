"""The config as it was at one moment, for code that must not change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from asyncwb.errors import ConfigError

__all__ = ["ConfigStatic"]


class ConfigStatic(Mapping[str, Any]):
    """A read-only copy of a config: item and attribute access.

    Args:
        values: A deep copy; belongs to this object from now on.
    """

    _values: dict[str, Any]

    def __init__(self, values: dict[str, Any]) -> None:
        object.__setattr__(self, "_values", values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        # Before `__init__`, as `copy` asks, there are no values yet.
        if not name.startswith("__") and name in self.__dict__.get("_values", ()):
            return self._values[name]
        raise AttributeError(f"the config has no key {name!r}")

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise ConfigError(f"config_static is read-only; set run.config[{name!r}] instead")

    def __repr__(self) -> str:
        return f"ConfigStatic({self._values!r})"
