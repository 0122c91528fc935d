"""`asyncwb agent`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asyncwb.sweeps.agent import AgentResult, SweepAgent


def agent(
    sweep: Annotated[
        str, typer.Argument(metavar="SWEEP", help="id, project/id or entity/project/id.")
    ],
    count: Annotated[int | None, typer.Option("--count", min=1, help="Most runs.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Runs at the same time.")] = 1,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Project.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="User or team.")] = None,
    max_consecutive_failed_runs: Annotated[
        int | None,
        typer.Option(
            "--max-consecutive-failed-runs", min=1, help="Failed runs in a row to end at."
        ),
    ] = None,
) -> None:
    """Run the program of a sweep's config with the parameters that the server chooses.

    Ctrl-C (or SIGTERM) ends the runs, then the agent; again kills them.
    """
    import anyio

    from asyncwb.settings import resolve
    from asyncwb.sweeps.agent import SweepAgent
    from asyncwb.sweeps.path import sweep_path

    settings = resolve()
    path = sweep_path(sweep, entity, project, settings)

    async def main() -> AgentResult | None:
        return await _run(
            SweepAgent(
                path,
                None,
                settings=settings,
                count=count,
                workers=jobs,
                max_consecutive_failed_runs=max_consecutive_failed_runs,
            )
        )

    result = anyio.run(main)
    if result is None:
        raise typer.Exit(130)
    typer.echo(
        f"{result.finished} run(s) finished, {result.failed} failed, {result.stopped} stopped."
    )
    if result.ended_by == "failures":
        raise typer.Exit(1)


async def _run(agent: SweepAgent) -> AgentResult | None:
    """Run an agent; None when a signal ended it."""
    import anyio

    from asyncwb.errors import Error

    result: AgentResult | None = None
    failure: Error | None = None
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(_watch_signals, agent, scope)
            try:
                result = await agent.run()
            except Error as error:
                # Not out of the group, which would wrap it.
                failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return result


async def _watch_signals(agent: SweepAgent, scope: object) -> None:
    import signal

    import anyio

    assert isinstance(scope, anyio.CancelScope)
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if scope.cancel_called:
                agent.force()
            else:
                typer.echo("Ending the runs; once more kills them.", err=True)
                scope.cancel()
