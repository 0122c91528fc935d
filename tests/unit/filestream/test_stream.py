"""`FileStream` over a transport that answers from a list."""

from __future__ import annotations

import json
from typing import Any, cast

from asyncwb.errors import AuthenticationError, CommError
from asyncwb.filestream import HISTORY, Block, Chunk, FileStream
from asyncwb.transport import Response, Transport


class FakeTransport:
    multiplexed = False

    def __init__(self, *answers: bytes | CommError) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[str, bytes, dict[str, Any]]] = []

    async def post(self, path: str, body: bytes, **options: Any) -> Response:
        self.posts.append((path, body, options))
        answer = self.answers.pop(0)
        if isinstance(answer, CommError):
            raise answer
        return Response(200, {"ratelimit-remaining": "3"}, answer)


def stream(fake: FakeTransport, **options: Any) -> FileStream:
    names = {"entity": "acme", "project": "my proj", "run_id": "é+%"} | options
    return FileStream(cast("Transport", fake), **names)


async def test_path_segments_are_percent_encoded() -> None:
    fake = FakeTransport(b"{}")
    await stream(fake).send(Chunk())
    assert fake.posts[0][0] == "/files/acme/my%20proj/%C3%A9+%25/file_stream"
    assert fake.posts[0][1] == b"{}"
    assert stream(fake, entity=None).path == "/files/my%20proj/%C3%A9+%25/file_stream"


async def test_any_body_is_an_answer_and_stopped_is_read() -> None:
    fake = FakeTransport(
        b"", b"null", b"[]", b"stopped", b'{"stopped": false}', b'{"stopped":true}'
    )
    sender = stream(fake)
    answers = [await sender.send(Chunk()) for _ in range(6)]
    assert [answer.stopped for answer in answers] == [False] * 5 + [True]
    assert all(answer.error is None for answer in answers)


async def test_a_refusal_ends_the_stream_and_is_returned_not_raised() -> None:
    refusal = AuthenticationError("no")
    fake = FakeTransport(b"{}", refusal)
    sender = stream(fake)
    row = Chunk(blocks=[Block(HISTORY, 0, [b"{}"])])
    assert (await sender.send(row)).bytes_sent > 0
    answer = await sender.send(row)
    assert (answer.error, answer.bytes_sent) == (refusal, 0)
    assert (await sender.send(row)).error is refusal
    assert len(fake.posts) == 2


async def test_what_is_repeated_and_for_how_long() -> None:
    fake = FakeTransport(b"{}")
    await stream(fake).send(Chunk())
    policy = fake.posts[0][2]["policy"]
    assert {408, 429, 500, 502, 503} <= policy.retry_statuses
    assert not {400, 401, 403, 404, 409, 410, 413, 422, 501} & policy.retry_statuses
    assert fake.posts[0][2]["deadline_seconds"] == 7 * 24 * 3600
    assert policy.max_attempts > 10_000


async def test_headers_of_answers_are_told() -> None:
    seen: list[str] = []
    fake = FakeTransport(b"{}")
    sender = stream(fake, on_answer=lambda r: seen.append(r.headers["ratelimit-remaining"]))
    await sender.send(Chunk())
    assert seen == ["3"]


async def test_live_bodies_stay_small_where_runs_share_a_connection() -> None:
    line = b'{"a":1.5,"b":"text"}' * 10
    live = Chunk(blocks=[Block(HISTORY, 7, [line] * 1000)], uploaded=["f"], exit_code=0)
    backlog = Chunk(blocks=[Block(HISTORY, 0, [line] * 1500)])
    assert live.size == 200_000

    alone = FakeTransport(b"{}")
    await stream(alone).send(live)
    assert len(alone.posts) == 1

    shared = FakeTransport(*[b"{}"] * 6)
    shared.multiplexed = True
    answer = await stream(shared).send(live)
    bodies = [json.loads(body) for _, body, _ in shared.posts]
    assert max(len(body) for _, body, _ in shared.posts) <= 65_536
    assert answer.bytes_sent == sum(len(body) for _, body, _ in shared.posts)
    offsets = [body["files"][HISTORY]["offset"] for body in bodies]
    counts = [len(body["files"][HISTORY]["content"]) for body in bodies]
    assert (offsets[0], sum(counts)) == (7, 1000)
    assert offsets[1:] == [o + c for o, c in zip(offsets, counts, strict=True)][:-1]
    assert [("complete" in body, "uploaded" in body) for body in bodies] == [
        *[(False, False)] * (len(bodies) - 1),
        (True, True),
    ]
    shared.posts.clear()
    await stream(shared).send(backlog)
    assert len(shared.posts) == 1
