"""What one run tells about its environment, found out in the background."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from asyncwb.journal.records import (
    ConfigRecord,
    EnvironmentRecord,
    FileItem,
    FilesRecord,
    Git,
    Item,
    RunRecord,
    Timestamp,
)
from asyncwb.jsonx import encode
from asyncwb.portal import PORTAL
from asyncwb.run.environment.program import relative_to
from asyncwb.run.environment.surveyor import SURVEYOR, Latch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.journal.records import Body
    from asyncwb.run.environment.git import Repository
    from asyncwb.run.environment.program import Program
    from asyncwb.run.recorder import Recorder
    from asyncwb.settings import Settings

__all__ = ["Account", "Survey"]

_log = logging.getLogger("asyncwb.run")

_PATIENCE_SECONDS = 10.0
"""From the start of a run: longer than that its end does not wait for a probe."""

_WRITING_SECONDS = 0.5
_OWN = 1


class Account(NamedTuple):
    """What the server says about the user, as far as a run's environment is concerned.

    Attributes:
        email: E-mail address; "" unknown.
        saves_code: Whether the account's settings want code saved; None: they do not say.
    """

    email: str = ""
    saves_code: bool | None = None


class Survey:
    """Finds out, records and writes what a run tells about its environment.

    Two steps, both in the surveyor's thread: the first looks at machine, packages and
    repository, the second needs to know whose run it is, and saves code and metadata. Nothing
    here raises, and whoever waits for it waits for a bounded time.

    Args:
        settings: The run's settings.
        recorder: Where findings are recorded.
        files: The run's folder of files.
        program: What runs.
        start_time: Start of the run in Unix seconds.
    """

    def __init__(
        self,
        settings: Settings,
        recorder: Recorder,
        files: Path,
        *,
        program: Program,
        start_time: float,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._putting = Lock()
        # The config then names the artifact, not the script that this saves.
        self.code_is_logged = False
        self._code_path: ConfigRecord | None = None
        self._files = files
        self._program = program
        self._repository: Repository | None = None
        self._deadline = time.monotonic() + _PATIENCE_SECONDS
        self._records: list[Body] = []
        self._written = 0
        self._found, self._done = Latch(), Latch()
        # Who takes the ticket begins the second step; that is atomic, in signal handlers too.
        self._tickets = [True]
        if settings.mode == "disabled":
            self.drop()
        self.environment = self._at_once(start_time)

    @property
    def wants_account(self) -> bool:
        """Whether it matters whose run this is."""
        return not (self._settings.disable_machine_info or self._done.is_open)

    def start(self) -> None:
        """Begin the first step. Returns at once."""
        if not self._done.is_open:
            self._submit(self._look)

    def conclude(self, account: Account | None) -> None:
        """Begin the second step; None: nobody says whose run this is. Returns at once.

        The first call counts.
        """
        if self._tickets:
            with suppress(IndexError):
                self._tickets.pop()
                self._submit(partial(self._tell, account or Account()), last=True)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of both steps, for what is left of ten seconds from the start."""
        self.conclude(None)
        SURVEYOR.hurry()
        left = self._deadline - time.monotonic()
        left = max(0.0, left if timeout is None else min(left, timeout))
        if self._found.wait(left) and not self._done.wait(min(left, _WRITING_SECONDS)):
            # A signal handler waits here for a thread that waits for the journal, which the code
            # that it interrupted holds. It is let in, and what both write is no harm.
            self._write()

    async def settled(self, timeout: float | None) -> None:
        """`wait` without holding up the caller's event loop."""
        self.conclude(None)
        if not self._done.is_open:
            await PORTAL.in_thread(self.wait, timeout)

    def drop(self) -> None:
        """The run never came to be: touch nothing of it any more."""
        self._tickets.clear()
        # A file that is being written would bring back the folder that is removed next.
        with self._putting:
            self._end()

    def _end(self) -> None:
        self._found.open()
        self._done.open()

    def _submit(self, step: Callable[[], None], *, last: bool = False) -> None:
        try:
            SURVEYOR.submit(partial(self._do, step, last))
        except RuntimeError as exc:
            _log.debug("the environment of the run stays unknown: %r", exc)
            self._end()

    def _do(self, step: Callable[[], None], last: bool) -> None:
        if self._done.is_open:
            return
        try:
            step()
        except Exception as exc:  # noqa: BLE001  whatever it is, the run goes on without
            _log.debug("the environment of the run is incomplete: %r", exc)
        if last:
            self._found.open()
            try:
                self._write()
            except Exception as exc:  # noqa: BLE001  the run has ended, for example
                _log.debug("the environment of the run is not told: %r", exc)
            self._done.open()
            # A run lives long after its survey.
            self.environment = self._repository = None
            self._records = []

    def _write(self) -> None:
        records = self._records
        for number in range(self._written, len(records)):
            record = records[number]
            if not (self.code_is_logged and record is self._code_path):
                self._recorder.write(record)
            self._written = number + 1

    # -- what is known at once --------------------------------------------------------------

    def _at_once(self, start_time: float) -> EnvironmentRecord | None:
        """What a run that is killed right away still tells; None: nothing shall be told."""
        import platform
        import sys

        settings, program = self._settings, self._program
        if settings.disable_meta or settings.disable_machine_info:
            return None
        system = platform.uname()
        return EnvironmentRecord(
            os="-".join((system.system, system.release, system.machine)),
            python=f"{platform.python_implementation()} {platform.python_version()}",
            started_at=Timestamp.at(start_time),
            docker=settings.docker or "",
            args=program.args,
            program=program.name,
            email=settings.email or "",
            root=program.folder,
            host=settings.host or platform.node(),
            username=settings.username or "",
            executable=sys.executable or "",
            slurm=_slurm(),
            writer_id=self._recorder.writer_id,
        )

    # -- the first step ---------------------------------------------------------------------

    def _look(self) -> None:
        settings = self._settings
        if not settings.disable_machine_info:
            if not settings.disable_git:
                self._look_at_repository()
            if self.environment is not None:
                from asyncwb.run.environment.machine import machine_facts

                self._note(**SURVEYOR.recall("machine", machine_facts))
        if settings.save_requirements:
            from asyncwb.run.environment.packages import requirements

            text = SURVEYOR.recall("packages", partial(requirements, SURVEYOR.pause))
            self._put("requirements.txt", text.encode())

    def _look_at_repository(self) -> None:
        from asyncwb.run.environment.git import find_repository

        settings = self._settings
        folder = settings.git_root or self._program.folder
        probe = partial(find_repository, folder, settings.git_remote)
        found = SURVEYOR.recall((folder, settings.git_remote), probe)
        self._repository = found
        url = settings.git_remote_url or (found.remote_url if found else "")
        commit = settings.git_commit or (found.commit if found else "")
        if url or commit:
            git = Git(url, commit)
            run_id, project = settings.run_id or "", settings.project or ""
            self._records.append(RunRecord(run_id=run_id, project=project, git=git))
            self._note(git=git)

    @property
    def _root(self) -> str:
        return self._repository.root if self._repository is not None else self._program.folder

    def _note(self, **facts: Any) -> None:
        if self.environment is not None:
            self.environment = msgspec.structs.replace(self.environment, **facts)

    # -- the second step --------------------------------------------------------------------

    def _tell(self, account: Account) -> None:
        if self._settings.disable_machine_info:
            return
        code_path = relative_to(self._root, self._program.file)
        if self._may_save_code(account):
            self._save_code(code_path)
        self._note(
            code_path=code_path,
            code_path_local=relative_to(self._program.folder, self._program.file),
        )
        if account.email and not self._settings.email:
            self._note(email=account.email)
        if self.environment is not None:
            self._records.append(self.environment)
            self._write_metadata(self.environment)

    def _may_save_code(self, account: Account) -> bool:
        settings = self._settings
        if settings.disable_code or settings.save_code is False or not settings.primary:
            return False
        # An account that forbids it counts more than a script that asks for it.
        return bool(settings.save_code if account.saves_code is None else account.saves_code)

    def _save_code(self, code_path: str) -> None:
        if code_path and self._program.file is not None:
            name = f"code/{code_path}"
            with open(self._program.file, "rb") as file:
                self._put(name, file.read())
            path = Item(nested_key=["_wandb", "code_path"], value_json=encode(name).decode())
            self._code_path = ConfigRecord(update=[path])
            self._records.append(self._code_path)
        if self._repository is not None:
            from asyncwb.run.environment.git import save_patches

            patches = save_patches(self._repository.root, self._files)
            if patches:
                self._upload(*patches)

    def _write_metadata(self, environment: EnvironmentRecord) -> None:
        from asyncwb.journal.metadata import metadata_json

        self._put("wandb-metadata.json", metadata_json(environment))

    def _put(self, name: str, data: bytes) -> None:
        """Write a file of the run, unless the user has saved one of that name.

        Of several writers the primary one alone does.
        """
        if not self._settings.primary:
            return
        path = self._files / name
        with self._putting:
            if self._done.is_open:
                return
            if not os.path.lexists(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        self._upload(name)

    def _upload(self, *names: str) -> None:
        self._records.append(FilesRecord(files=[FileItem(name, type=_OWN) for name in names]))


def _slurm() -> dict[str, str]:
    return {
        name.removeprefix("SLURM_").lower(): value
        for name, value in os.environ.items()
        if name.startswith("SLURM_")
    }
