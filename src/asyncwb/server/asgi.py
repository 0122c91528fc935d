"""The application for an ASGI server's command line.

granian --interface asgi --factory asyncwb.server.asgi:app_factory
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["app_factory"]


def app_factory() -> Starlette:
    """Make the application from the `ASYNCWB_SERVER_*` environment variables.

    Raises:
        KeyError: `ASYNCWB_SERVER_DATA_DIR` is not set.
    """
    from .app import create_app
    from .config import ServerConfig

    return create_app(ServerConfig.from_environment())
