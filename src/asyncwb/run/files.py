"""Files of a live run: the methods of `Run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from asyncwb.portal import PORTAL
from asyncwb.run.attributes import RunAttributes

if TYPE_CHECKING:
    import os

    from asyncwb.types import FilePolicy

__all__ = ["RunFiles"]


class RunFiles(RunAttributes):
    """Saves files with a run and gets them back."""

    async def save(  # sync: here
        self,
        glob_str: str | bytes | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: FilePolicy = "live",
        glob: bool = True,
    ) -> list[str]:
        """Save files with the run. Never waits for the network.

        The files are linked into the run's folder (copied where links cannot be made) and the
        request to upload them is in the journal when this returns; `flush` and `finish` wait for
        the server. The pattern is looked up once, now. A file that is the same as at its last
        upload is not sent again.

        Args:
            glob_str: A path or a pattern as Python's `glob` module has it: `*` and `?` stop at a
                slash. Relative to the working directory. Folders that match are left out.
            base_path: A folder above the files; their names in the run are relative to it.
                Default: the working directory, and for an absolute `glob_str` the folder that
                holds the files' folder, so that one level is kept.
            policy: "live": upload now, whenever the file changes, and at the end of the run;
                "now": upload once, now; "end": at the end of the run.
            glob: False: `glob_str` is the name of one file, whatever characters it holds.

        Returns:
            Where the files lie in the run's folder, sorted; empty when nothing matched, and for
            addresses in a cloud storage, which are not downloaded.

        Raises:
            InvalidValueError: Another policy, a path that does not lie below `base_path` or is
                the same, or a pattern whose first part below it is `*`.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        saving = self._core.saving
        selection = saving.prepare(glob_str, base_path, policy, expand=glob)
        if selection is None:
            return []
        return await PORTAL.in_thread(saving.save, selection, policy)

    async def restore(  # sync: here
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | os.PathLike[str] | None = None,
    ) -> TextIO | None:
        """Open a file of this run or another one, after downloading it where needed.

        Args:
            name: The file's path in the run's folder.
            run_path: `entity/project/run_id` of another run; None: this one.
            replace: Download even if the file is there already.
            root: The folder to put it in; None: this run's `dir`.

        Returns:
            The file, open for reading as text; None when the run has no such file. A run that is
            offline or disabled has only what is on this machine.

        Raises:
            InvalidValueError: The name leads out of the folder, or the server says that it knows
                no such file (also a ValueError).
            RunNotFoundError: There is no such run (also a ValueError).
            UsageError: The file cannot be read or written.
            CommError: The server refused or was not reached.
            ForkedError: The run belongs to the parent process.
        """
        self._check_process()
        from asyncwb.run.restoring import restore_file

        settings = self._core.settings
        if run_path is None and settings.mode != "offline":
            run_path = self.path
        return await restore_file(
            name,
            run_path,
            replace=replace,
            root=self.dir if root is None else root,
            settings=None if settings.mode == "disabled" else settings,
        )
