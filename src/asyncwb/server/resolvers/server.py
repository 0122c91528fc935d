"""What the server says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import accounts, files, history, projects, runs, sweeps
from .registry import Resolvers, load_schema

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from .context import Info, Node

__all__ = ["make_schema"]

query = Resolvers("Query")

# only what is really served; clients leave out the requests of features that are not named here
_FEATURES = (
    "FILESTREAM_GZIP",
    "LARGE_FILENAMES",
    "MARK_RUN_FILES_UPLOADED",
    "STRUCTURED_CONSOLE_LOGS",
)


@query.field("serverInfo")
def _server_info(_root: Any, _info: Info) -> Node:
    return {"features": [{"name": name, "isEnabled": True} for name in _FEATURES]}


def make_schema() -> GraphQLSchema:
    """The schema with all resolvers attached."""
    return load_schema(
        query,
        accounts.query,
        accounts.mutation,
        accounts.user,
        accounts.entity,
        projects.query,
        projects.mutation,
        projects.project,
        projects.run_connection,
        runs.run,
        runs.mutation,
        history.run,
        files.run,
        files.file,
        files.mutation,
        sweeps.project,
        sweeps.sweep,
        sweeps.agent,
        sweeps.mutation,
    )
