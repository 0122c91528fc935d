"""What automations wait for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from asyncwb import jsonx
from asyncwb.automations.actions import Action
from asyncwb.automations.automation import NewAutomation
from asyncwb.automations.filters import ANY, Filter, FilterField, all_of, either_of, filter_of
from asyncwb.automations.metrics import (
    Metric,
    MetricChangeFilter,
    MetricFilter,
    MetricThresholdFilter,
    RunMetricFilter,
)
from asyncwb.automations.scopes import (
    ArtifactCollectionScope,
    EntityScope,
    ProjectScope,
    RegistryScope,
    Scope,
    scope_of,
)
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ArtifactEvent",
    "Event",
    "EventType",
    "OnAddArtifactAlias",
    "OnAddArtifactTag",
    "OnAddCollectionTag",
    "OnCreateArtifact",
    "OnLinkArtifact",
    "OnRemoveArtifactTag",
    "OnRemoveCollectionTag",
    "OnRunMetric",
    "OnRunState",
    "OnUnlinkArtifact",
    "RunEvent",
    "RunStateFilter",
]

_STATES = {"RUNNING": "RUNNING", "FINISHED": "FINISHED", "FAILED": "FAILED", "CRASHED": "FAILED"}


class EventType(StrEnum):
    """Kinds of events."""

    UPDATE_ARTIFACT_ALIAS = "UPDATE_ARTIFACT_ALIAS"
    CREATE_ARTIFACT = "CREATE_ARTIFACT"
    ADD_ARTIFACT_ALIAS = "ADD_ARTIFACT_ALIAS"
    ADD_ARTIFACT_TAG = "ADD_ARTIFACT_TAG"
    REMOVE_ARTIFACT_TAG = "REMOVE_ARTIFACT_TAG"
    ADD_COLLECTION_TAG = "ADD_COLLECTION_TAG"
    REMOVE_COLLECTION_TAG = "REMOVE_COLLECTION_TAG"
    LINK_ARTIFACT = "LINK_MODEL"
    UNLINK_ARTIFACT = "UNLINK_ARTIFACT"
    RUN_METRIC_THRESHOLD = "RUN_METRIC"
    RUN_METRIC_CHANGE = "RUN_METRIC_CHANGE"
    RUN_METRIC_ZSCORE = "RUN_METRIC_ZSCORE"
    RUN_STATE = "RUN_STATE"


class Event(ABC):
    """Base of all events; `event >> action` is an automation to be made.

    Args:
        scope: Where: an object of an Api, or a scope.
        filter: Which; see each event.

    Attributes:
        scope: The scope.

    Raises:
        InvalidValueError: The scope or the filter is none of this event.
    """

    places: ClassVar[tuple[type[Scope], ...]] = (Scope,)

    def __init__(self, scope: object) -> None:
        self.scope: Scope = scope_of(scope)
        if not isinstance(self.scope, self.places):
            known = " or ".join(place.__name__ for place in self.places)
            raise InvalidValueError(f"{type(self).__name__} is of a {known}, not of {self.scope}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.scope.name}>"

    @property
    @abstractmethod
    def event_type(self) -> EventType:
        """Its kind."""

    @abstractmethod
    def to_wire(self) -> str:
        """The text of its filter, as it is sent."""

    def then(self, action: Action) -> NewAutomation:
        """An automation to be made: this event leads to that action.

        Raises:
            InvalidValueError: It is no action.
        """
        if not isinstance(action, Action):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"an event leads to an action, not to {action!r}")
        return NewAutomation(event=self, action=action)

    __rshift__ = then


class _ArtifactEvent(Event):
    kind: ClassVar[EventType]

    def __init__(self, scope: object, filter: Filter | Mapping[str, Any] | None = None) -> None:
        super().__init__(scope)
        self.filter: Filter = filter_of(filter)

    @property
    def event_type(self) -> EventType:
        """Its kind."""
        return self.kind

    def to_wire(self) -> str:
        """The text of its filter, as it is sent."""
        return jsonx.encode(either_of(self.filter)).decode()


class OnLinkArtifact(_ArtifactEvent):
    """A version of an artifact is linked into a collection."""

    kind = EventType.LINK_ARTIFACT


class OnUnlinkArtifact(_ArtifactEvent):
    """A version of an artifact is taken out of a collection that it was linked into."""

    kind = EventType.UNLINK_ARTIFACT


class OnAddArtifactAlias(_ArtifactEvent):
    """A version of an artifact gets an alias."""

    kind = EventType.ADD_ARTIFACT_ALIAS


class OnAddArtifactTag(_ArtifactEvent):
    """A version of an artifact gets a tag."""

    kind = EventType.ADD_ARTIFACT_TAG


class OnRemoveArtifactTag(_ArtifactEvent):
    """A version of an artifact loses a tag."""

    kind = EventType.REMOVE_ARTIFACT_TAG


class OnAddCollectionTag(_ArtifactEvent):
    """A collection gets a tag."""

    kind = EventType.ADD_COLLECTION_TAG


class OnRemoveCollectionTag(_ArtifactEvent):
    """A collection loses a tag."""

    kind = EventType.REMOVE_COLLECTION_TAG


class OnCreateArtifact(_ArtifactEvent):
    """A collection gets a new version."""

    places = (ArtifactCollectionScope,)
    kind = EventType.CREATE_ARTIFACT


@dataclass(frozen=True)
class RunStateFilter:
    """States that runs come into, of the runs that a filter lets through; see `RunEvent.state`."""

    states: tuple[str, ...]
    run: Filter = ANY

    def __and__(self, runs: Filter) -> RunStateFilter:
        if not isinstance(runs, Filter):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return RunStateFilter(self.states, runs if self.run == ANY else self.run & runs)

    __rand__ = __and__


class _RunEvent(Event):
    places = (ProjectScope, EntityScope)

    def __init__(self, scope: object) -> None:
        super().__init__(scope)
        if isinstance(self.scope, RegistryScope):
            raise InvalidValueError("a registry has no runs: name a project or a team")


class OnRunMetric(_RunEvent):
    """A metric of a run fulfils a condition: `RunEvent.metric("loss").avg(5) > 0.5`."""

    def __init__(self, scope: object, filter: MetricFilter | RunMetricFilter) -> None:
        super().__init__(scope)
        if isinstance(filter, MetricFilter):
            filter = RunMetricFilter(metric=filter)
        if not isinstance(filter, RunMetricFilter):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(
                f"OnRunMetric takes a condition of RunEvent.metric(...), not {filter!r}"
            )
        self.filter: RunMetricFilter = filter

    @property
    def event_type(self) -> EventType:
        """Its kind, by that of the condition."""
        if isinstance(self.filter.metric, MetricThresholdFilter):
            return EventType.RUN_METRIC_THRESHOLD
        if isinstance(self.filter.metric, MetricChangeFilter):
            return EventType.RUN_METRIC_CHANGE
        return EventType.RUN_METRIC_ZSCORE

    def to_wire(self) -> str:
        """The text of its filter, as it is sent."""
        runs = jsonx.encode(all_of(self.filter.run)).decode()
        metric = self.filter.metric.to_wire()
        return jsonx.encode({"run_filter": runs, "run_metric_filter": metric}).decode()


class OnRunState(_RunEvent):
    """A run comes into a state: `RunEvent.state.in_(["finished", "failed"])`."""

    def __init__(self, scope: object, filter: RunStateFilter) -> None:
        super().__init__(scope)
        if not isinstance(filter, RunStateFilter):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"OnRunState takes states of RunEvent.state, not {filter!r}")
        self.filter: RunStateFilter = filter

    @property
    def event_type(self) -> EventType:
        """Its kind."""
        return EventType.RUN_STATE

    def to_wire(self) -> str:
        """The text of its filter, as it is sent."""
        runs = jsonx.encode(all_of(self.filter.run)).decode()
        states = {"states": list(self.filter.states)}
        return jsonx.encode({"run_filter": runs, "run_state_filter": states}).decode()


class _State:
    """The state of a run, to be compared."""

    __hash__ = None  # type: ignore[assignment]  # `==` makes a filter

    def in_(self, states: Iterable[str], /) -> RunStateFilter:
        """One of several states.

        Raises:
            InvalidValueError: There is no such state.
        """
        named = [states] if isinstance(states, str) else list(states)
        found = {_STATES.get(str(state).upper()) for state in named}
        if None in found or not found:
            known = ", ".join(state.lower() for state in _STATES)
            raise InvalidValueError(f"states of runs are {known}, not {named}")
        return RunStateFilter(tuple(sorted(state for state in found if state)))

    def eq(self, state: str, /) -> RunStateFilter:
        """This state."""
        return self.in_([state])

    def __eq__(self, other: object) -> RunStateFilter:  # type: ignore[override]
        return self.in_([str(other)])


class RunEvent:
    """What filters of runs compare."""

    name: ClassVar[FilterField] = FilterField("display_name")
    """The name of a run for people."""
    state: ClassVar[_State] = _State()

    @staticmethod
    def metric(name: str) -> Metric:
        """A metric by its name."""
        return Metric(name)


class ArtifactEvent:
    """What filters of artifacts compare."""

    alias: ClassVar[FilterField] = FilterField("alias")
    tag: ClassVar[FilterField] = FilterField("tag")
