"""Models of a live run: artifacts whose type says so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from asyncwb.errors import ArtifactNotFoundError, ModelError, UsageError
from asyncwb.portal import PORTAL
from asyncwb.run.artifact_methods import RunArtifacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asyncwb.artifacts.artifact import Artifact

__all__ = ["RunModels"]

_MODEL = "model"
_REGISTRY = "model-registry"


class RunModels(RunArtifacts):
    """Logs, uses and links models."""

    async def log_model(  # sync: here
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        aliases: Sequence[str] | str | None = None,
    ) -> Artifact:
        """Log files as an artifact of the type `model`. Never waits for the network.

        Args:
            path: A file, a folder, or a URI such as `s3://bucket/path`.
            name: Name of the artifact; None: `run-<id>-<base name>`.
            aliases: Aliases besides `latest`.

        Returns:
            The artifact.

        Raises:
            InvalidValueError: There is no such path, or a name or alias that cannot be.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        return await self.log_artifact(path, name, _MODEL, aliases)

    async def use_model(self, name: str) -> str:  # sync: here
        """Note that this run reads a model, and download it.

        Args:
            name: `name:alias` or `name:version`, with `project/` or `entity/project/` in front
                where it is not the run's.

        Returns:
            The file, where the model is one file; else the folder.

        Raises:
            ModelError: The artifact's type does not contain "model" (also an AssertionError).
            ArtifactNotFoundError: There is no such version (also a ValueError).
            UsageError: The run is offline or disabled.
            CommError: The server refused or was not reached.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        log = self._core.artifacts
        if log.offline:
            raise UsageError("use_model() downloads from a server, which this run does not have")
        artifact = await log.api.artifact(name)
        _check_model(artifact)
        await log.use(artifact)
        folder = await artifact.download()
        return await PORTAL.in_thread(_only_file, folder)

    async def link_model(  # sync: here
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | str | None = None,
    ) -> Artifact:
        """Log a model and link it to a registered model of the project `model-registry`.

        Online, this waits until the server has both; offline `asyncwb sync` makes the link.

        Args:
            path: A file, a folder, or a URI such as `s3://bucket/path`.
            registered_model_name: Name of the registered model, made when it is missing.
            name: Name of the artifact; None: `run-<id>-<base name>`. One that exists gets a
                version, of its type.
            aliases: Aliases of the link.

        Returns:
            The version as it is reached through the link; offline the artifact itself.

        Raises:
            ModelError: `registered_model_name` is a path, or an artifact of that name has a type
                that does not contain "model" (also an AssertionError).
            InvalidValueError: There is no such path, or a name or alias that cannot be.
            CommError: The server refused or was not reached.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        if "/" in registered_model_name:
            raise ModelError(
                f"registered_model_name is a name without entity and project, got "
                f"{registered_model_name!r}"
            )
        log, kind = self._core.artifacts, _MODEL
        if name is not None and not log.offline:
            try:
                there = await log.api.artifact(f"{name}:latest")
            except ArtifactNotFoundError:
                pass
            else:
                _check_model(there)
                kind = there.type
        artifact = await log.prepare(path, name, kind)
        return await log.link(artifact, f"{_REGISTRY}/{registered_model_name}", aliases)


def _check_model(artifact: Artifact) -> None:
    if _MODEL not in artifact.type.lower():
        raise ModelError(
            f"{artifact.qualified_name} has the type {artifact.type!r}: the type of a model "
            "contains 'model'"
        )


def _only_file(folder: Path) -> str:
    found = os.listdir(folder)
    return str(folder / found[0]) if len(found) == 1 else str(folder)
