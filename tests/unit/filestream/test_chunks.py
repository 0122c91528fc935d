import json

from asyncwb.filestream import EVENTS, HISTORY, SUMMARY, Block, Chunk


def decoded(chunk: Chunk, **limits: int) -> list[dict[str, object]]:
    return [json.loads(body) for body in chunk.bodies(**limits)]


def test_an_empty_chunk_is_a_heartbeat() -> None:
    assert list(Chunk().bodies()) == [b"{}"]


def test_the_last_request_of_a_short_run_has_the_captured_shape() -> None:
    row = b'{"_step":0,"loss":NaN,"text":"a\\"b\\\\n \xc3\xa9 \\u0001"}'
    chunk = Chunk(
        blocks=[Block(HISTORY, 8, [row, b'{"_step":1}']), Block(SUMMARY, 0, [b'{"loss":1}'])],
        uploaded=["config.yaml"],
        exit_code=0,
    )
    assert decoded(chunk) == [
        {
            "files": {
                HISTORY: {"offset": 8, "content": [row.decode(), '{"_step":1}']},
                SUMMARY: {"offset": 0, "content": ['{"loss":1}']},
            },
            "uploaded": ["config.yaml"],
            "complete": True,
            "exitcode": 0,
        }
    ]


def test_too_much_for_one_body_is_split_with_offsets_that_go_on() -> None:
    rows = [b'{"n":%d}' % n for n in range(10)]
    chunk = Chunk(
        blocks=[Block(HISTORY, 5, rows), Block(EVENTS, 0, [b"{}"])],
        uploaded=["a"],
        preempting=True,
        exit_code=3,
    )
    bodies = decoded(chunk, max_bytes=22)
    seen = {}
    for body in bodies:
        block = body.get("files", {}).get(HISTORY)
        if block:
            assert sum(map(len, block["content"])) <= 22
            seen.update(enumerate(block["content"], block["offset"]))
    assert seen == {5 + n: row.decode() for n, row in enumerate(rows)}
    assert [body.get("preempting") for body in bodies] == [True] + [None] * (len(bodies) - 1)
    assert [body.get("complete") for body in bodies] == [None] * (len(bodies) - 1) + [True]
    assert bodies[-1]["exitcode"] == 3
    assert bodies[-1]["uploaded"] == ["a"]


def test_scattered_blocks_of_one_file_travel_in_separate_bodies() -> None:
    chunk = Chunk(blocks=[Block("output.log", 0, [b"a"]), Block("output.log", 4, [b"b"])])
    assert decoded(chunk) == [
        {"files": {"output.log": {"offset": 0, "content": ["a"]}}},
        {"files": {"output.log": {"offset": 4, "content": ["b"]}}},
    ]


def test_a_line_longer_than_a_body_travels_alone() -> None:
    chunk = Chunk(blocks=[Block(HISTORY, 0, [b"1", b"x" * 50, b"2"])])
    contents = [body["files"][HISTORY]["content"] for body in decoded(chunk, max_bytes=10)]  # type: ignore[index]
    assert contents == [["1"], ["x" * 50], ["2"]]
