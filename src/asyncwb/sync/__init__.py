"""The blocking face of asyncwb: the same names, for plain scripts and threads.

    import asyncwb.sync as wandb

    run = wandb.init(project="digits", config={"lr": 0.1})
    wandb.log({"loss": 0.5})
    wandb.finish()

`run`, `config` and `summary` belong to the current run: the newest one that this thread (or task)
started and that is not finished, else the newest one of the process.

`import asyncwb.sync` starts nothing and loads no event loop, no HTTP and no numpy, only what
`init` needs, so that a run starts within milliseconds; the other names come with their first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncwb.plot as plot
    import asyncwb.tensorboard as tensorboard
    from asyncwb.artifacts.fields import ArtifactTTL as ArtifactTTL
    from asyncwb.errors import ArtifactNotFoundError as ArtifactNotFoundError
    from asyncwb.errors import (
        AuthenticationError as AuthenticationError,
    )
    from asyncwb.errors import (
        BlockingInAsyncWarning as BlockingInAsyncWarning,
    )
    from asyncwb.errors import (
        ClosedError as ClosedError,
    )
    from asyncwb.errors import ColumnTypeError as ColumnTypeError
    from asyncwb.errors import (
        CommError as CommError,
    )
    from asyncwb.errors import (
        ConfigError as ConfigError,
    )
    from asyncwb.errors import (
        DeadlineError as DeadlineError,
    )
    from asyncwb.errors import DigestMismatchError as DigestMismatchError
    from asyncwb.errors import (
        Error as Error,
    )
    from asyncwb.errors import (
        ForkedError as ForkedError,
    )
    from asyncwb.errors import (
        GraphQLError as GraphQLError,
    )
    from asyncwb.errors import (
        IncompleteRunHistoryError as IncompleteRunHistoryError,
    )
    from asyncwb.errors import (
        InvalidValueError as InvalidValueError,
    )
    from asyncwb.errors import (
        JournalError as JournalError,
    )
    from asyncwb.errors import (
        ModelError as ModelError,
    )
    from asyncwb.errors import NotFoundError as NotFoundError
    from asyncwb.errors import (
        PortalMisuseError as PortalMisuseError,
    )
    from asyncwb.errors import (
        ProtocolError as ProtocolError,
    )
    from asyncwb.errors import (
        RateLimitError as RateLimitError,
    )
    from asyncwb.errors import RegistryNotFoundError as RegistryNotFoundError
    from asyncwb.errors import (
        RunNotFoundError as RunNotFoundError,
    )
    from asyncwb.errors import (
        ServerError as ServerError,
    )
    from asyncwb.errors import (
        UnsupportedError as UnsupportedError,
    )
    from asyncwb.errors import (
        UsageError as UsageError,
    )
    from asyncwb.errors import (
        WaitTimeoutError as WaitTimeoutError,
    )
    from asyncwb.export.result import ExportResult as ExportResult
    from asyncwb.media.audio import Audio as Audio
    from asyncwb.media.figures import Plotly as Plotly
    from asyncwb.media.graph import Graph as Graph
    from asyncwb.media.histogram import Histogram as Histogram
    from asyncwb.media.html import Html as Html
    from asyncwb.media.image import Image as Image
    from asyncwb.media.molecule import Molecule as Molecule
    from asyncwb.media.object3d import Object3D as Object3D
    from asyncwb.media.object3d import box3d as box3d
    from asyncwb.media.overlays import Classes as Classes
    from asyncwb.media.tables.joined import JoinedTable as JoinedTable
    from asyncwb.media.tables.joined import PartitionedTable as PartitionedTable
    from asyncwb.media.tables.table import Table as Table
    from asyncwb.media.video import Video as Video
    from asyncwb.plot.chart import plot_table as plot_table
    from asyncwb.run.config import Config as Config
    from asyncwb.run.status import RunStatus as RunStatus
    from asyncwb.run.summary import Summary as Summary
    from asyncwb.settings import Settings as Settings
    from asyncwb.sync._agent import agent as agent
    from asyncwb.sync._api import Api as Api
    from asyncwb.sync._artifact import Artifact as Artifact
    from asyncwb.sync._current import finish as finish
    from asyncwb.sync._export import export as export
    from asyncwb.sync._functions import (
        alert as alert,
    )
    from asyncwb.sync._functions import (
        define_metric as define_metric,
    )
    from asyncwb.sync._functions import (
        finish_artifact as finish_artifact,
    )
    from asyncwb.sync._functions import (
        flush as flush,
    )
    from asyncwb.sync._functions import (
        link_artifact as link_artifact,
    )
    from asyncwb.sync._functions import (
        link_model as link_model,
    )
    from asyncwb.sync._functions import (
        log as log,
    )
    from asyncwb.sync._functions import (
        log_artifact as log_artifact,
    )
    from asyncwb.sync._functions import (
        log_code as log_code,
    )
    from asyncwb.sync._functions import (
        log_model as log_model,
    )
    from asyncwb.sync._functions import (
        mark_preempting as mark_preempting,
    )
    from asyncwb.sync._functions import (
        save as save,
    )
    from asyncwb.sync._functions import (
        unwatch as unwatch,
    )
    from asyncwb.sync._functions import (
        upsert_artifact as upsert_artifact,
    )
    from asyncwb.sync._functions import (
        use_artifact as use_artifact,
    )
    from asyncwb.sync._functions import (
        use_model as use_model,
    )
    from asyncwb.sync._functions import (
        watch as watch,
    )
    from asyncwb.sync._init import init as init
    from asyncwb.sync._login import login as login
    from asyncwb.sync._restore import restore as restore
    from asyncwb.sync._run import Run as Run
    from asyncwb.sync._sweep import sweep as sweep
    from asyncwb.types import AlertLevel as AlertLevel

    run: Run | None
    """The current run; None without one."""
    config: Config
    """Config of the current run; using it without one raises a UsageError."""
    summary: Summary
    """Summary of the current run; using it without one raises a UsageError."""


__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactNotFoundError",
    "ArtifactTTL",
    "Audio",
    "AuthenticationError",
    "BlockingInAsyncWarning",
    "Classes",
    "ClosedError",
    "ColumnTypeError",
    "CommError",
    "Config",
    "ConfigError",
    "DeadlineError",
    "DigestMismatchError",
    "Error",
    "ExportResult",
    "ForkedError",
    "Graph",
    "GraphQLError",
    "Histogram",
    "Html",
    "Image",
    "IncompleteRunHistoryError",
    "InvalidValueError",
    "JoinedTable",
    "JournalError",
    "ModelError",
    "Molecule",
    "NotFoundError",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "PortalMisuseError",
    "ProtocolError",
    "RateLimitError",
    "RegistryNotFoundError",
    "Run",
    "RunNotFoundError",
    "RunStatus",
    "ServerError",
    "Settings",
    "Summary",
    "Table",
    "UnsupportedError",
    "UsageError",
    "Video",
    "WaitTimeoutError",
    "agent",
    "alert",
    "box3d",
    "config",
    "define_metric",
    "export",
    "finish",
    "finish_artifact",
    "flush",
    "init",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "restore",
    "run",
    "save",
    "summary",
    "sweep",
    "tensorboard",
    "unwatch",
    "upsert_artifact",
    "use_artifact",
    "use_model",
    "watch",
]

_HOMES = {
    "AlertLevel": "asyncwb.types",
    "Api": "asyncwb.sync._api",
    "Artifact": "asyncwb.sync._artifact",
    "ArtifactNotFoundError": "asyncwb.errors",
    "ArtifactTTL": "asyncwb.artifacts.fields",
    "Audio": "asyncwb.media.audio",
    "AuthenticationError": "asyncwb.errors",
    "BlockingInAsyncWarning": "asyncwb.errors",
    "Classes": "asyncwb.media.overlays",
    "ClosedError": "asyncwb.errors",
    "ColumnTypeError": "asyncwb.errors",
    "CommError": "asyncwb.errors",
    "Config": "asyncwb.run.config",
    "ConfigError": "asyncwb.errors",
    "DeadlineError": "asyncwb.errors",
    "DigestMismatchError": "asyncwb.errors",
    "Error": "asyncwb.errors",
    "ExportResult": "asyncwb.export.result",
    "ForkedError": "asyncwb.errors",
    "Graph": "asyncwb.media.graph",
    "GraphQLError": "asyncwb.errors",
    "Histogram": "asyncwb.media.histogram",
    "Html": "asyncwb.media.html",
    "Image": "asyncwb.media.image",
    "IncompleteRunHistoryError": "asyncwb.errors",
    "InvalidValueError": "asyncwb.errors",
    "JoinedTable": "asyncwb.media.tables.joined",
    "JournalError": "asyncwb.errors",
    "ModelError": "asyncwb.errors",
    "Molecule": "asyncwb.media.molecule",
    "NotFoundError": "asyncwb.errors",
    "Object3D": "asyncwb.media.object3d",
    "PartitionedTable": "asyncwb.media.tables.joined",
    "Plotly": "asyncwb.media.figures",
    "PortalMisuseError": "asyncwb.errors",
    "ProtocolError": "asyncwb.errors",
    "RateLimitError": "asyncwb.errors",
    "RegistryNotFoundError": "asyncwb.errors",
    "Run": "asyncwb.sync._run",
    "RunNotFoundError": "asyncwb.errors",
    "RunStatus": "asyncwb.run.status",
    "ServerError": "asyncwb.errors",
    "Settings": "asyncwb.settings",
    "Summary": "asyncwb.run.summary",
    "Table": "asyncwb.media.tables.table",
    "UnsupportedError": "asyncwb.errors",
    "UsageError": "asyncwb.errors",
    "Video": "asyncwb.media.video",
    "WaitTimeoutError": "asyncwb.errors",
    "agent": "asyncwb.sync._agent",
    "alert": "asyncwb.sync._functions",
    "box3d": "asyncwb.media.object3d",
    "define_metric": "asyncwb.sync._functions",
    "export": "asyncwb.sync._export",
    "finish": "asyncwb.sync._current",
    "finish_artifact": "asyncwb.sync._functions",
    "flush": "asyncwb.sync._functions",
    "init": "asyncwb.sync._init",
    "link_artifact": "asyncwb.sync._functions",
    "link_model": "asyncwb.sync._functions",
    "log": "asyncwb.sync._functions",
    "log_artifact": "asyncwb.sync._functions",
    "log_code": "asyncwb.sync._functions",
    "log_model": "asyncwb.sync._functions",
    "login": "asyncwb.sync._login",
    "mark_preempting": "asyncwb.sync._functions",
    "plot_table": "asyncwb.plot.chart",
    "restore": "asyncwb.sync._restore",
    "save": "asyncwb.sync._functions",
    "sweep": "asyncwb.sync._sweep",
    "unwatch": "asyncwb.sync._functions",
    "upsert_artifact": "asyncwb.sync._functions",
    "use_artifact": "asyncwb.sync._functions",
    "use_model": "asyncwb.sync._functions",
    "watch": "asyncwb.sync._functions",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is not None:
        value = getattr(import_module(home), name)
        # Next time the name is found without a call.
        globals()[name] = value
        return value
    if name in {"plot", "tensorboard"}:
        return import_module(f"asyncwb.{name}")
    if name in {"run", "config", "summary"}:
        return getattr(import_module("asyncwb.sync._manual"), name)()
    raise AttributeError(f"module 'asyncwb.sync' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


import_module("asyncwb.sync._init")
