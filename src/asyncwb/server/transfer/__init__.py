"""All that a server keeps, from one place to another: backups, restoring, moving.

A place is a database and blobs. A backup is one as well: a data folder, on which a server starts.
"""

from .job import Report, transfer
from .places import Place

__all__ = ["Place", "Report", "transfer"]
