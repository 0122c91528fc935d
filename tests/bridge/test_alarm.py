"""The alarm that an idle sender sleeps on."""

from __future__ import annotations

import anyio

from asyncwb.portal.alarm import Alarm

LONG = 3600.0


async def test_a_ring_ends_a_sleep_and_a_ring_while_awake_the_next_one() -> None:
    alarm = Alarm()
    woken: list[str] = []

    async def sleeper() -> None:
        await alarm.sleep(LONG)
        woken.append("first")
        alarm.ring()
        await alarm.sleep(LONG)
        woken.append("second")

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(sleeper)
            await anyio.sleep(0.01)
            assert woken == []
            alarm.ring()
            alarm.ring()
    assert woken == ["first", "second"]


async def test_a_sleep_ends_by_itself_and_leaves_no_ring_behind() -> None:
    alarm = Alarm()
    with anyio.fail_after(30):
        await alarm.sleep(0.01)
        await alarm.sleep(0)
        await alarm.sleep(-1.0)
    with anyio.move_on_after(0.05) as scope:
        await alarm.sleep(LONG)
    assert scope.cancelled_caught


async def test_a_cancelled_sleep_can_be_repeated() -> None:
    alarm = Alarm()
    with anyio.move_on_after(0.01) as scope:
        await alarm.sleep(LONG)
    assert scope.cancelled_caught
    alarm.ring()
    with anyio.fail_after(30):
        await alarm.sleep(LONG)
