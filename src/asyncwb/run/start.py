"""The steps of starting a run: settings, folder and journal first, then the server."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb.errors import DeadlineError, InvalidValueError, UnsupportedError
from asyncwb.portal import PORTAL
from asyncwb.run.auto_resume import remember_run, remembered_run
from asyncwb.run.config import as_mapping
from asyncwb.run.context import add_run
from asyncwb.run.core import RunCore
from asyncwb.run.exit import EXIT_WATCH
from asyncwb.run.folder import make_folder, name_folder
from asyncwb.run.names import new_run_id
from asyncwb.run.nulls import NullJournal
from asyncwb.run.run import Run
from asyncwb.run.terminal import Terminal
from asyncwb.settings import Settings, resolve

if TYPE_CHECKING:
    from asyncwb.journal import Journal
    from asyncwb.run.connection import Connection
    from asyncwb.run.folder import RunFolder
    from asyncwb.run.nulls import RunJournal
    from asyncwb.run.options import StartOptions
    from asyncwb.transport import TransportConfig

__all__ = ["connect", "start"]

_DEFAULT_PROJECT = "uncategorized"


def start(options: StartOptions) -> tuple[Run, Connection | None]:
    """Make a run with its folder and journal. Blocks for files, never for the network.

    Returns:
        The run, and its connection (not started yet) when it is to be sent.
    """
    settings = _settings(options)
    config = _config(options)
    online = settings.mode == "online"
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
    )
    if settings.resume == "auto":
        remember_run(settings.root_dir, core.names.id)
    core.config.load(config)
    core.recorder.begin(core.config.as_dict())
    run = Run(core)
    connection = None
    if destination is not None and file_journal is not None:
        from asyncwb.run.connection import Connection

        connection = core.connection = Connection(
            file_journal, settings=settings, run_dir=folder.path, config=destination
        )
    try:
        add_run(run)
        core.observers.start()
        EXIT_WATCH.start(settings.exit_timeout if online else None)
        if not online and settings.mode != "disabled":
            terminal.line(f"run {settings.run_id} is offline, in {folder.path}")
    except BaseException:
        # Ctrl-C: nobody else could end it.
        core.abandon(run)
        raise
    return run, connection


async def connect(run: Run, connection: Connection, wait: bool) -> None:
    """Start to send, and wait for the server's answer where asked to."""
    core = run._core  # pyright: ignore[reportPrivateUsage]
    settings = core.settings
    try:
        await PORTAL.ready()
        connection.start()
        if not wait and settings.resume is None:
            core.terminal.line(f"run {run.id} has started, in {core.folder.path}")
            return
        answered = await PORTAL.acall(connection.ready, settings.init_timeout)
        if not answered and settings.on_init_failure == "raise":
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


def _settings(options: StartOptions) -> Settings:
    base = options.settings
    if isinstance(base, Settings):
        given = {key: value for key, value in options.keywords.items() if value is not None}
        # Resolved before: only the keywords are new, and are checked like any other.
        overrides = {**msgspec.structs.asdict(base), **given}
        settings = resolve(overrides, environ={})
    else:
        if base is not None and not hasattr(base, "items"):
            raise InvalidValueError(f"settings is a Settings or a dict, got {type(base).__name__}")
        given = {key: value for key, value in options.keywords.items() if value is not None}
        settings = resolve({**dict(base or {}), **given})
    if settings.mode == "shared":
        raise UnsupportedError("mode='shared' (several writers of one run) is not available")
    run_id = settings.run_id
    if run_id is None and settings.resume == "auto":
        run_id = remembered_run(settings.root_dir)
    return msgspec.structs.replace(
        settings,
        run_id=run_id or new_run_id(),
        project=settings.project or _DEFAULT_PROJECT,
    )


def _config(options: StartOptions) -> dict[str, Any]:
    config = {} if options.config is None else as_mapping(options.config)
    if options.include_keys is not None:
        return {key: config[key] for key in options.include_keys if key in config}
    excluded = frozenset(options.exclude_keys or ())
    return {key: value for key, value in config.items() if key not in excluded}


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
