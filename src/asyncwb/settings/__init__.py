"""Settings of one run or one Api.

Order, first hit wins: keyword > environment > `./wandb/settings` > `$WANDB_CONFIG_DIR/settings` >
the background embedded server (only where nothing names a server or a key) > default.
"""

from __future__ import annotations

from asyncwb.settings.background import BackgroundServer, background_server, state_path
from asyncwb.settings.fields import ALIASES, ENVIRONMENT, Settings
from asyncwb.settings.resolution import resolve
from asyncwb.settings.sources import config_dir

__all__ = [
    "ALIASES",
    "ENVIRONMENT",
    "BackgroundServer",
    "Settings",
    "background_server",
    "config_dir",
    "resolve",
    "state_path",
]
