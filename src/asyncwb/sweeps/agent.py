"""`agent`: carry out the runs of a sweep."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

import anyio
import msgspec

from asyncwb.errors import ConfigError, Error, InvalidValueError, UsageError
from asyncwb.portal import PORTAL
from asyncwb.run.assignment import Assignment
from asyncwb.run.terminal import Terminal
from asyncwb.sweeps.command import command_of, names_no_program, prepare
from asyncwb.sweeps.create import settings_of
from asyncwb.sweeps.limits import FailureLimits
from asyncwb.sweeps.path import SweepPath, sweep_path
from asyncwb.sweeps.processes import ProcessJob
from asyncwb.sweeps.service import Service
from asyncwb.sweeps.tasks import TaskJob
from asyncwb.sweeps.threads import FunctionJob
from asyncwb.sweeps.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from asyncwb.graphql.sweep_operations import Command, SweepNode
    from asyncwb.settings import Settings
    from asyncwb.sweeps.jobs import Job

__all__ = ["AgentResult", "SweepAgent", "agent"]

_INTERVAL_SECONDS = 5.0
_LOCAL_INTERVAL_SECONDS = 1.0
_EXIT_GRACE_SECONDS = 2.0


class AgentResult(msgspec.Struct, frozen=True):
    """What an agent has done.

    Attributes:
        finished: Runs that ended well.
        failed: Runs that ended with an error.
        stopped: Runs that the server had stopped before their time.
        ended_by: Why it ended: the sweep had no more runs, `count` was reached, too many runs
            failed, or the sweep was deleted.
    """

    finished: int
    failed: int
    stopped: int
    ended_by: Literal["sweep", "count", "failures", "deleted"]


async def agent(
    sweep_id: str,
    function: Callable[[], object] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    *,
    workers: int = 1,
    max_consecutive_failed_runs: int | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
) -> AgentResult:
    """Carry out the runs of a sweep until it has no more.

    Each run is a call of `function`, whose first `init()` begins the run: with the id that the
    server chose, and with the parameters in `run.config`, where they win over the script's own
    values. An async function runs in the caller's event loop, a plain one in a thread. Without a
    function, the program of the sweep's config is run as a process.

    A run that raises counts as failed and the next one begins. Where the server wants a run
    stopped, an async function is cancelled, a plain one gets a KeyboardInterrupt and a process
    SIGTERM, then SIGKILL. The same happens to all of them when this call is cancelled; it then
    returns when they have ended.

    Args:
        sweep_id: What `sweep` returned; or `id`, `project/id`, `entity/project/id`.
        function: Called without arguments for each run.
        entity: User or team; None: that of the sweep id, then the settings.
        project: Project; None: that of the sweep id, then the settings.
        count: Most runs, of all workers together; None: no limit.
        workers: Runs at the same time.
        max_consecutive_failed_runs: Give up when so many runs in a row have failed.
        settings: A `Settings`, or a dict of its fields; also for the `init()` of the function.

    Returns:
        How many runs ended how, and why there are no more.

    Raises:
        InvalidValueError: An argument has a wrong type or value.
        UsageError: There is no such sweep, or it names no program to run.
        AuthenticationError: No key, or the server refused it.
        CommError: The server cannot be reached at the start; later it is asked again and again.
    """
    resolved = await PORTAL.in_thread(settings_of, settings)
    made = SweepAgent(
        sweep_path(sweep_id, entity, project, resolved),
        function,
        settings=resolved,
        count=count,
        workers=workers,
        max_consecutive_failed_runs=max_consecutive_failed_runs,
    )
    return await made.run()


class SweepAgent:
    """What `agent` runs; its arguments, checked."""

    def __init__(
        self,
        path: SweepPath,
        function: Callable[[], object] | None,
        *,
        settings: Settings,
        count: int | None,
        workers: int,
        max_consecutive_failed_runs: int | None,
    ) -> None:
        if function is not None and not callable(function):
            raise InvalidValueError(f"function is called for each run, got {function!r}")
        for name, value in (
            ("count", count),
            ("workers", workers),
            ("max_consecutive_failed_runs", max_consecutive_failed_runs),
        ):
            _check_number(name, value)
        self._path = path
        self._function = function
        self._settings = settings
        self._left = count
        self._workers = workers if count is None else min(workers, count)
        self._service = Service(settings)
        self._terminal = Terminal(settings)
        self._limits = FailureLimits(settings, max_consecutive_failed_runs)
        self._stopped = 0
        self._enough = anyio.Event()
        self._jobs: set[Job] = set()
        self._command: Sequence[str] | None = None
        self._deleted = False
        self._gave_up = False
        self._error: Error | None = None

    async def run(self) -> AgentResult:
        """Carry out runs until there are no more.

        Raises:
            UsageError: There is no such sweep, or it names no program to run.
        """
        node = await self._service.find(self._path)
        place = node.project
        if place is not None:
            entity = self._path.entity if place.entity is None else place.entity.name
            self._path = SweepPath(entity, place.name, node.name)
        if self._function is None:
            config = await PORTAL.in_thread(_read, node, self._path)
            self._command = command_of(config)
            if names_no_program(config):
                raise UsageError(
                    f"sweep {self._path} names no program to run: add `program` (or a `command`) "
                    "to its config, or give agent() a function"
                )
        self._terminal.line(f"sweep {self._path}: {self._workers} agent(s) at work")
        unregister = self._watch_exit()
        try:
            async with anyio.create_task_group() as group:
                for _ in range(self._workers):
                    group.start_soon(self._work)
        finally:
            unregister()
        if self._error is not None:
            raise self._error
        return self._result()

    def force(self) -> None:
        """Kill what can be killed of the runs that do not end."""
        for job in list(self._jobs):
            job.force()

    def _watch_exit(self) -> Callable[[], None]:
        """In asyncwb's own loop the interpreter may end around us: no program outlives it."""
        if not PORTAL.in_loop() or self._function is not None:
            return _nothing
        seconds = self._settings.agent_kill_delay + _EXIT_GRACE_SECONDS
        return PORTAL.on_exit(self._end_at_exit, budget_seconds=seconds)

    async def _end_at_exit(self, _budget_seconds: float) -> None:
        self._enough.set()
        while self._jobs:
            for job in list(self._jobs):
                job.end()
            await anyio.sleep(0.05)

    async def _work(self) -> None:
        try:
            await self._work_on()
        except Error as error:
            # The others end what they are at; the caller gets the first one.
            self._error = self._error or error
            self._enough.set()

    async def _work_on(self) -> None:
        agent_id = await self._service.register(self._path)
        worker = Worker(self._service, agent_id, self._interval(), self._terminal)
        while self._reserve():
            command = await worker.next_run(self._enough)
            if command is None:
                self._give_back()
                break
            await self._carry_out(worker, command)
        self._deleted = self._deleted or worker.gone

    async def _carry_out(self, worker: Worker, command: Command) -> None:
        values = {key: entry.get("value") for key, entry in command.args.items()}
        job = await self._job(command, values)
        told = ", ".join(f"{key}={value}" for key, value in values.items())
        self._terminal.line(f"sweep {self._path.sweep_id}, run {command.run_id}: {told}")
        self._jobs.add(job)
        try:
            outcome = await worker.carry_out(command.run_id, job)
        finally:
            self._jobs.discard(job)
        if outcome == "stopped":
            self._stopped += 1
            return
        reason = self._limits.note(failed=outcome == "failed")
        if reason is not None and not self._gave_up:
            self._gave_up = True
            self._enough.set()
            self._terminal.warning(f"sweep {self._path.sweep_id}: the agent gives up, {reason}")

    async def _job(self, command: Command, parameters: dict[str, Any]) -> Job:
        settings = self._settings
        if self._function is None:
            program = await PORTAL.in_thread(
                partial(
                    prepare,
                    self._command,
                    program=command.program,
                    run_id=command.run_id,
                    parameters=parameters,
                    path=self._path,
                    settings=settings,
                    resumed=command.type == "resume",
                )
            )
            return ProcessJob(program, command.run_id, settings.agent_kill_delay, self._terminal)
        keywords = {
            "run_id": command.run_id,
            "sweep_id": self._path.sweep_id,
            "project": self._path.project,
            **({"entity": self._path.entity} if self._path.entity else {}),
            **({"resume": "allow"} if command.type == "resume" else {}),
        }
        assignment = Assignment(keywords, parameters, settings)
        # A user's coroutine has no place in asyncwb's own loop: it may block.
        if _is_async(self._function) and not PORTAL.in_loop():
            return TaskJob(self._function, assignment)  # type: ignore[arg-type]
        return FunctionJob(self._function, assignment)

    def _reserve(self) -> bool:
        """Take one of the runs that are left."""
        if self._left is not None:
            if self._left == 0:
                return False
            self._left -= 1
        return True

    def _give_back(self) -> None:
        if self._left is not None:
            self._left += 1

    def _interval(self) -> float:
        seconds = self._settings.agent_heartbeat_seconds
        if seconds is not None:
            return seconds
        local = urlsplit(self._settings.base_url).hostname in ("127.0.0.1", "::1", "localhost")
        return _LOCAL_INTERVAL_SECONDS if local else _INTERVAL_SECONDS

    def _result(self) -> AgentResult:
        reason: Literal["sweep", "count", "failures", "deleted"] = "sweep"
        if self._gave_up:
            reason = "failures"
        elif self._deleted:
            reason = "deleted"
        elif self._left == 0:
            reason = "count"
        return AgentResult(self._limits.finished, self._limits.failed, self._stopped, reason)


def _read(node: SweepNode, path: SweepPath) -> Mapping[str, Any]:
    """The config of a sweep, which may be anybody's."""
    import yaml

    try:
        config: Any = yaml.safe_load(node.config)
    except yaml.YAMLError as exc:
        raise ConfigError(f"the config of sweep {path} is not understood: {exc}", exc=exc) from exc
    return cast("dict[str, Any]", config) if isinstance(config, dict) else {}


def _is_async(function: object) -> bool:
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  an object with an async __call__
    )


def _check_number(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise InvalidValueError(f"{name} is an integer from 1, got {value!r}")


def _nothing() -> None:
    """For an agent that has nothing to undo."""
