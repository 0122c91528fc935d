"""What `define_metric` asks for: the definitions of a run, in memory and on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from asyncwb.journal.records import MetricControl, MetricRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "GOALS",
    "SUMMARIES",
    "MetricDefinition",
    "MetricTable",
    "definition_of",
    "definitions_of_config",
    "ordered",
    "record_of",
]

SUMMARIES = ("min", "max", "mean", "best", "last", "none", "copy", "first")
"""What a summary may be asked for, in the order of the protocol's numbers, which begin at 1."""

GOALS = ("minimize", "maximize")
"""In the order of the protocol's numbers, which begin at 1."""

MAXIMIZE = 2
_STEP_SYNC, _HIDDEN, _DEFINED = 1, 2, 3
_NUMBERS = {name: number for number, name in enumerate(SUMMARIES, 1)}


class MetricDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for one metric, or for all that a glob matches.

    Attributes:
        name: Dotted path, or a glob with its `*` at the end.
        step_metric: Name of the x axis, "" for the step.
        step_sync: Whether rows without the step metric get its last value.
        hidden: Whether no chart is made for it.
        defined: Whether `define_metric` named it; otherwise only another definition does.
        summary: Names out of `SUMMARIES`, in their order; `copy` is the default and left out.
        goal: 0 unset, 1 minimize, 2 maximize; decides what "best" is.
    """

    name: str
    step_metric: str = ""
    step_sync: bool = False
    hidden: bool = False
    defined: bool = False
    summary: tuple[str, ...] = ()
    goal: int = 0

    @property
    def is_glob(self) -> bool:
        """Whether it stands for all metrics that begin like it."""
        return self.name.endswith("*")

    def over(self, earlier: MetricDefinition) -> MetricDefinition:
        """This definition where it says something, the earlier one where it does not."""
        return MetricDefinition(
            name=self.name,
            step_metric=self.step_metric or earlier.step_metric,
            step_sync=self.step_sync or earlier.step_sync,
            hidden=self.hidden or earlier.hidden,
            defined=self.defined or earlier.defined,
            summary=ordered(self.summary + earlier.summary),
            goal=self.goal or earlier.goal,
        )


def ordered(summary: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in the protocol's order, without `copy`."""
    return tuple(sorted({*summary} - {"copy"}, key=SUMMARIES.index))


def definition_of(record: MetricRecord) -> MetricDefinition:
    """Read a metric record."""
    return MetricDefinition(
        name=record.glob_name or record.name,
        step_metric=record.step_metric,
        step_sync=_STEP_SYNC in record.options,
        hidden=_HIDDEN in record.options,
        defined=_DEFINED in record.options,
        summary=_summary_of(record.summary),
        goal=record.goal,
    )


def record_of(definition: MetricDefinition, *, overwrite: bool) -> MetricRecord:
    """Write a metric record; `overwrite`: instead of what was defined before, not on top of it."""
    return MetricRecord(
        name="" if definition.is_glob else definition.name,
        glob_name=definition.name if definition.is_glob else "",
        step_metric=definition.step_metric,
        options=_options(definition),
        summary=[_NUMBERS[name] for name in definition.summary],
        goal=definition.goal,
        control=MetricControl(overwrite=True) if overwrite else None,
    )


def definitions_of_config(config: Mapping[str, object]) -> list[MetricDefinition]:
    """The definitions in a run's config of the wire form: `_wandb.value.m`."""
    reserved = _member(_member(config, "_wandb"), "value")
    entries = _member(reserved, "m")
    if not isinstance(entries, list):
        return []
    objects = [
        cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
        for entry in cast("list[object]", entries)
    ]
    return [_read_entry(entry, objects) for entry in objects if _name_of(entry)]


