"""Write a draft of the script that changes tables: `python tools/migration.py "what changes"`.

It compares an SQLite database, made by the scripts that are there, with the tables in the code.
Read what it writes: a column that is renamed looks like one that goes and one that comes. Then set
`HEAD` in `asyncwb/server/migrations/__init__.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations.ops import CreateIndexOp, CreateTableOp
from sqlalchemy import create_engine

from asyncwb.server.migrations import FOLDER
from asyncwb.server.storage.migration import upgrade


def main(message: str) -> None:
    """Write the next script."""
    number = len(list((FOLDER / "versions").glob("[0-9]*.py"))) + 1
    with create_engine("sqlite://").begin() as connection:
        if number > 1:
            upgrade(connection)
        config = Config(attributes={"connection": connection, "batch": number > 1})
        config.set_main_option("script_location", str(FOLDER))
        config.set_main_option("path_separator", "os")
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        script: Any = command.revision(
            config,
            message,
            autogenerate=True,
            rev_id=f"{number:04}",
            process_revision_directives=_unless_there if number == 1 else None,
        )
    Path(script.path).write_text(re.sub(r"(?m)^ *# ###.*\n", "", Path(script.path).read_text()))
    for command_line in (["ruff", "check", "--fix", "--quiet", "--exit-zero"], ["ruff", "format"]):
        subprocess.run([*command_line, script.path], check=True, stdout=subprocess.DEVNULL)


def _unless_there(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """The first script meets databases from before there were scripts, which have its tables."""
    for operation in directives[0].upgrade_ops.ops:
        if isinstance(operation, CreateTableOp | CreateIndexOp):
            operation.if_not_exists = True
        for inner in getattr(operation, "ops", ()):
            inner.if_not_exists = True


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
