"""Artifacts of one live run: drafts become records of its journal, which the sender saves."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from asyncwb.api.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.fields import new_client_id
from asyncwb.artifacts.names import check_aliases, check_tags
from asyncwb.artifacts.recording import record_of
from asyncwb.errors import ForkedError, InvalidValueError, UsageError
from asyncwb.journal.records import ArtifactLink, UseArtifactRecord
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncwb.artifacts.progress import TransferProgress
    from asyncwb.run.core import RunCore
    from asyncwb.settings import Settings

__all__ = ["ArtifactLog", "safe_name"]

_LONGEST_NAME = 128
_NAME_PART = 63


class ArtifactLog:
    """What a run does with artifacts.

    Args:
        core: The run.
    """

    def __init__(self, core: RunCore) -> None:
        self._core = core
        self._api: Api | None = None

    @property
    def offline(self) -> bool:
        """Whether no server can be asked."""
        return self._core.settings.mode != "online" or self._core.connection is None

    @property
    def settings(self) -> Settings:
        """Settings in which the run's own place is the default one."""
        names = self._core.names
        return msgspec.structs.replace(
            self._core.settings, entity=names.entity, project=names.project
        )

    @property
    def api(self) -> Api:
        """The read side, for paths seen from the run."""
        if self._api is None:
            self._api = Api(settings=self.settings)
        return self._api

    async def prepare(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None,
        type: str | None,
    ) -> Artifact:
        """The artifact itself, or a new one with what a path leads to.

        Raises:
            InvalidValueError: It is neither, nothing is there, or a name or type that cannot be.
        """
        if isinstance(artifact_or_path, Artifact):
            return artifact_or_path
        if not isinstance(artifact_or_path, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(
                "an artifact, or the path of a file or folder, or a URI such as s3://bucket/path "
                f"can be logged, not {artifact_or_path!r}"
            )
        path = os.fspath(artifact_or_path)
        base = os.path.basename(path.rstrip("/")) or "files"
        artifact = Artifact(
            name or safe_name(f"run-{self._core.names.id}-{base}"), type or "unspecified"
        )
        if await PORTAL.in_thread(os.path.isfile, path):
            await artifact.add_file(path)
        elif await PORTAL.in_thread(os.path.isdir, path):
            await artifact.add_dir(path)
        elif "://" in path:
            await artifact.add_reference(path)
        else:
            raise InvalidValueError(
                f"there is no file or folder {path!r}, and it is no URI such as s3://bucket/path"
            )
        return artifact

    async def log(
        self,
        artifact: Artifact,
        aliases: Sequence[str] | str | None = None,
        tags: Sequence[str] | str | None = None,
        *,
        output: bool = True,
        used: bool = False,
        distributed_id: str | None = None,
        finalize: bool = True,
    ) -> Artifact:
        """Ask for a version of an artifact. Returns when that is in the journal.

        Args:
            artifact: A draft; or a version, which gets aliases and tags, and counts as made by
                this run.
            aliases: More than `latest`.
            tags: Tags of the version.
            output: Whether the run made it.
            used: Whether the run uses it.
            distributed_id: What several writers share.
            finalize: Whether the version is complete with this.

        Raises:
            InvalidValueError: Bad aliases or tags, or a version of another project.
        """
        wanted = list(dict.fromkeys(["latest", *check_aliases(aliases)]))
        labels = check_tags(tags)
        if not artifact.is_draft():
            self._check_home(artifact)
            await artifact.load()
        # Encoded in a thread: of ten thousand files it takes a twentieth of a second.
        return await PORTAL.in_thread(
            self.log_now,
            artifact,
            wanted,
            labels,
            output=output,
            used=used,
            distributed_id=distributed_id,
            finalize=finalize,
        )

    def log_now(
        self,
        artifact: Artifact,
        aliases: Sequence[str] = ("latest",),
        tags: Sequence[str] = (),
        *,
        output: bool = True,
        used: bool = False,
        distributed_id: str | None = None,
        finalize: bool = True,
        step: int | None = None,
    ) -> Artifact:
        """Write the record that asks for a version. Blocks for as long as its entries are many.

        Args:
            artifact: A draft, or a version that is loaded.
            aliases: All of them.
            tags: Tags of the version.
            output: See `log`.
            used: See `log`.
            distributed_id: See `log`.
            finalize: See `log`.
            step: Step of the history that it belongs to; None: the next one.
        """
        core = self._core
        artifact.finalize()
        if distributed_id is not None:
            artifact.distributed_id = distributed_id
        if step is None:
            step = core.history.step
        run_id = core.names.id
        draft = artifact._draft(  # pyright: ignore[reportPrivateUsage]
            entity=core.names.entity,
            project=core.names.project,
            run_id=run_id if output else None,
            user_run_id=run_id if used else None,
            aliases=aliases,
            tags=tags,
            history_step=None if core.settings.is_shared else step,
            finalize=finalize,
        )
        if artifact._is_on_its_way:  # pyright: ignore[reportPrivateUsage]
            # A sync after a crash asks by this id whether the record is done.
            draft.client_id = new_client_id()
        position = core.recorder.artifact(record_of(draft))
        core.hurry()
        if artifact.is_draft():
            artifact._expect(partial(self._wait, position), self.api._service)  # pyright: ignore[reportPrivateUsage]
        return artifact

    async def _wait(
        self,
        position: int,
        timeout: float | None,
        progress: Callable[[TransferProgress], object] | None = None,
    ) -> str | None:
        core = self._core
        if core.forked:
            raise ForkedError("the artifact was logged by the parent process; wait for it there")
        if core.settings.mode == "disabled":
            return None
        if core.connection is None:
            raise UsageError(
                "the run is offline: the version is there once the run is synced, by "
                f"`asyncwb sync {core.folder.path}`"
            )
        return await PORTAL.acall(core.connection.wait_artifact, position, timeout, progress)

    def _check_home(self, artifact: Artifact) -> None:
        names = self._core.names
        for what, there, here in (
            ("entity", artifact.source_entity, names.entity),
            ("project", artifact.source_project, names.project),
        ):
            if here and there and here != there:
                raise InvalidValueError(
                    f"{artifact.source_qualified_name} lives in the {what} {there!r} and cannot "
                    f"move to {here!r}: link it, or log its content under this run as a new draft"
                )

    async def use(self, artifact: Artifact) -> Artifact:
        """Note that the run uses a version. Returns when that is in the journal."""
        record = UseArtifactRecord(
            id=artifact.id or "", type=artifact.type, name=artifact.qualified_name
        )
        self._core.recorder.artifact(record)
        self._core.hurry()
        return artifact

    async def link(
        self, artifact: Artifact, target: str, aliases: Sequence[str] | str | None
    ) -> Artifact:
        """Link a version, or a draft, which is logged first; offline, the sync does it."""
        names, labels = self._core.names, check_aliases(aliases)
        target = _full_target(target, names.entity, names.project)
        if not isinstance(artifact, Artifact):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"an artifact can be linked, not {artifact!r}")
        if artifact.is_draft() and not artifact._is_on_its_way:  # pyright: ignore[reportPrivateUsage]
            await self.log(artifact)
        if self._core.settings.mode == "disabled":
            return artifact
        if not self.offline:
            return await (await artifact.wait()).link(target, labels)
        is_draft = artifact.is_draft()
        self._core.recorder.link(
            ArtifactLink(
                id="" if is_draft else artifact.id or "",
                client_id=artifact.client_id if is_draft else "",
                target=target,
                aliases=labels,
            ),
            run_id=names.id,
            project=names.project,
        )
        return artifact


def safe_name(name: str) -> str:
    """A name in which what an artifact's name cannot have is `_`, shortened in the middle."""
    clean = re.sub(r"[^a-zA-Z0-9_\-.]", "_", name)
    if len(clean) <= _LONGEST_NAME:
        return clean
    return f"{clean[:_NAME_PART]}..{clean[-_NAME_PART:]}"


def _full_target(target: str, entity: str | None, project: str) -> str:
    """A target whose missing parts are the run's; of a registry the organization is not."""
    from asyncwb.artifacts.names import REGISTRY_PREFIX

    parts = target.strip("/").split("/")
    if not 1 <= len(parts) <= 3 or not all(parts) or ":" in target:
        raise InvalidValueError(
            f"a link goes to [entity/]project/collection, without an alias, got {target!r}"
        )
    if len(parts) == 1:
        parts.insert(0, project)
    if len(parts) == 2 and entity and not parts[0].startswith(REGISTRY_PREFIX):
        parts.insert(0, entity)
    return "/".join(parts)
