"""`POST /graphql`."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    execute,  # pyright: ignore[reportUnknownVariableType]
    get_operation_ast,
    parse,
    validate,
)

from asyncwb.server.executor import Executor
from asyncwb.server.jsontext import decode_as
from asyncwb.server.problems import Problem, invalid
from asyncwb.server.resolvers.context import Context, Services
from asyncwb.server.resolvers.server import make_schema

from .answers import base_url, json_response, packed_response, read_body, writer_of
from .documents import check_document

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["GraphQLEndpoint"]

_log = logging.getLogger("asyncwb.server")
_CACHED_DOCUMENTS = 500
# the checks compare every two fields of one name; the longest document of the SDK has about 1,500
_MAX_TOKENS = 6000
# longer texts that are new are read in a thread, so that other requests do not wait
_THREAD_FROM = 4000


class _Body(msgspec.Struct):
    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None


_body = msgspec.json.Decoder(_Body)


class _Documents:
    """Parsed and validated documents, most recently used ones kept."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: OrderedDict[str, DocumentNode] = OrderedDict()

    async def get(self, text: str) -> DocumentNode:
        """The document of a text.

        Raises:
            GraphQLError: It is not GraphQL.
            Problem: It does not fit the schema (400).
        """
        document = self._known.get(text)
        if document is None:
            if len(text) >= _THREAD_FROM:
                document = await asyncio.to_thread(self._read, text)
            else:
                document = self._read(text)
            self._known[text] = document
            if len(self._known) > _CACHED_DOCUMENTS:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(text)
        return document

    def _read(self, text: str) -> DocumentNode:
        document = parse(text, no_location=True, max_tokens=_MAX_TOKENS)
        errors = validate(self._schema, document)
        if errors:
            raise invalid("; ".join(error.message for error in errors[:5]))
        return document


class GraphQLEndpoint:
    """Executes operations.

    Args:
        services: What resolvers work with.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._schema = make_schema()
        self._documents = _Documents(self._schema)

    async def handle(self, request: Request) -> Response:
        """Answer one request: 200 with `data`, or the status of what went wrong with `errors`."""
        services = self._services
        user = await services.authenticator.user(request)
        raw = await read_body(request, services.config.max_body_bytes)
        try:
            body = decode_as(_body, raw)
        except (msgspec.MsgspecError, Problem) as exc:
            raise invalid(f"not a GraphQL request: {exc}") from exc
        try:
            document = await self._documents.get(body.query)
        except GraphQLError as exc:
            raise invalid(exc.message) from exc
        name = body.operationName or None
        operation = get_operation_ast(document, name)
        if operation is None:
            raise invalid("the document has no such operation, or several and none was named")
        check_document(document, operation, body.variables)
        writer = writer_of(request, "x-wandb-client-id")
        context = Context(services, user, base_url(request, services.config), writer)
        pending = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=body.variables,
            operation_name=name,
            executor_class=Executor,
        )
        result = await pending if isawaitable(pending) else pending
        if context.obsolete_blobs:
            await services.blobs.remove(context.obsolete_blobs)
        if result.errors:
            return _failed(result)
        return await packed_response({"data": result.data}, request)


def _failed(result: ExecutionResult) -> Response:
    """A refusal has its own status; a fault of the server is a 500 and its cause stays here."""
    status = 200
    messages: list[dict[str, Any]] = []
    for error in result.errors or ():
        cause = error.original_error
        entry: dict[str, Any] = {"message": error.message, "path": error.path}
        if isinstance(cause, Problem):
            status = max(status, cause.status)
        elif cause is not None and not isinstance(cause, GraphQLError):
            _log.error("a resolver failed at %s", error.path, exc_info=cause)
            status, entry["message"] = 500, "internal server error"
        elif error.path is None:
            status = max(status, 400)  # variables that do not fit
        messages.append(entry)
    return json_response({"errors": messages, "data": result.data}, status)
