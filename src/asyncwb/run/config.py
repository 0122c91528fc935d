"""Config: the inputs of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from asyncwb.errors import ConfigError
from asyncwb.run.config_sources import config_values
from asyncwb.run.tracked import tracked, untracked
from asyncwb.run.values import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

__all__ = ["Config"]


class Config(MutableMapping[str, Any]):
    """The inputs of a run: item and attribute access, nested dicts, any JSON value.

    Each change is one record in the run's journal; it survives `kill -9` when the call returns,
    and nothing waits for the network. Dots in a key are literal. Safe to use from several
    threads.

    Args:
        record: Told of each change: the changed top-level keys with their values, and the
            removed keys.
        allow_val_change: False: a key keeps its first value; new keys may still be added.
        lock: The run's lock.
    """

    _own = frozenset({"_values", "_record", "_allow_val_change", "_lock", "_locked", "_tell"})

    def __init__(
        self,
        record: Callable[[dict[str, Any], list[str]], None],
        *,
        allow_val_change: bool,
        lock: RLock,
    ) -> None:
        self._values: dict[str, Any] = {}
        self._record = record
        self._allow_val_change = allow_val_change
        self._lock = lock
        self._locked: frozenset[str] = frozenset()
        self._tell: Callable[[str], None] = _tell_nobody

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        with self._lock:
            if key not in self._values:
                raise KeyError(key)
            self._before_change()
            self._record({}, [key])
            del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in Config._own:
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"the config has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Config._own:
            super().__setattr__(name, value)
        else:
            self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._values:
            raise AttributeError(f"the config has no key {name!r}")
        del self[name]

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def update(
        self, values: object = (), /, *, allow_val_change: bool | None = None, **kwargs: Any
    ) -> None:
        """Set several keys, all or none of them.

        Args:
            values: What `init` takes as config: a mapping, a namespace, a dataclass, flags of
                absl, the path of a YAML file; or pairs.
            allow_val_change: Whether keys that are set may change; None: as given to `init`.
            kwargs: More keys.

        Raises:
            ConfigError: A key is set to another value and may not change, or a value cannot be
                stored. Nothing has changed then.
        """
        allowed = self._allow_val_change if allow_val_change is None else allow_val_change
        converted = {
            key: self._convert(key, value)
            for key, value in {**config_values(values), **kwargs}.items()
        }
        with self._lock:
            changed = {
                key: value
                for key, value in converted.items()
                if key not in self._values or not _same(self._values[key], value)
            }
            for key in self._locked & changed.keys():
                self._tell(f"config key {key!r} keeps {self._values[key]!r}: the sweep decides it")
                del changed[key]
            for key, value in changed.items():
                if not allowed and key in self._values:
                    raise ConfigError(
                        f"config key {key!r} is {self._values[key]!r} and may not become "
                        f"{value!r}; pass allow_val_change=True to init() or to config.update()"
                    )
            if changed:
                # Recorded first: a finished run, or one of the parent process, refuses here.
                self._record(changed, [])
                self._store(changed)

    def setdefaults(self, values: object) -> None:
        """Set the keys of `values` that are not set yet."""
        with self._lock:
            found = config_values(values)
            self.update({key: value for key, value in found.items() if key not in self._values})

    def as_dict(self) -> dict[str, Any]:
        """Return a plain, deep copy."""
        with self._lock:
            return {key: untracked(value) for key, value in self._values.items()}

    def load(self, values: Mapping[str, Any]) -> None:
        """Take values that the run record or the server holds already."""
        with self._lock:
            self._store({key: self._convert(key, value) for key, value in values.items()})

    def lock(self, keys: Iterable[str], tell: Callable[[str], None]) -> None:
        """Have keys keep their values, as the parameters of a sweep do.

        Args:
            keys: The keys.
            tell: Called with a sentence where a new value is ignored.
        """
        self._locked = frozenset(keys)
        self._tell = tell

    def _store(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            self._values[key] = tracked(value, self, key)

    def leave_to_parent(self, lock: RLock) -> None:
        """In a forked child: use a lock that nobody holds."""
        self._lock = lock

    def _before_change(self) -> None:
        if not self._allow_val_change:
            raise ConfigError(
                "the config is locked; pass allow_val_change=True to init() to change it"
            )

    def _convert(self, key: object, value: object) -> Any:
        return plain_value(key, value, "config", ConfigError)

    def _after_change(self, key: str) -> None:
        with self._lock:
            if key in self._values:
                self._record({key: untracked(self._values[key])}, [])


def _tell_nobody(text: str) -> None:
    """In the place of what a lock brings along."""


def _same(old: Any, new: Any) -> bool:
    # NaN is unlike itself, and True is like 1: neither may hide a change of type or make one up.
    return old is new or (type(untracked(old)) is type(new) and bool(old == new))
