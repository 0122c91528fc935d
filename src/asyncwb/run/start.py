"""The steps of starting a run: settings, folder and journal first, then the server."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb.errors import DeadlineError, InvalidValueError, UsageError
from asyncwb.journal.records import BranchPoint
from asyncwb.portal import PORTAL
from asyncwb.run.assignment import decided, parameters_of, take_assignment
from asyncwb.run.auto_resume import remember_run, remembered_run
from asyncwb.run.config_sources import config_values, file_defaults, filtered
from asyncwb.run.console.capture import CAPTURE
from asyncwb.run.context import add_run
from asyncwb.run.core import RunCore
from asyncwb.run.environment import find_program
from asyncwb.run.environment.program import in_notebook
from asyncwb.run.exit import EXIT_WATCH
from asyncwb.run.folder import make_folder, name_folder
from asyncwb.run.names import new_run_id
from asyncwb.run.nulls import NullJournal
from asyncwb.run.run import Run
from asyncwb.run.sigterm import SIGTERM_WATCH
from asyncwb.run.telemetry import Feature, Telemetry
from asyncwb.run.terminal import Terminal
from asyncwb.settings import Settings, resolve
from asyncwb.settings.checks import branch_point

if TYPE_CHECKING:
    from asyncwb.journal import Journal
    from asyncwb.run.assignment import Assignment
    from asyncwb.run.connection import Connection
    from asyncwb.run.folder import RunFolder
    from asyncwb.run.nulls import RunJournal
    from asyncwb.run.options import StartOptions
    from asyncwb.transport import TransportConfig
    from asyncwb.types import Reinit

__all__ = ["choose_reinit", "connect", "run_settings", "start"]

_DEFAULT_PROJECT = "uncategorized"


def start(options: StartOptions) -> tuple[Run, Connection | None]:
    """Make a run with its folder and journal. Blocks for files, never for the network.

    Returns:
        The run, and its connection (not started yet) when it is to be sent.
    """
    assignment = take_assignment()
    settings = run_settings(options, assignment)
    program = find_program(settings)
    settings = msgspec.structs.replace(settings, program=program.name or None)
    parameters = parameters_of(assignment, settings)
    config = {**_config(options, settings), **parameters}
    online = settings.mode in ("online", "shared")
    # Before anything is written: without a key nothing could ever be sent.
    destination = _destination(settings) if online else None
    start_time = time()
    terminal = Terminal(settings)
    folder, journal, file_journal = _place(settings, start_time)
    core = RunCore(
        settings=settings,
        journal=journal,
        folder=folder,
        terminal=terminal,
        encoder=_encoder(),
        start_time=start_time,
        program=program,
        telemetry=Telemetry(settings, _features(options, config)),
    )
    if settings.resume == "auto":
        remember_run(settings.root_dir, core.names.id)
    core.config.load(config)
    if parameters:
        core.config.lock(parameters, terminal.warning)
    # The writers of a shared run leave its name to the server, or to one of them.
    if not (online and options.wait) and not settings.is_shared:
        core.names.name = core.names.name or core.names.invented()
    branch = _branch(settings)
    core.recorder.begin(
        core.config.as_dict(),
        name=core.names.name or "",
        telemetry=core.telemetry.record(finished=False),
        environment=core.survey.environment,
        branch=branch,
    )
    if branch is not None:
        core.start_at(int(branch.value) + 1)
    run = Run(core)
    if assignment is not None:
        assignment.run = run
    connection = None
    if destination is not None and file_journal is not None:
        from asyncwb.run.connection import Connection

        connection = core.connection = Connection(
            file_journal,
            settings=settings,
            run_dir=folder.path,
            config=destination,
            stop=core.stop,
            rows=lambda: core.history.rows,
            artifacts=lambda: len(core.recorder.artifacts),
        )
    try:
        add_run(run)
        core.observers.start()
        EXIT_WATCH.start(settings.exit_timeout if online else None)
        SIGTERM_WATCH.start(run)
        _listen(core)
        core.system.start()
        if options.anonymous:
            terminal.warning("anonymous has no effect any more; leave it out")
        if not online and settings.mode != "disabled":
            terminal.line(f"run {settings.run_id} is offline, in {folder.path}")
    except BaseException:
        # Ctrl-C: nobody else could end it.
        core.abandon(run)
        raise
    core.survey.start()
    if connection is None:
        core.survey.conclude(None)
    return run, connection


def _listen(core: RunCore) -> None:
    """Begin to capture what the run wants of the console."""
    settings = core.settings
    if settings.mode == "disabled":
        return
    if settings.console != "off":
        CAPTURE.start(core.console)
    core.loggers.start()
    if settings.console == "redirect":
        core.terminal.warning(
            "console='redirect' is the same as 'wrap' here: what Python code prints is "
            "captured, what child processes and C libraries print is not"
        )


async def connect(run: Run, connection: Connection, wait: bool) -> None:
    """Start to send, and wait for the server's answer where asked to."""
    core = run._core  # pyright: ignore[reportPrivateUsage]
    settings = core.settings
    try:
        await PORTAL.ready()
        connection.start()
        connection.look_up(core.survey)
        if not wait and settings.resume is None:
            core.terminal.line(f"run {run.id} has started, in {core.folder.path}")
            return
        answered = await PORTAL.acall(connection.ready, settings.init_timeout)
        if answered and connection.looking_up:
            await PORTAL.acall(connection.account_known)
        if not answered and (settings.force or settings.on_init_failure == "raise"):
            raise DeadlineError(
                f"the server {settings.base_url} did not answer within {settings.init_timeout:g} s"
                f"{_cause(connection)}; raise init_timeout, or start with mode='offline'"
            )
    except BaseException:
        # Refused, or cancelled: such a run was never handed out, so nobody else can end it.
        connection.stop()
        core.abandon(run)
        raise
    if answered:
        core.take_answer()
        core.terminal.line(f"run {run.name or run.id}: {run.url} (local: {core.folder.path})")
    else:
        name = core.names.invented()
        if name is not None:
            core.names.set_name(name)
        core.terminal.warning(
            f"{settings.base_url} does not answer{_cause(connection)}; run {run.id} goes on in "
            f"{core.folder.path} and keeps trying. `asyncwb sync {core.folder.path}` sends what "
            "is left."
        )


