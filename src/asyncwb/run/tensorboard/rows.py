"""From the events of one folder to rows: consecutive events of one step are one row."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from asyncwb import jsonx
from asyncwb.errors import Error
from asyncwb.run.tensorboard.chart import line_chart
from asyncwb.run.tensorboard.values import (
    as_histogram,
    as_pictures,
    as_scalar,
    as_tensor,
    kind_of,
)

if TYPE_CHECKING:
    from asyncwb.run.core import RunCore
    from asyncwb.run.tensorboard.event_file import Event, EventValue

__all__ = ["EventRows"]

_log = logging.getLogger("asyncwb.run")


class EventRows:
    """Collects values until the step changes, then writes a row of its own.

    Args:
        core: The run.
        namespace: What precedes every tag, "" for nothing.
    """

    def __init__(self, core: RunCore, namespace: str) -> None:
        self._core = core
        self._prefix = f"{namespace}/" if namespace else ""
        self._plugins: dict[str, str] = {}
        self._row: dict[str, Any] = {}
        self._step: int | None = None
        self._wall_time = 0.0

    def add(self, event: Event) -> None:
        """Take in an event."""
        if event.step != self._step:
            self.flush()
            self._step = event.step
        self._wall_time = event.wall_time
        for value in event.values:
            if not value.tag:
                continue
            # Only the first value of a tag has to say its plugin.
            plugin = value.plugin or self._plugins.get(value.tag, "")
            self._plugins[value.tag] = plugin
            try:
                found = self._value(self._prefix + value.tag, value, kind_of(value, plugin))
            except (Error, OSError) as error:
                _log.warning("a TensorBoard value of %r is left out: %s", value.tag, error)
                continue
            if found is not None:
                self._row[self._prefix + value.tag] = found

    def flush(self) -> None:
        """Write the row that is being collected."""
        row, self._row = self._row, {}
        if row:
            self._core.history.add_row(
                {**row, "global_step": self._step, "_timestamp": self._wall_time}
            )

    def _value(self, key: str, value: EventValue, kind: str) -> Any:
        if kind == "scalar":
            return as_scalar(value)
        if kind == "histogram":
            return as_histogram(value)
        if kind == "images":
            return self._pictures(value)
        return self._curve(key, value) if kind == "pr_curve" else None

    def _pictures(self, value: EventValue) -> dict[str, Any] | None:
        pictures = as_pictures(value)
        if not pictures:
            return None
        first = pictures[0]
        files = [
            self._core.media.files.keep(
                picture.data,
                kind="images",
                name="tensorboard",
                suffix=f".{picture.format}",
            )
            for picture in pictures
        ]
        return {
            "_type": "images/separated",
            "filenames": [file["path"] for file in files],
            "format": first.format,
            "width": first.width,
            "height": first.height,
            "count": len(files),
        }

    def _curve(self, key: str, value: EventValue) -> dict[str, Any] | None:
        """Precision over recall: a table, and the chart that shows it."""
        numbers = as_tensor(value.message)
        if numbers is None or numbers.ndim != 2 or len(numbers) < 2:
            return None
        precision, recall = numbers[-2].tolist(), numbers[-1].tolist()
        pairs = [list(pair) for pair in zip(recall, precision, strict=True)]
        table = jsonx.encode({"columns": ["recall", "precision"], "data": pairs})
        file = self._core.media.files.keep(
            table, kind="table", name="tensorboard", suffix=".table.json"
        )
        chart = line_chart(key, f"{key} Precision v. Recall", x="recall", y="precision")
        self._core.recorder.nested_config(("_wandb", "visualize", key), chart)
        return {"_type": "table-file", "ncols": 2, "nrows": len(pairs), **file}
