"""`asyncwb sweep`."""

from __future__ import annotations

from typing import Annotated

import typer

_STATES = {"pause": "PAUSED", "resume": "RUNNING", "stop": "FINISHED", "cancel": "CANCELED"}
_OVER = ("FINISHED", "CANCELED")


def sweep(
    config_or_sweep: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|SWEEP", help="YAML file of a new sweep, or the sweep to change."
        ),
    ],
    project: Annotated[str | None, typer.Option("--project", "-p", help="Project.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="User or team.")] = None,
    prior_runs: Annotated[
        list[str] | None,
        typer.Option("--prior-run", "-R", help="Run that becomes part of it; may be repeated."),
    ] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Begin no runs for now.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after that.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Begin no more runs.")] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Begin no more runs, and stop those that run.")
    ] = False,
) -> None:
    """Make a sweep of a YAML file, or pause, resume, stop or cancel one."""
    from asyncwb.portal import PORTAL

    asked = {"pause": pause, "resume": resume, "stop": stop, "cancel": cancel}
    changes = [_STATES[name] for name, wanted in asked.items() if wanted]
    if len(changes) > 1:
        raise typer.BadParameter("Only one of --pause, --resume, --stop, --cancel.")
    if changes:
        where = PORTAL.call(_change, config_or_sweep, entity, project, changes[0])
        typer.echo(f"Sweep {where} is {changes[0].lower()} now.")
        return
    from asyncwb.sweeps.create import sweep as make

    made = PORTAL.call(make, config_or_sweep, entity, project, prior_runs, settings={"quiet": True})
    path = "/".join(part for part in (made.entity, made.project, made) if part)
    typer.echo(f"Sweep {path} is ready. Run it: asyncwb agent {path}")


async def _change(sweep: str, entity: str | None, project: str | None, state: str) -> str:
    from asyncwb.errors import UsageError
    from asyncwb.portal import PORTAL
    from asyncwb.settings import resolve
    from asyncwb.sweeps.path import sweep_path
    from asyncwb.sweeps.service import Service

    settings = await PORTAL.in_thread(resolve)
    path = sweep_path(sweep, entity, project, settings)
    service = Service(settings)
    found = await service.find(path)
    if found.state in _OVER and state != "RUNNING":
        raise UsageError(f"sweep {path} is {found.state.lower()} already")
    await service.set_state(found, path, state)
    return str(path)