def _destination(settings: Settings) -> TransportConfig:
    from asyncwb.sender.access import transport_config

    return transport_config(settings)


def _cause(connection: Connection) -> str:
    cause = connection.sender_status.last_error
    return f" ({cause})" if cause else ""


def run_settings(options: StartOptions, assignment: Assignment | None) -> Settings:
    """Put together what was given to `init` and what the environment says.

    Raises:
        InvalidValueError: A value that cannot be.
    """
    base = options.settings
    if base is None and assignment is not None:
        base = assignment.settings
    keywords = {**options.keywords, **decided(assignment)}
    given = {key: value for key, value in keywords.items() if value is not None}
    if isinstance(base, Settings):
        # Resolved before: only the keywords are new, and are checked like any other.
        overrides = {**msgspec.structs.asdict(base), **given}
        settings = resolve(overrides, environ={})
    else:
        if base is not None and not hasattr(base, "items"):
            raise InvalidValueError(f"settings is a Settings or a dict, got {type(base).__name__}")
        settings = resolve({**dict(base or {}), **given})
    run_id = settings.run_id
    if run_id is None and settings.resume == "auto":
        run_id = remembered_run(settings.root_dir)
    if settings.resume_from is not None:
        run_id, _ = branch_point("resume_from", settings.resume_from)
    label = settings.label
    if label is None and settings.is_shared:
        # Without one, nobody could tell the metrics and console lines of the writers apart.
        import platform

        label = f"{settings.host or platform.node()}-{new_run_id()}"
    return msgspec.structs.replace(
        settings,
        label=label,
        run_id=run_id or new_run_id(),
        project=settings.project or _DEFAULT_PROJECT,
    )


def choose_reinit(options: StartOptions) -> Reinit:
    """What is to happen to the live run.

    Raises:
        InvalidValueError: A value that cannot be.
        UsageError: Another run must be resumed, but the live one is to be returned.
    """
    settings = run_settings(options, None)
    reinit = settings.reinit or "create_new"
    if reinit == "default":
        reinit = "finish_previous" if in_notebook() else "return_previous"
    if reinit == "return_previous" and settings.resume == "must":
        raise UsageError(
            "resume='must', but another run is live and reinit says that it is returned; finish "
            "it first, or use reinit='create_new'"
        )
    return reinit


def _config(options: StartOptions, settings: Settings) -> dict[str, Any]:
    given = {} if options.config is None else config_values(options.config)
    return {
        **file_defaults(settings.config_paths),
        **filtered(given, options.include_keys, options.exclude_keys),
    }


def _features(options: StartOptions, config: dict[str, Any]) -> set[Feature]:
    given = {
        Feature.INIT_NAME: options.keywords.get("run_name") is not None,
        Feature.INIT_ID: options.keywords.get("run_id") is not None,
        Feature.INIT_CONFIG: bool(config),
    }
    return {feature for feature, is_used in given.items() if is_used}


def _branch(settings: Settings) -> BranchPoint | None:
    """The step of an earlier run at which this one begins."""
    for name in ("resume_from", "fork_from"):
        text: str | None = getattr(settings, name)
        if text is not None:
            run_id, step = branch_point(name, text)
            return BranchPoint(run_id, step, "_step")
    return None


def _place(settings: Settings, start_time: float) -> tuple[RunFolder, RunJournal, Journal | None]:
    run_id = settings.run_id or ""
    if settings.mode == "disabled":
        return name_folder(settings.root_dir, run_id, start_time), NullJournal(), None
    from asyncwb.journal import Journal

    folder = make_folder(
        settings.root_dir,
        run_id=run_id,
        offline=settings.mode == "offline",
        start_time=start_time,
    )
    journal = Journal.create(
        folder.journal_path,
        durability=settings.durability,
        memory_limit_bytes=settings.memory_limit_bytes,
    )
    return folder, journal, journal


def _encoder() -> Any:
    from asyncwb.journal.rows import RowEncoder

    return RowEncoder()
