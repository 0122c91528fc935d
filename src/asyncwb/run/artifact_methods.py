"""Artifact and model methods of a run: their names and signatures, until artifacts are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ArtifactMethods"]

_OWN_FILES = "run.save() uploads files of the run itself"
_OTHERS_FILES = "files of a run can be read with Api().run(path).files()"


class ArtifactMethods:
    """What a run does with artifacts, models and custom charts; all of it raises for now."""

    def log_artifact(
        self,
        artifact_or_path: object,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("log_artifact", _OWN_FILES)

    def use_artifact(
        self,
        artifact_or_name: object,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("use_artifact", _OTHERS_FILES)

    def upsert_artifact(
        self,
        artifact_or_path: object,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("upsert_artifact", _OWN_FILES)

    def finish_artifact(
        self,
        artifact_or_path: object,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("finish_artifact", _OWN_FILES)

    def link_artifact(
        self, artifact: object, target_path: str, aliases: Sequence[str] | None = None
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("link_artifact", "link it in the web app")

    def log_model(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        aliases: Sequence[str] | None = None,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("log_model", _OWN_FILES)

    def use_model(self, name: str) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("use_model", _OTHERS_FILES)

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("link_model", _OWN_FILES)

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("log_code", _OWN_FILES)

    def plot_table(
        self,
        vega_spec_name: str,
        data_table: object,
        fields: Mapping[str, str],
        string_fields: Mapping[str, str] | None = None,
        split_table: bool = False,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        _refuse("plot_table", "log the numbers, and choose a chart in the web app", "charts")


def _refuse(name: str, meanwhile: str, topic: str = "artifacts") -> NoReturn:
    raise NotImplementedError(f"{name}() comes with {topic}, which asyncwb lacks yet; {meanwhile}")
