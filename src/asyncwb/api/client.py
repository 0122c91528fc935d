"""GraphQL of one's own, with the connection of an Api."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from asyncwb.errors import InvalidValueError
from asyncwb.graphql import Operation
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.graphql.service import Service

__all__ = ["Client"]


class Client:
    """Sends GraphQL documents; made by `Api.client`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __repr__(self) -> str:
        return f"<Client {self._service.settings.base_url}>"

    @property
    def app_url(self) -> str:
        """Address of the web app, with a slash at its end."""
        return self._service.settings.web_url.rstrip("/") + "/"

    @on_loop
    async def execute(
        self, document: str, variable_values: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send one document and wait for its data; it counts among the requests of the Api.

        A request that got no answer is sent again, so a mutation may be done twice.

        Args:
            document: GraphQL text with one operation.
            variable_values: Values of its variables.

        Returns:
            The `data` member of the answer.

        Raises:
            InvalidValueError: The document is no text, or a value cannot be written as JSON.
            CommError: The server refused or was not reached.
        """
        if not isinstance(document, str) or not document.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"a GraphQL document is a text, not {document!r}")
        named = re.search(r"\b(?:query|mutation)\s+(\w+)", document)
        # The server takes an empty name for none; the document has one operation.
        operation = Operation(named[1] if named else "", document, dict[str, Any])
        return await self._service.execute(operation, variable_values or {})
