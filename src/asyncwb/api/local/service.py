"""Answers the operations of the read side from run folders: no server, no network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import msgspec

from asyncwb import jsonx
from asyncwb.api.address import RunAddress
from asyncwb.api.local.files import FileReader, list_files
from asyncwb.api.local.filters import matches, ordered
from asyncwb.api.local.heads import run_name
from asyncwb.api.local.node import ENTITY
from asyncwb.errors import InvalidValueError, RunNotFoundError, UnsupportedError
from asyncwb.graphql import api_operations as ops
from asyncwb.graphql.api_answers import (
    RunConnection,
    RunData,
    RunEdge,
    RunProject,
    RunsData,
    RunsProject,
    UserNode,
)
from asyncwb.graphql.paginator import PageInfo
from asyncwb.graphql.service import Service
from asyncwb.sender.folders import RunDir, find_runs
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from asyncwb.api.local.history import LocalHistory
    from asyncwb.api.local.run import LocalRun
    from asyncwb.graphql import Operation
    from asyncwb.settings import Settings

__all__ = ["LocalService"]

T = TypeVar("T")

EVERY = "*"
"""Project of a listing of all runs of the folder."""


class LocalService(Service):
    """The run folders below one folder, as a server.

    Args:
        folder: A folder that holds `wandb`, that folder, or one run folder.
        settings: Of the Api.

    Raises:
        InvalidValueError: There is no such folder.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__(settings, settings.http_timeout)
        if not folder.is_dir():
            raise InvalidValueError(f"local={str(folder)!r}: there is no such folder")
        self.folder = folder.absolute()
        self._known: dict[tuple[str, str], tuple[object, LocalRun]] = {}
        self._answers: dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]] = {
            ops.RUN.name: self._run,
            ops.LIGHT_RUN.name: self._run,
            ops.RUN_STATE.name: self._state,
            ops.RUNS.name: self._runs,
            ops.LIGHT_RUNS.name: self._runs,
            ops.RUN_FILES.name: self._files,
            ops.RUN_HISTORY.name: self._sampled,
            ops.RUN_EVENTS.name: self._events,
            ops.SAMPLED_HISTORY.name: self._sampled_keys,
        }

    async def transport(self) -> Any:
        """Reads files in place of downloading them."""
        return FileReader()

    async def execute(
        self,
        operation: Operation[T],
        variables: Mapping[str, object],
        *,
        lane: Literal["control", "bulk"] | None = None,
    ) -> T:
        """Answer an operation from the folders.

        Raises:
            UnsupportedError: It changes something, or asks for what folders do not have.
        """
        answer = self._answers.get(operation.name)
        if answer is None:
            raise UnsupportedError(
                f"{operation.name}: runs of Api(local=...) can only be read; send them to a server "
                "with `asyncwb sync` to change them there"
            )
        found = await answer(variables)
        return cast(
            "T",
            found
            if isinstance(found, msgspec.Struct)
            else msgspec.convert(found, operation.result),
        )

    async def viewer(self) -> UserNode:
        """Nobody in particular."""
        return UserNode(username=ENTITY, name=ENTITY, entity=ENTITY)

    async def entity(self, named: str | None) -> str:
        """The entity named, else that of runs that name none."""
        return named or ENTITY

    async def has_feature(self, name: str) -> bool:
        """Folders have none."""
        return False

    def history(self, address: RunAddress) -> LocalHistory:
        """The rows of a run."""
        from asyncwb.api.local.history import LocalHistory

        async def find() -> LocalRun:
            return await self._load(address.project, address.run_id)

        return LocalHistory(find)

    async def locate(self, path: str) -> RunAddress:
        """Find a run by `run_id`, `project/run_id`, `entity/project/run_id`, or its folder.

        Raises:
            RunNotFoundError: There is none, or there are several of that id.
        """
        parts = [part for part in path.strip("/ ").replace("/runs/", "/").split("/") if part]
        project = parts[-2] if len(parts) > 1 else None
        found = [
            key
            for key, folders in (await offload(self._index)).items()
            if parts and project in (None, key[0])
            and (key[1] == parts[-1] or folders[-1].path.name == parts[-1])
        ]  # fmt: skip
        if len(found) != 1:
            many = f"several runs of that id: {', '.join('/'.join(key) for key in found)}"
            what = many if found else f"no run {path!r}"
            raise RunNotFoundError(f"{self.folder} holds {what}. Name project/run_id or run_id")
        return (await self._load(*found[0])).address

    def _index(self) -> dict[tuple[str, str], list[RunDir]]:
        """Folders by project and run id, oldest first."""
        index: dict[tuple[str, str], list[RunDir]] = {}
        for folder in find_runs(self.folder):
            named = run_name(folder)
            if named is not None:
                index.setdefault(named, []).append(folder)
        return index

    async def _load(self, project: str, run_id: str) -> LocalRun:
        folders = (await offload(self._index)).get((project, run_id))
        if not folders:
            raise RunNotFoundError(f"{self.folder} holds no run {project}/{run_id}")
        return await offload(self._load_folders, (project, run_id), folders)

    def _load_folders(self, key: tuple[str, str], folders: list[RunDir]) -> LocalRun:
        marks = [(f.path, s.st_size, s.st_mtime_ns) for f in folders for s in [f.journal.stat()]]
        known = self._known.get(key)
        # A run that may still be written has another state when its process is gone.
        if known is not None and known[0] == marks and known[1].node.state != "running":
            return known[1]
        from asyncwb.api.local.run import load  # numpy comes with it

        run = load(folders)
        self._known[key] = marks, run
        return run

    async def _of(self, asked: Mapping[str, Any]) -> LocalRun:
        return await self._load(asked["project"], asked.get("name") or asked["run"])

    async def _run(self, asked: Mapping[str, Any]) -> Any:
        return RunData(project=RunProject(run=(await self._of(asked)).node))

    async def _state(self, asked: Mapping[str, Any]) -> Any:
        return {"project": {"run": {"state": (await self._of(asked)).node.state}}}

    async def _runs(self, asked: Mapping[str, Any]) -> Any:
        index = await offload(self._index)
        project = asked["project"]
        chosen = {key: runs for key, runs in index.items() if project in (EVERY, key[0])}
        if not chosen and project != EVERY:
            return RunsData(project=None)
        nodes = [
            (await offload(self._load_folders, key, folders)).node
            for key, folders in chosen.items()
        ]
        tree = jsonx.decode(asked["filters"])
        nodes = ordered([node for node in nodes if matches(node, tree)], asked["order"])
        start = int(asked["cursor"] or 0)
        page = nodes[start : start + asked["perPage"]]
        edges = [
            RunEdge(node=node, cursor=str(start + number)) for number, node in enumerate(page, 1)
        ]
        info = PageInfo(has_next_page=start + len(page) < len(nodes))
        runs = RunConnection(page_info=info, edges=edges)
        return RunsData(project=RunsProject(run_count=len(nodes), runs=runs))

    async def _files(self, asked: Mapping[str, Any]) -> Any:
        run = await self._of(asked)
        files = await offload(list_files, run.folders)
        if asked["names"]:
            files = [file for file in files if file.name in asked["names"]]
        if asked["pattern"]:
            like = re.compile(_like(asked["pattern"]), re.DOTALL).fullmatch
            files = [file for file in files if like(file.name)]
        start = int(asked["cursor"] or 0)
        page = files[start : start + asked["perPage"]]
        edges = [{"node": f, "cursor": str(start + number)} for number, f in enumerate(page, 1)]
        listing = {"edges": edges, "pageInfo": {"hasNextPage": start + len(page) < len(files)}}
        return {"project": {"run": {"fileCount": len(files), "files": listing}}}

    async def _sampled(self, asked: Mapping[str, Any]) -> Any:
        from asyncwb.api.local.sampling import sampled_rows

        source = self.history(_address(asked))
        rows = await sampled_rows(source, asked["samples"], None)
        return {"project": {"run": {"history": [jsonx.encode(row).decode() for row in rows]}}}

    async def _sampled_keys(self, asked: Mapping[str, Any]) -> Any:
        from asyncwb.api.local.sampling import sampled_rows

        spec = cast("dict[str, Any]", jsonx.decode(asked["specs"][0]))
        source = self.history(_address(asked))
        rows = await sampled_rows(source, spec["samples"], tuple(spec["keys"]))
        return {"project": {"run": {"sampledHistory": [rows]}}}

    async def _events(self, asked: Mapping[str, Any]) -> Any:
        from asyncwb.api.local.sampling import sampled_events

        run = await self._of(asked)
        lines = await offload(sampled_events, run, asked["samples"])
        return {"project": {"run": {"events": lines}}}


def _address(asked: Mapping[str, Any]) -> RunAddress:
    return RunAddress(asked["entity"], asked["project"], asked["name"])


def _like(pattern: str) -> str:
    """A pattern of SQL's LIKE as a regular expression."""
    return "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
