"""Values with media somewhere in them: alone, in lists, in dicts inside of lists."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.journal.values import plain
from asyncwb.media.arrays import is_dataframe
from asyncwb.media.base import Media
from asyncwb.media.figures import is_figure, media_of_figure
from asyncwb.plot.chart import CustomChart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.base import Place

__all__ = ["Shape", "holds_media"]

_log = logging.getLogger("asyncwb.run")

_DEEPEST = 100
_FLAT = frozenset({float, int, str, bool, type(None)})


def holds_media(value: Any, depth: int = 0) -> bool:
    """Whether there are media, figures, dataframes or charts in a value."""
    if isinstance(value, Media | CustomChart):
        return True
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        if depth > _DEEPEST or _FLAT.issuperset(map(type, items)):
            return False
        return any(holds_media(item, depth + 1) for item in items)
    if isinstance(value, Mapping):
        inner = cast("Mapping[object, Any]", value).values()
        return depth <= _DEEPEST and any(holds_media(item, depth + 1) for item in inner)
    return is_figure(value) or is_dataframe(value)


class Shape:
    """A copy of such a value: what is no media in it is plain JSON already.

    Args:
        value: The value.
        key: Its key, for messages.
        whole_tables: Whether a table that is too long is refused, rather than cut.

    Raises:
        InvalidValueError: Something in it cannot be logged.
        UnsupportedError: A library for it is not installed.

    Attributes:
        media: All that is in it.
    """

    __slots__ = ("_tree", "_whole_tables", "media")

    def __init__(self, value: Any, key: str, *, whole_tables: bool = False) -> None:
        self._whole_tables = whole_tables
        self.media: list[Media] = []
        self._tree = self._copy(value, key, 0)

    @property
    def is_ready(self) -> bool:
        """Whether its JSON takes neither files nor encoders."""
        return all(one.at_once() is not None for one in self.media)

    def to_json(self, place: Place | None) -> Any:
        """Its JSON, with its files in a place; None where it `is_ready`."""
        return _described(self._tree, place)

    def _copy(self, value: Any, key: str, depth: int) -> Any:
        if is_figure(value):
            value = media_of_figure(value)
        elif is_dataframe(value):
            value = _table_of(value)
        if isinstance(value, CustomChart):
            raise InvalidValueError(
                f"{key!r}: a chart is logged under a key of its own, not in a list"
            )
        if isinstance(value, Media):
            if self._whole_tables:
                _check_length(value, key)
            value = value.as_logged()
            self.media.append(value)
            return value
        if depth > _DEEPEST:
            raise InvalidValueError(f"{key!r} is nested too deeply, or contains itself")
        if isinstance(value, list | tuple):
            items = cast("Sequence[Any]", value)
            return _pruned([self._copy(item, key, depth + 1) for item in items])
        if isinstance(value, Mapping):
            pairs = cast("Mapping[object, Any]", value).items()
            return {str(name): self._copy(item, key, depth + 1) for name, item in pairs}
        return plain(value, key)


def _check_length(value: Media, key: str) -> None:
    from asyncwb.media.tables.table import Table

    if isinstance(value, Table) and len(value.rows) > value.MAX_ARTIFACT_ROWS:
        raise InvalidValueError(
            f"{key!r} is a table of {len(value.rows)} rows, the limit is "
            f"{value.MAX_ARTIFACT_ROWS}; Table.MAX_ARTIFACT_ROWS changes it"
        )


def _table_of(frame: Any) -> Media:
    from asyncwb.media.tables.table import Table

    return Table(dataframe=frame)


def _pruned(items: list[Any]) -> list[Any]:
    """Only as many media as one list may hold."""
    kind = _kind_of(items)
    if kind is None:
        return items
    limit = kind.batch_limit
    kind.check_list(items)
    if limit is None or len(items) <= limit:
        return items
    _log.warning("only the first %d of %d %s are logged", limit, len(items), kind.__name__)
    return items[:limit]


def _kind_of(items: list[Any]) -> type[Media] | None:
    """The type of a list of media of one type."""
    kind = cast("type[Any]", type(items[0]) if items else object)
    alike = issubclass(kind, Media) and all(type(item) is kind for item in items)
    return kind if alike else None


def _described(tree: Any, place: Place | None) -> Any:
    if isinstance(tree, Media):
        return tree.at_once() if place is None else tree.to_json(place)
    if isinstance(tree, dict):
        named = cast("dict[str, Any]", tree).items()
        return {name: _described(item, place) for name, item in named}
    if not isinstance(tree, list):
        return tree
    items = cast("list[Any]", cast("object", tree))
    kind = _kind_of(items)
    together = None if kind is None or place is None else kind.list_to_json(items, place)
    if together is not None:
        return together
    return [_described(item, place) for item in items]
