"""The YAML text of a sweep, from a client that may mean harm."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from asyncwb.errors import InvalidValueError
from asyncwb.searchspace import SweepConfig, read_config
from asyncwb.server.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["parse_config"]

_LONGEST = 256 * 1024
_DEEPEST = 60


class _Loader(yaml.SafeLoader):
    """Reads what JSON could hold: no aliases, which a short text can repeat a billion times."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):  # pyright: ignore[reportUnknownMemberType]
            raise yaml.YAMLError("aliases (*name) are not read")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.YAMLError(f"nested more than {_DEEPEST} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _refused(_loader: Any, node: yaml.Node) -> Any:
    raise yaml.YAMLError(f"there is no place for {node.tag.rpartition(':')[2]} in it")


# Dates are texts; what JSON has no word for is refused.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag in ("timestamp", "set", "binary", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _refused)


@lru_cache(maxsize=64)
def parse_config(text: str) -> SweepConfig:
    """Read and check a config.

    Raises:
        Problem: It is too large, no YAML, or no config that can be searched (400).
    """
    if len(text) > _LONGEST:
        raise invalid(f"the config of a sweep has at most {_LONGEST} characters")
    loader = _Loader(text)
    try:
        tree: Hashable = loader.get_single_data()
        return read_config(tree)
    except (yaml.YAMLError, ValueError) as exc:
        # ValueError: a number such as 0x, and an integer of thousands of digits
        if isinstance(exc, InvalidValueError):
            raise invalid(f"the config of the sweep: {exc.message}") from exc
        raise invalid(f"the config of the sweep is not YAML: {exc}") from exc
    finally:
        loader.dispose()  # pyright: ignore[reportUnknownMemberType]
