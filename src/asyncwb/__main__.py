"""The `asyncwb` command, also `python -m asyncwb`."""

from __future__ import annotations

import sys

from asyncwb.errors import Error


def main() -> None:
    """Run the command line; ends the process with the exit codes of `docs/cli.md`."""
    try:
        from asyncwb.cli import app

        app(prog_name="asyncwb")
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in {"typer", "rich", "click"}:
            raise
        sys.exit("asyncwb: the command line needs typer and rich: pip install 'asyncwb[cli]'")
    except Error as exc:
        # Foreign errors are shown with their traceback: they are bugs, these are not.
        sys.exit(f"asyncwb: {exc.message}")


if __name__ == "__main__":
    main()
