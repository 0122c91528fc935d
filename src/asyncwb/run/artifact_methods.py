"""What a live run does with artifacts: the methods of `Run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.errors import Error, InvalidValueError, UsageError
from asyncwb.run.attributes import RunAttributes

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from asyncwb.artifacts.artifact import Artifact

__all__ = ["RunArtifacts"]


class RunArtifacts(RunAttributes):
    """Logs, uses and links artifacts.

    What is logged is in the journal when a call returns: the version is uploaded in the
    background, after an outage or a crash by `asyncwb sync`, and exactly once. Files that were
    added as "mutable" are copied by then, and may change.
    """

    async def log_artifact(  # sync: here
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        tags: Sequence[str] | str | None = None,
    ) -> Artifact:
        """Log a version of an artifact as made by this run. Never waits for the network.

        Returns when the version is in the journal; `await artifact.wait()` returns when the
        server has it, `flush` and `finish` wait for it too. Versions of one artifact arrive in
        the order in which they were logged. Content that the artifact had before is not stored
        again: its version gets the aliases.

        Args:
            artifact_or_path: An `Artifact`; or a file, a folder, or a URI such as
                `s3://bucket/path`, of which one is made.
            name: Name of an artifact made of a path; None: `run-<id>-<base name>`.
            type: Type of one made of a path; None: `unspecified`.
            aliases: Aliases besides `latest`.
            tags: Tags of the version.

        Returns:
            The artifact; its content does not change any more.

        Raises:
            InvalidValueError: There is no such path, a name, type, alias or tag that cannot be,
                or a version that lives in another project. That the server has the artifact with
                another type is told by `wait`, `flush` and `finish`.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        log = self._core.artifacts
        artifact = await log.prepare(artifact_or_path, name, type)
        return await log.log(artifact, aliases, tags)

    async def use_artifact(  # sync: here
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Get a version to read, and note that this run reads it.

        A name is looked up on the server, which this waits for; the rest is done by the sender.
        A draft is logged first, as made by nobody, and waited for.

        Args:
            artifact_or_name: `name:alias`, `name:version`, with `project/` or `entity/project/`
                in front where it is not the run's; or an artifact.
            type: Type that a version found by name has to have.
            aliases: Aliases of a draft.
            use_as: Accepted for compatibility; has no effect, as in the `wandb` package.

        Returns:
            The version; in a disabled run an empty draft stands in for one found by name.

        Raises:
            ArtifactNotFoundError: There is no such version (also a ValueError).
            InvalidValueError: Another type, a path of another form, or neither name nor artifact.
            UsageError: The run is offline, where nothing can be looked up.
            CommError: The server refused or was not reached.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        from asyncwb.artifacts.artifact import Artifact

        log, mode = self._core.artifacts, self._core.settings.mode
        if isinstance(artifact_or_name, str):
            if mode == "disabled":
                base = artifact_or_name.rpartition("/")[2].partition(":")[0]
                return Artifact(base, type or "unspecified")
            if log.offline:
                raise UsageError(
                    "an offline run cannot look up artifacts: use one in an online run, or log "
                    "what you have as a draft"
                )
            return await log.use(await log.api.artifact(artifact_or_name, type))
        if not isinstance(artifact_or_name, Artifact):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(
                "use_artifact() takes a name such as 'data:latest', or an artifact, not "
                f"{artifact_or_name!r}"
            )
        if not artifact_or_name.is_draft():
            return await log.use(artifact_or_name)
        artifact = await log.log(artifact_or_name, aliases, output=False, used=True)
        return artifact if log.offline else await artifact.wait()

    async def upsert_artifact(  # sync: here
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add to a version that several runs write together. Never waits for the network.

        The version is complete after `finish_artifact`, by any of them and once.

        Args:
            artifact_or_path: As for `log_artifact`: what this run adds.
            name: Name of an artifact made of a path.
            type: Type of one made of a path.
            aliases: Aliases besides `latest`.
            distributed_id: What the writers share; None: the run's group.

        Returns:
            The artifact.

        Raises:
            InvalidValueError: As `log_artifact`; or neither a group nor `distributed_id`.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        return await self._add(
            "upsert_artifact()", artifact_or_path, name, type, aliases, distributed_id, last=False
        )

    async def finish_artifact(  # sync: here
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add the last part of a version that several runs write. Never waits for the network.

        What comes later under the same `distributed_id` begins another version.

        Args:
            artifact_or_path: As for `log_artifact`: what this run adds.
            name: Name of an artifact made of a path.
            type: Type of one made of a path.
            aliases: Aliases besides `latest`.
            distributed_id: What the writers share; None: the run's group.

        Returns:
            The artifact; `wait` returns when the version is complete.

        Raises:
            InvalidValueError: As `log_artifact`; or neither a group nor `distributed_id`.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        return await self._add(
            "finish_artifact()", artifact_or_path, name, type, aliases, distributed_id, last=True
        )

    async def _add(
        self,
        call: str,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None,
        type: str | None,
        aliases: Sequence[str] | str | None,
        distributed_id: str | None,
        *,
        last: bool,
    ) -> Artifact:
        self._check_open()
        shared = distributed_id or self._core.settings.run_group
        if not shared:
            raise InvalidValueError(
                f"{call} needs what the writers share: give distributed_id, or init(group=...)"
            )
        log = self._core.artifacts
        artifact = await log.prepare(artifact_or_path, name, type)
        return await log.log(artifact, aliases, distributed_id=shared, finalize=last)

    async def link_artifact(  # sync: here
        self,
        artifact: Artifact,
        target_path: str,
        aliases: Sequence[str] | str | None = None,
    ) -> Artifact:
        """Link an artifact into a collection of links, for example of a registry.

        A draft is logged first. Online, this waits until the server has the version and the
        link; offline it returns at once, and `asyncwb sync` makes the link.

        Args:
            artifact: The artifact.
            target_path: `wandb-registry-<registry>/<collection>`, or `collection`,
                `project/collection`, `entity/project/collection`; missing parts are the run's.
            aliases: Aliases there.

        Returns:
            The version as it is reached through the link; offline the artifact itself.

        Raises:
            InvalidValueError: The path has another form, or as `log_artifact`.
            CommError: The server refused or was not reached.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        return await self._core.artifacts.link(artifact, target_path, aliases)

    async def log_code(  # sync: here
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Log the source code below a folder, as an artifact of the type `code`.

        Never waits for the network; the folder is walked, and files are copied, in a thread.

        Args:
            root: The folder; None: no files of a folder.
            name: Name of the artifact; None: `source-<project>-<path of the program>`. With one
                name, runs share an artifact and equal code is one version.
            include_fn: Called with a path, or with a path and the absolute `root`: whether the
                file is code. None: `*.py`, `requirements.txt` and `Dockerfile*`.
            exclude_fn: Called likewise: whether to leave it out. None: what lies in folders
                `wandb` and `.wandb` right below `root`.

        Returns:
            The artifact; None, with a warning, where no file was found.

        Raises:
            InvalidValueError: A name that cannot be, or a file that cannot be read.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        from asyncwb.run.code import code_artifact, code_name

        core = self._core
        artifact = await code_artifact(
            name or code_name(core.names.project, core.program), root, include_fn, exclude_fn
        )
        if artifact is None:
            core.terminal.warning(f"log_code(): there is no code below {root}")
            return None
        await core.artifacts.log(artifact)
        core.survey.code_is_logged = True
        core.recorder.config_reserved("code_path", artifact.name)
        return artifact

    async def _log_code_dir(self) -> None:
        """At the start: log the code that the settings name. A failure is a warning."""
        settings = self._core.settings
        if settings.code_dir is None or not settings.save_code or settings.disable_code:
            return
        try:
            await self.log_code(settings.code_dir)
        except Error as exc:
            self._core.terminal.warning(f"the code in {settings.code_dir} is not logged: {exc}")
