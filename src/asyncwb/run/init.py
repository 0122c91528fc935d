"""`init`: start a run."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal

from asyncwb.errors import InvalidValueError
from asyncwb.portal import PORTAL
from asyncwb.run.context import enter_run, previous_run
from asyncwb.run.options import StartOptions
from asyncwb.run.sigterm import SIGTERM_WATCH

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Mapping, Sequence
    from types import TracebackType

    from asyncwb.run.connection import Connection
    from asyncwb.run.run import Run
    from asyncwb.settings import Settings
    from asyncwb.types import Mode, Reinit, Resume

__all__ = ["RunInit", "init"]


def init(
    project: str | None = None,
    entity: str | None = None,
    *,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Mapping[str, Any] | str | os.PathLike[str] | object | None = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: Mode | None = None,
    force: bool | None = None,
    reinit: Reinit | bool | None = None,
    resume: Resume | bool | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    anonymous: object = None,
    settings: Settings | Mapping[str, Any] | None = None,
    wait: bool = True,
    init_timeout: float | None = None,
    on_init_failure: Literal["offline", "raise"] | None = None,
) -> RunInit:
    """Start a run.

    `run = await init(...)`, or `async with init(...) as run:`, which finishes the run at the end
    of the block: with exit code 0, or 1 after an exception.

    The run's folder and journal exist before any network request, and rows may be logged at
    once. Online, it waits at most `init_timeout` seconds until the server knows the run; the
    caller's event loop is never blocked. Offline and disabled runs never touch the network.

    Values not given come from the environment, the settings files and the defaults, in this
    order. Several runs may be live in one process; the new one becomes the current run of this
    task or thread.

    Args:
        project: Project; "uncategorized" when nothing names one.
        entity: User or team; None: the server decides.
        dir: Folder that holds `wandb/` with the run's folder; the working directory by default.
        id: Id, unique in the project; None: a random one.
        name: Display name; None: the server invents one.
        notes: Notes, as long as you like.
        tags: Tags of 1 to 64 characters.
        config: Inputs of the run: a mapping, a namespace (`argparse`), a dataclass, the flags of
            absl, or the path of a YAML file. They win over `config-defaults.yaml` in the working
            directory.
        config_exclude_keys: Keys of `config` to leave out.
        config_include_keys: The only keys of `config` to take; not together with the other.
        allow_val_change: Whether a config key that is set may change; True by default.
        group: Group of runs that belong together.
        job_type: Kind of run, for example "train".
        mode: "online", "offline" or "disabled".
        force: True: raise where the server is not there in time to accept the key, instead of
            going on without it.
        reinit: What happens to a live current run. "create_new" (also None): it lives on beside
            the new one; "finish_previous" (True): it is finished first; "return_previous"
            (False): it is returned and nothing else happens; "default": "finish_previous" in a
            notebook, "return_previous" elsewhere.
        resume: None: a new run. "allow" (also "auto", True): continue the run `id` if the server
            has it; "must": only continue; "never": only create. Needs the server's answer before
            the first row, so `wait=False` does not apply.
        resume_from: "RUN?_step=N": drop the rows of the run `RUN` behind step `N` and go on from
            there, at step `N + 1`. Of `resume`, `resume_from` and `fork_from` one can be given.
        fork_from: "RUN?_step=N": a new run that begins with the rows of `RUN` up to step `N`.
        save_code: Whether the script and a git diff are uploaded; None: as the account's
            settings say.
        tensorboard: The old name of `sync_tensorboard`.
        sync_tensorboard: Make rows of what TensorBoard writers log that are opened during the
            run, and upload their event files at its end.
        monitor_gym: Log the videos that gymnasium's and gym's recorders finish, as `videos`.
        anonymous: Without effect, as in the `wandb` package.
        settings: A `Settings`, or a dict of its fields; the keywords above win.
        wait: False: return before any reply of the server; `run.url` is then known later.
        init_timeout: Seconds to wait for the server; 30 by default.
        on_init_failure: What happens when the server is not there in time. "offline" (default):
            one warning, the run goes on, keeps trying in the background, and `asyncwb sync`
            sends what never left. "raise": an error.

    Returns:
        An object to await, or to use with `async with`; it yields the `Run`.

    Raises:
        InvalidValueError: An argument has a wrong type or value.
        AuthenticationError: No key, or the server refused it; says where keys come from.
        ConfigError: `config` cannot be read.
        UsageError: `resume` forbids what is there; or there is nothing to rewind.
        CommError: The server refused the run; or it cannot be reached and `on_init_failure` is
            "raise".
    """
    if config_include_keys is not None and config_exclude_keys is not None:
        raise InvalidValueError("give config_include_keys or config_exclude_keys, not both of them")
    return RunInit(
        StartOptions(
            keywords={
                "project": project,
                "entity": entity,
                "root_dir": dir,
                "run_id": id,
                "run_name": name,
                "run_notes": notes,
                "run_tags": tags,
                "run_group": group,
                "run_job_type": job_type,
                "mode": mode,
                "resume": resume,
                "resume_from": resume_from,
                "fork_from": fork_from,
                "reinit": reinit,
                "force": force,
                "save_code": save_code,
                "allow_val_change": allow_val_change,
                "sync_tensorboard": tensorboard if sync_tensorboard is None else sync_tensorboard,
                "monitor_gym": monitor_gym,
                "init_timeout": init_timeout,
                "on_init_failure": on_init_failure,
            },
            settings=settings,
            config=config,
            include_keys=config_include_keys,
            exclude_keys=config_exclude_keys,
            wait=wait,
            anonymous=anonymous is not None,
        )
    )


class RunInit(AbstractAsyncContextManager["Run"]):
    """A run about to start: await it, or use it with `async with`. Made by `init`."""

    def __init__(self, options: StartOptions) -> None:
        self._options = options
        self._run: Run | None = None

    def __await__(self) -> Generator[Any, Any, Run]:
        return self._begin().__await__()

    async def __aenter__(self) -> Run:
        return await self._begin()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._run is not None:
            await self._run.__aexit__(kind, error, trace)

    def _reinit_blocking(self) -> Reinit:
        """What is to happen to the live run; without one nothing is."""
        if previous_run() is None:
            return "create_new"
        from asyncwb.run.start import choose_reinit

        return choose_reinit(self._options)

    def _start_blocking(self) -> tuple[Run, Connection | None]:
        """Make the run and its journal: all of a start that needs no server and no event loop."""
        from asyncwb.run.start import start

        run, connection = start(self._options)
        self._run = run
        return run, connection

    def _abandon(self) -> None:
        """End a run whose start was cancelled: it was never handed out, so nobody else can."""
        run, self._run = self._run, None
        if run is not None:
            run._core.abandon(run)  # pyright: ignore[reportPrivateUsage]

    async def _begin(self) -> Run:
        if self._run is not None:
            return self._run
        previous = previous_run()
        if previous is not None:
            reinit = await PORTAL.in_thread(self._reinit_blocking)
            if reinit == "return_previous":
                self._run = previous
                return previous
            if reinit == "finish_previous":
                await previous.finish()
        # A first import, a slow file system: nothing that the caller's loop should stand still for.
        try:
            run, connection = await PORTAL.in_thread(self._start_blocking)
        except BaseException:
            self._abandon()
            raise
        enter_run(run)
        # That thread may not set a signal handler; the caller's may be the main one.
        SIGTERM_WATCH.start(run)
        if connection is not None:
            from asyncwb.run.start import connect

            await connect(run, connection, self._options.wait)
        await run._log_code_dir()  # pyright: ignore[reportPrivateUsage]
        return run