class MetricTable:
    """All definitions of a run, looked up by metric name.

    Attributes:
        wants_statistics: Whether any definition changes the summary.
        step_metrics: The metrics whose last value is put into rows that lack it.
    """

    def __init__(self) -> None:
        self._definitions: dict[str, MetricDefinition] = {}
        self._inherited: frozenset[str] = frozenset()
        self._found: dict[str, MetricDefinition | None] = {}
        self.wants_statistics = False
        self.step_metrics: frozenset[str] = frozenset()

    def define(self, definition: MetricDefinition, *, overwrite: bool) -> None:
        """Add a definition; without `overwrite` it is merged into the one of this run."""
        earlier = self.get(definition.name)
        if earlier is not None and not overwrite:
            definition = definition.over(earlier)
        self._inherited -= {definition.name}
        self._add(definition)

    def inherit(self, definitions: Iterable[MetricDefinition]) -> None:
        """Take what the resumed run had; a definition of this run replaces the one of its name."""
        for definition in definitions:
            if definition.name not in self._definitions or definition.name in self._inherited:
                self._inherited |= {definition.name}
                self._add(definition)

    def _add(self, definition: MetricDefinition) -> None:
        self._definitions[definition.name] = definition
        self.wants_statistics = self.wants_statistics or bool(definition.summary)
        if definition.step_sync and definition.step_metric:
            self.step_metrics |= {definition.step_metric}
        self._found.clear()

    def get(self, name: str) -> MetricDefinition | None:
        """What this run itself defined under exactly this name, glob or not."""
        return None if name in self._inherited else self._definitions.get(name)

    def find(self, name: str) -> MetricDefinition | None:
        """The definition for a dotted name: an exact one, else the longest matching glob."""
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def _search(self, name: str) -> MetricDefinition | None:
        found = self._definitions.get(name)
        # A step metric that only another definition names says nothing about its own summary.
        if found is not None and (found.defined or found.summary):
            return found
        if name.startswith("_"):  # the run's own, `_step` and its like
            return found
        globs = [glob for glob in self._globs() if name.startswith(glob.name[:-1])]
        return max(globs, key=lambda glob: len(glob.name)) if globs else found

    def _globs(self) -> list[MetricDefinition]:
        return [one for one in self._definitions.values() if one.is_glob]

    def wire(self) -> list[dict[str, object]]:
        """The list `config._wandb.value.m`: objects keyed by field numbers."""
        exact = [one for one in self._definitions.values() if not one.is_glob]
        definitions = [*exact, *self._globs()]
        steps = dict.fromkeys(one.step_metric for one in definitions if one.step_metric)
        definitions += [
            MetricDefinition(name=step) for step in steps if step not in self._definitions
        ]
        index = {one.name: number for number, one in enumerate(definitions, 1)}
        return [_wire_entry(definition, index) for definition in definitions]


def _wire_entry(definition: MetricDefinition, index: dict[str, int]) -> dict[str, object]:
    entry: dict[str, object] = {"2" if definition.is_glob else "1": definition.name}
    if definition.step_metric:
        entry["5"] = index[definition.step_metric]
    # The third option, "defined", is not sent for globs.
    entry["6"] = [n for n in _options(definition) if n != _DEFINED or not definition.is_glob]
    entry["7"] = [_NUMBERS[name] for name in definition.summary]
    if definition.goal:
        entry["8"] = definition.goal
    return entry


def _read_entry(entry: dict[str, object], entries: list[dict[str, object]]) -> MetricDefinition:
    index, goal = entry.get("5"), entry.get("8")
    step = entries[index - 1] if isinstance(index, int) and 0 < index <= len(entries) else {}
    options = _numbers(entry.get("6"))
    return MetricDefinition(
        name=_name_of(entry),
        step_metric=_name_of(step),
        step_sync=_STEP_SYNC in options,
        hidden=_HIDDEN in options,
        # Globs are sent without it, yet are always defined.
        defined=_DEFINED in options or "2" in entry,
        summary=_summary_of(_numbers(entry.get("7"))),
        goal=goal if isinstance(goal, int) else 0,
    )


def _options(definition: MetricDefinition) -> list[int]:
    wanted = (definition.step_sync, definition.hidden, definition.defined)
    return [number for number, on in enumerate(wanted, 1) if on]


def _summary_of(numbers: Iterable[int]) -> tuple[str, ...]:
    return ordered(SUMMARIES[number - 1] for number in numbers if 0 < number <= len(SUMMARIES))


def _name_of(entry: Mapping[str, object]) -> str:
    name = entry.get("1") or entry.get("2")
    return name if isinstance(name, str) else ""


def _numbers(value: object) -> list[int]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, int)]


def _member(value: object, key: str) -> object:
    return cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
