"""Versions logged by the Saver alone, so that the object is tested without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.artifacts.saver import Saver
from asyncwb.graphql import GraphQL
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.api import Api
    from asyncwb.artifacts.artifact import Artifact


async def log(
    api: Api,
    artifact: Artifact,
    project: str = "demo",
    *,
    aliases: Sequence[str] = (),
    tags: Sequence[str] = (),
    run_id: str | None = None,
    user_run_id: str | None = None,
) -> Artifact:
    """Save a draft as a run would, and wait for what the server says of it."""

    async def save() -> str:
        transport = await api._service.transport()
        graphql = GraphQL(transport, deadline_seconds=30)
        draft = artifact._draft(
            entity=await api._service.entity(None),
            project=project,
            run_id=run_id,
            user_run_id=user_run_id,
            aliases=("latest", *aliases),
            tags=tags,
        )
        saved = await Saver(graphql, transport, deadline_seconds=60).save(draft)
        return saved.id

    artifact_id = await PORTAL.acall(save)

    async def found(*_: object) -> str:
        return artifact_id

    artifact._expect(found, api._service)
    return await artifact.wait()
