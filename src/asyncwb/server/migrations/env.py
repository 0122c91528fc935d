"""What Alembic runs: the scripts over the connection that it is given, in its transaction."""

from __future__ import annotations

from alembic import context

from asyncwb.server.migrations.comparing import other_default, other_type
from asyncwb.server.migrations.kinds import rendered
from asyncwb.server.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=other_type,
    compare_server_default=other_default,
    render_item=rendered,
    render_as_batch=context.config.attributes.get("batch", True),
)
context.run_migrations()
