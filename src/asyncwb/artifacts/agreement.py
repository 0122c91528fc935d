"""What a draft and a server must agree on before the draft is created there."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from asyncwb.artifacts.agreement_operations import (
    ARTIFACT_TYPE,
    DIGEST_ALGORITHM,
    XXHASH_ENABLED,
)
from asyncwb.artifacts.digest import file_digest
from asyncwb.errors import GraphQLError, InvalidValueError
from asyncwb.transport import TRANSIENT_STATUSES, RetryPolicy
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from asyncwb.artifacts.manifest import Manifest
    from asyncwb.artifacts.saver import Draft
    from asyncwb.graphql import GraphQL, Operation

__all__ = ["agree"]

T = TypeVar("T")

_POLICY = RetryPolicy(retry_statuses=TRANSIENT_STATUSES, max_attempts=20)
_CALL_SECONDS = 600.0


async def agree(graphql: GraphQL, draft: Draft) -> None:
    """Check the type of the draft, and have its digests made as the server takes them.

    Raises:
        InvalidValueError: The collection has another type, or a file is gone.
        CommError: The server was not reached.
    """
    await _check_type(graphql, draft)
    if draft.manifest.algorithm == "XXH128" and not await _takes_xxhash(graphql, draft):
        await offload(_rehash, draft.manifest)


async def _check_type(graphql: GraphQL, draft: Draft) -> None:
    answer = await _ask(
        graphql,
        ARTIFACT_TYPE,
        {"entity": draft.entity, "project": draft.project, "name": f"{draft.name}:latest"},
    )
    there = answer.project.artifact if answer is not None and answer.project is not None else None
    kind = there.artifact_type.name if there is not None and there.artifact_type else draft.type
    if kind != draft.type:
        raise InvalidValueError(
            f"the artifact {draft.name!r} exists with the type {kind!r}: it cannot get a version "
            f"of the type {draft.type!r}; choose another name, or that type"
        )


async def _takes_xxhash(graphql: GraphQL, draft: Draft) -> bool:
    enabled = await _ask(graphql, XXHASH_ENABLED, {"entityName": draft.entity or ""})
    if enabled is None or enabled.entity is None or not enabled.entity.xxhash_digests_enabled:
        return False
    found = await _ask(
        graphql,
        DIGEST_ALGORITHM,
        {
            "entityName": draft.entity or "",
            "projectName": draft.project,
            "artifactTypeName": draft.type,
            "artifactCollectionName": draft.name,
        },
    )
    kind = found.project.artifact_type if found is not None and found.project is not None else None
    collection = kind.artifact_collection if kind is not None else None
    used = collection.digest_algorithm if collection is not None else None
    return used in (None, "MANIFEST_XXH128")


async def _ask(graphql: GraphQL, operation: Operation[T], variables: dict[str, object]) -> T | None:
    """An answer; None where the server does not understand the question."""
    try:
        return await graphql.execute(
            operation, variables, policy=_POLICY, deadline_seconds=_CALL_SECONDS
        )
    except GraphQLError:
        return None


def _rehash(manifest: Manifest) -> None:
    """Make digests by MD5 of all files that are to be uploaded."""
    for entry in manifest:
        if entry.local_path is None:
            continue
        try:
            entry.digest, entry.size = file_digest(entry.local_path, "MD5")
        except OSError as exc:
            raise InvalidValueError(f"{entry.local_path!r} cannot be read: {exc}", exc=exc) from exc
        entry.extra = {key: value for key, value in entry.extra.items() if key != "alg"}
    manifest.algorithm = "MD5"
