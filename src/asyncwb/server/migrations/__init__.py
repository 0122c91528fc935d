"""Changes of the tables from release to release, as Alembic scripts in `versions/`.

A change of a table needs a script: `python tools/migration.py "what changes"` writes a draft. The
tests compare what all scripts make with the tables in the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "HEAD"]

HEAD: Final = "0004"
"""The newest script; a test sees that it is. Asking Alembic would cost every start its import."""

FOLDER = Path(__file__).parent
