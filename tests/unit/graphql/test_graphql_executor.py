"""What each kind of answer becomes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from asyncwb.errors import (
    AuthenticationError,
    CommError,
    GraphQLError,
    ProtocolError,
    ServerError,
)
from asyncwb.graphql import READ_POLICY, GraphQL, Operation
from asyncwb.transport import Response, RetryPolicy


class Thing(msgspec.Struct):
    name: str


class Data(msgspec.Struct):
    thing: Thing | None


THING = Operation("Thing", "query Thing { thing { name } }", Data)


class OneAnswer:
    def __init__(self, status: int, body: bytes, error: type[CommError] | None = None) -> None:
        self.answer = Response(status=status, headers={}, body=body, http_version="HTTP/1.1")
        self.error = error
        self.sent: list[tuple[str, Any, dict[str, Any]]] = []

    async def post(self, path: str, body: bytes, **options: Any) -> Response:
        self.sent.append((path, json.loads(body), options))
        if self.error is not None:
            raise self.error("refused", response=self.answer)
        return self.answer


def client(transport: OneAnswer) -> GraphQL:
    return GraphQL(transport)  # type: ignore[arg-type]


async def test_typed_data_and_what_is_sent() -> None:
    transport = OneAnswer(200, b'{"data": {"thing": {"name": "x", "extra": 1}}}')
    data = await client(transport).execute(THING, {"id": 3}, deadline_seconds=7)
    assert data.thing == Thing("x")
    path, body, options = transport.sent[0]
    assert path == "/graphql"
    assert body == {"operationName": "Thing", "query": THING.document, "variables": {"id": 3}}
    assert options["deadline_seconds"] == 7
    assert options["policy"] is READ_POLICY
    assert READ_POLICY.max_attempts <= 5
    policy = RetryPolicy(max_attempts=2)
    await client(transport).execute(THING, policy=policy, lane="bulk")
    assert transport.sent[1][2]["policy"] is policy
    assert transport.sent[1][2]["lane"] == "bulk"


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (b'{"errors": [{"message": "boom", "path": ["thing"]}]}', GraphQLError, "boom"),
        (b'{"errors": [{"message": "a"}, {"message": "b"}]}', GraphQLError, "and 1 more"),
        (b'{"errors": [{"message": "half"}], "data": {"thing": 3}}', GraphQLError, "half"),
        (b'{"errors": [{"message": "x"}], "data": {"thing": {"name": "y"}}}', GraphQLError, "x"),
        (b'{"errors": [{}]}', GraphQLError, "without a message"),
        (b'{"data": null}', ProtocolError, "no data"),
        (b"{}", ProtocolError, "no data"),
        (b'{"data": {"thing": {"name": 3}}}', ProtocolError, "name"),
        (b"<html>hello</html>", ProtocolError, "base URL"),
        (b"", ProtocolError, "base URL"),
        (b"[]", ProtocolError, "base URL"),
    ],
)
async def test_answers_200_that_hold_no_data(
    body: bytes, error: type[CommError], message: str
) -> None:
    transport = OneAnswer(200, body)
    with pytest.raises(error, match=message) as caught:
        await client(transport).execute(THING)
    assert "Thing" in str(caught.value)
    assert caught.value.response is transport.answer
    assert len(transport.sent) == 1


async def test_an_empty_list_of_errors_is_no_error() -> None:
    transport = OneAnswer(200, b'{"errors": [], "data": {"thing": null}}')
    assert (await client(transport).execute(THING)).thing is None


async def test_a_refusal_4xx_names_the_first_message() -> None:
    transport = OneAnswer(400, b'{"errors": [{"message": "unknown field zzz"}]}', CommError)
    with pytest.raises(GraphQLError, match="unknown field zzz") as caught:
        await client(transport).execute(THING)
    assert isinstance(caught.value.exc, CommError)
    assert caught.value.response is transport.answer


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"errors": [{"message": "no"}]}', AuthenticationError),
        (500, b'{"errors": [{"message": "no"}]}', ServerError),
        (404, b"<html>", CommError),
        (400, b'{"error": "x"}', CommError),
    ],
)
async def test_other_failures_pass_unchanged(
    status: int, body: bytes, error: type[CommError]
) -> None:
    with pytest.raises(error) as caught:
        await client(OneAnswer(status, body, error)).execute(THING)
    assert type(caught.value) is error


async def test_the_same_message_twice_is_one_error() -> None:
    body = b'{"errors": [{"message": "a"}, {"message": "a"}]}'
    with pytest.raises(GraphQLError) as caught:
        await client(OneAnswer(200, body)).execute(THING)
    assert str(caught.value) == "Thing: a"
