"""The database: readers do not wait, and jobs that share a commit do not touch each other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


async def test_reads_do_not_wait_for_a_long_write(tmp_path: Path) -> None:
    from asyncwb.server.storage.database import Database
    from asyncwb.server.storage.tables import entities

    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()
    reached, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def long_write(connection: object) -> int:
        connection.execute(entities.insert().values(name="e", created_at=0.0))  # type: ignore[attr-defined]
        loop.call_soon_threadsafe(reached.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)
        return 1

    def count(connection: object) -> int:
        return len(connection.execute(entities.select()).all())  # type: ignore[attr-defined]

    write = asyncio.create_task(database.write(long_write))
    await reached.wait()
    assert await asyncio.wait_for(database.read(count), 5) == 0
    release.set()
    assert await write == 1
    assert await database.read(count) == 1
    await database.close()


async def test_a_job_that_fails_does_not_touch_the_ones_it_shares_a_commit_with(
    tmp_path: Path,
) -> None:
    from asyncwb.server.storage.database import Database
    from asyncwb.server.storage.tables import entities

    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()

    def add(number: int, connection: object) -> int:
        connection.execute(entities.insert().values(name=f"e{number}", created_at=0.0))  # type: ignore[attr-defined]
        if number % 3 == 0:
            raise ValueError(number)
        return number

    results = await asyncio.gather(
        *(database.write(lambda c, n=n: add(n, c)) for n in range(20)),  # type: ignore[misc]
        return_exceptions=True,
    )
    names = await database.read(lambda c: [row.name for row in c.execute(entities.select())])
    await database.close()
    assert sorted(names) == sorted(f"e{n}" for n in range(20) if n % 3)
    assert [r for r in results if isinstance(r, int)] == [n for n in range(20) if n % 3]
    assert sum(isinstance(r, ValueError) for r in results) == 7
