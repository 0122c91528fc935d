"""Settings of one run or one Api: keyword > environment > settings files > default."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from asyncwb.types import Mode, Resume


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Resolved settings. Frozen; `repr` hides the key."""

    base_url: str = "https://api.wandb.ai"
    app_url: str | None = None
    api_key: str | None = None
    entity: str | None = None
    project: str | None = None
    mode: Mode = "online"
    root_dir: str = "."
    run_id: str | None = None
    run_name: str | None = None
    run_notes: str | None = None
    run_tags: tuple[str, ...] | None = None
    run_group: str | None = None
    run_job_type: str | None = None
    sweep_id: str | None = None
    resume: Resume | None = None
    host: str | None = None
    program: str | None = None
    git_remote_url: str | None = None
    git_commit: str | None = None
    username: str | None = None
    email: str | None = None
    silent: bool = False
    quiet: bool = False
    allow_val_change: bool = True
    init_timeout: float = 30.0
    on_init_failure: Literal["offline", "raise"] = "offline"
    http_timeout: float = 30.0
    file_timeout: float = 300.0
    exit_timeout: float = 30.0
    http2: Literal["auto", "h2c", "off"] = "auto"
    ca_file: str | None = None
    insecure: bool = False
    durability: Literal["auto", "row", "interval"] = "auto"
    step_order: Literal["keep", "warn", "raise"] = "keep"
    transmit_interval: float | None = None
    heartbeat_seconds: float = 30.0
    memory_limit_bytes: int = 64 * 1024 * 1024
    extra_http_headers: tuple[tuple[str, str], ...] = ()


def resolve(overrides: dict[str, Any] | None = None) -> Settings:
    """Build the settings from every source (to be written)."""
    raise NotImplementedError
