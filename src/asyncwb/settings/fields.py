"""The settings and where each comes from: the one table that code, tests and docs follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import msgspec

from asyncwb.types import Mode, Resume  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ALIASES", "ENVIRONMENT", "Settings"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Resolved settings; build them with `resolve`.

    Frozen: `msgspec.structs.replace` makes a changed copy. `repr` hides the key and the values of
    extra headers. `docs/settings.md` lists every field with its environment variables.
    """

    base_url: str = "https://api.wandb.ai"
    """Address of the server, without a trailing slash; a path prefix is kept."""
    app_url: str | None = None
    """Address of the web app; None: derived from `base_url` (see `web_url`)."""
    api_key: str | None = None
    """Key for the server. None: looked up in netrc when needed (see `asyncwb.credentials`)."""
    entity: str | None = None
    """User or team; None: the server's default for the key."""
    project: str | None = None
    """Project; None: the server's `uncategorized`. At most 128 characters."""
    mode: Mode = "online"
    """`online`, `offline` (journal only), `disabled` (nothing at all), `shared` (many writers)."""
    root_dir: str = "."
    """Folder in which the `wandb` folder of runs lies."""
    run_id: str | None = None
    """Id of the run; None: eight random characters."""
    run_name: str | None = None
    """Display name; None: the server chooses."""
    run_notes: str | None = None
    """Free text about the run."""
    run_tags: tuple[str, ...] | None = None
    """Tags, 1 to 64 characters each."""
    run_group: str | None = None
    """Group of runs that belong together."""
    run_job_type: str | None = None
    """Kind of job, such as `train` or `eval`."""
    sweep_id: str | None = None
    """Sweep that the run belongs to."""
    resume: Resume | None = None
    """What to do when the run exists; None: start it afresh."""
    host: str | None = None
    """Host name shown with the run; None: this machine's."""
    program: str | None = None
    """Program shown with the run; None: the running script."""
    git_remote_url: str | None = None
    """Repository shown with the run."""
    git_commit: str | None = None
    """Commit shown with the run."""
    username: str | None = None
    """User that requests name, for keys that may act for others."""
    email: str | None = None
    """E-mail address that requests name, for keys that may act for others."""
    silent: bool = False
    """Print nothing at all."""
    quiet: bool = False
    """Print warnings only."""
    allow_val_change: bool = True
    """Whether a config key may get a second value."""
    init_timeout: float = 30.0
    """Seconds that `init` waits for the server."""
    on_init_failure: Literal["offline", "raise"] = "offline"
    """What `init` does without a server: go on offline with one warning, or raise."""
    http_timeout: float = 30.0
    """Seconds for one control request, retries included."""
    file_timeout: float = 300.0
    """Seconds for one file transfer, retries included."""
    exit_timeout: float = 30.0
    """Seconds that the exit of the interpreter waits for unsent rows."""
    http2: Literal["auto", "h2c", "off"] = "auto"
    """HTTP/2 when the server offers it, by prior knowledge on cleartext (`h2c`), or never."""
    ca_file: str | None = None
    """PEM file of certificate authorities; None: the platform's."""
    insecure: bool = False
    """Do not check the certificate of the server."""
    durability: Literal["auto", "row", "interval"] = "auto"
    """Write the journal with each row, in intervals of 50 ms, or by what the disk can do."""
    step_order: Literal["keep", "warn", "raise"] = "keep"
    """What to do with a row whose step went back; the row is kept unless it raises."""
    transmit_interval: float | None = None
    """Seconds between posts of rows; None: adapts from 1 to 15."""
    heartbeat_seconds: float = 30.0
    """Seconds of silence after which an empty post tells the server that the run lives."""
    memory_limit_bytes: int = 64 * 1024 * 1024
    """Bytes of rows kept in memory where no folder can be written."""
    artifact_dir: str | None = None
    """Folder that artifacts are downloaded to; None: `artifacts`."""
    cache_dir: str | None = None
    """Folder of the cache of artifact files; None: `~/.cache/wandb`."""
    data_dir: str | None = None
    """Folder of copies that wait for their upload; None: `~/.local/share/wandb`."""
    extra_http_headers: tuple[tuple[str, str], ...] = ()
    """Headers added to every request, as name and value pairs."""

    @property
    def web_url(self) -> str:
        """Address of the web app: `app_url`, else what `base_url` implies."""
        if self.app_url is not None:
            return self.app_url
        parts = urlsplit(self.base_url)
        host = parts.netloc
        if host.startswith("api.wandb."):
            host = host.removeprefix("api.")
        elif host.startswith("api."):
            host = "app." + host.removeprefix("api.")
        return f"{parts.scheme}://{host}{parts.path}"

    def __repr__(self) -> str:
        """Show what differs from the defaults, without secrets."""
        shown: list[str] = []
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            if field.name == "api_key":
                value = "[hidden]"
            elif field.name == "extra_http_headers":
                value = tuple((name, "[hidden]") for name, _ in value)
            shown.append(f"{field.name}={value!r}")
        return f"Settings({', '.join(shown)})"

    __str__ = __repr__

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same for rich, which would else show every field."""
        return [("settings", repr(self))]


ENVIRONMENT: Final[Mapping[str, tuple[str, ...]]] = {
    "base_url": ("WANDB_BASE_URL",),
    "app_url": ("WANDB_APP_URL",),
    "api_key": ("WANDB_API_KEY",),
    "entity": ("WANDB_ENTITY",),
    "project": ("WANDB_PROJECT",),
    "mode": ("WANDB_MODE",),
    "root_dir": ("WANDB_DIR",),
    "run_id": ("WANDB_RUN_ID",),
    "run_name": ("WANDB_NAME", "WANDB_RUN_NAME"),
    "run_notes": ("WANDB_NOTES", "WANDB_RUN_NOTES"),
    "run_tags": ("WANDB_TAGS", "WANDB_RUN_TAGS"),
    "run_group": ("WANDB_RUN_GROUP",),
    "run_job_type": ("WANDB_JOB_TYPE", "WANDB_RUN_JOB_TYPE"),
    "sweep_id": ("WANDB_SWEEP_ID",),
    "resume": ("WANDB_RESUME",),
    "host": ("WANDB_HOST",),
    "program": ("WANDB_PROGRAM",),
    "git_remote_url": ("WANDB_GIT_REMOTE_URL",),
    "git_commit": ("WANDB_GIT_COMMIT",),
    "username": ("WANDB_USERNAME",),
    "email": ("WANDB_USER_EMAIL",),
    "silent": ("WANDB_SILENT",),
    "quiet": ("WANDB_QUIET",),
    "allow_val_change": ("WANDB_ALLOW_VAL_CHANGE",),
    "init_timeout": ("WANDB_INIT_TIMEOUT",),
    "on_init_failure": ("ASYNCWB_ON_INIT_FAILURE",),
    "http_timeout": ("WANDB_HTTP_TIMEOUT",),
    "file_timeout": ("WANDB_FILE_PUSHER_TIMEOUT",),
    "exit_timeout": ("ASYNCWB_EXIT_TIMEOUT",),
    "http2": ("ASYNCWB_HTTP2",),
    "ca_file": ("ASYNCWB_CA_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    "insecure": ("WANDB_INSECURE_DISABLE_SSL", "ASYNCWB_INSECURE"),
    "durability": ("ASYNCWB_DURABILITY",),
    "step_order": ("ASYNCWB_STEP_ORDER",),
    "transmit_interval": ("ASYNCWB_TRANSMIT_INTERVAL", "WANDB__FILE_STREAM_TRANSMIT_INTERVAL"),
    "heartbeat_seconds": ("ASYNCWB_HEARTBEAT_SECONDS",),
    "memory_limit_bytes": ("ASYNCWB_MEMORY_LIMIT_BYTES",),
    "artifact_dir": ("WANDB_ARTIFACT_DIR",),
    "cache_dir": ("WANDB_CACHE_DIR",),
    "data_dir": ("WANDB_DATA_DIR",),
    "extra_http_headers": ("WANDB__EXTRA_HTTP_HEADERS", "WANDB_X_EXTRA_HTTP_HEADERS"),
}
"""Environment variables of each setting; the first that is set and not empty counts."""

ALIASES: Final[Mapping[str, str]] = {
    "x_extra_http_headers": "extra_http_headers",
    "x_file_stream_transmit_interval": "transmit_interval",
    "x_file_transfer_timeout_seconds": "file_timeout",
    "x_graphql_timeout_seconds": "http_timeout",
    "user_email": "email",
    "insecure_disable_ssl": "insecure",
    "dir": "root_dir",
    "id": "run_id",
    "name": "run_name",
    "notes": "run_notes",
    "tags": "run_tags",
    "group": "run_group",
    "job_type": "run_job_type",
}
"""Other names under which keywords and settings files may give a setting."""
