"""The settings and where each comes from: the one table that code, tests and docs follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import msgspec

from asyncwb.types import Mode, Reinit, Resume  # noqa: TC001 - msgspec reads the annotations

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
    organization: str | None = None
    """Organization whose registries are meant; None: the only one of the entity."""
    project: str | None = None
    """Project; None: the server's `uncategorized`. At most 128 characters."""
    mode: Mode = "online"
    """`online`, `offline` (journal only), `disabled` (nothing at all), `shared` (many writers)."""
    root_dir: str = "."
    """Folder in which the `wandb` folder of runs lies."""
    run_id: str | None = None
    """Id of the run; None: eight random characters."""
    run_name: str | None = None
    """Display name; None: the server chooses; offline, two words and a number."""
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
    sweep_param_path: str | None = None
    """File with the parameters that a sweep's agent chose for the run."""
    resume: Resume | None = None
    """What to do when the run exists; None: start it afresh."""
    resume_from: str | None = None
    """`RUN?_step=N`: rewind the run `RUN` to step `N` and go on from there."""
    fork_from: str | None = None
    """`RUN?_step=N`: start a new run with the rows of `RUN` up to step `N`."""
    reinit: Reinit | None = None
    """What `init` does while a run is live; None: `create_new`."""
    force: bool = False
    """Whether `init` raises where the server is not there to accept the key."""
    host: str | None = None
    """Host name shown with the run; None: this machine's."""
    program: str | None = None
    """Program shown with the run; None: the running script."""
    notebook_name: str | None = None
    """Path of the notebook, which cannot be found out in every kind of notebook."""
    config_paths: tuple[str, ...] = ()
    """YAML files with config values, weaker than those given to `init`."""
    docker: str | None = None
    """Docker image shown with the run."""
    save_code: bool | None = None
    """Whether the script and a git diff are uploaded; None: as the account's settings say."""
    code_dir: str | None = None
    """Folder whose code is logged at the start, as by `run.log_code`, where `save_code` is set."""
    disable_code: bool = False
    """Never upload the script or a git diff."""
    disable_git: bool = False
    """Do not ask git for commit, remote and diff."""
    disable_meta: bool = False
    """No `wandb-metadata.json` and no environment in the config."""
    disable_machine_info: bool = False
    """Tell nothing about machine, program and repository."""
    save_requirements: bool = True
    """Whether `requirements.txt`, the installed packages, is uploaded."""
    git_root: str | None = None
    """Folder of the repository; None: the working directory."""
    git_remote: str = "origin"
    """Remote whose address is shown with the run."""
    git_remote_url: str | None = None
    """Repository shown with the run; None: the address of `git_remote`."""
    git_commit: str | None = None
    """Commit shown with the run; None: that of the repository."""
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
    """Seconds for one file transfer, retries included; uploads get 16 more per MiB."""
    ignore_globs: tuple[str, ...] = ()
    """Patterns of paths in the run's folder that are never uploaded; `*` stops at a slash."""
    symlink: bool = True
    """Whether `save` links files into the run's folder; else, and where it cannot: hard links."""
    exit_timeout: float = 30.0
    """Seconds that the exit of the interpreter waits for unsent rows."""
    stop_interrupts: bool = False
    """Whether a stop asked for on the server interrupts the main thread, as Ctrl-C does."""
    on_sigterm: Literal["default", "finish"] = "default"
    """On SIGTERM: what Python does, or mark the run preempting and finish it first."""
    label: str | None = None
    """Name of this writer among those of its run, for its system metrics and console lines."""
    primary: bool = True
    """Whether this writer describes the run: metadata, summary and config files."""
    update_finish_state: bool | None = None
    """Whether the end of this writer ends the run; None: if it is the primary one."""
    shared: bool = False
    """Several processes write this run; `mode="shared"` says the same, and online."""
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
    sync_tensorboard: bool = False
    """Make rows of what TensorBoard writers log, and upload their files with the run."""
    monitor_gym: bool = False
    """Log the videos that gymnasium's and gym's recorders finish."""
    console: Literal["auto", "wrap", "off", "redirect", "wrap_raw", "wrap_emu"] = "auto"
    """Whether what is printed becomes part of the run: `off`: no; all others: yes, in one way."""
    console_multipart: bool = False
    """Keep console output in files `logs/output_<time>.log` instead of one `output.log`."""
    console_chunk_max_bytes: int = 0
    """Bytes after which the next of these files begins and the last is uploaded; 0: no limit."""
    console_chunk_max_seconds: int = 0
    """Seconds after which the next of these files begins and the last is uploaded; 0: no limit."""
    capture_loggers: tuple[tuple[str, str], ...] = ()
    """Python loggers whose records become console lines, as pairs of name and least level."""
    transmit_interval: float | None = None
    """Seconds between posts of rows; None: adapts from 1 to 15."""
    heartbeat_seconds: float = 30.0
    """Seconds of silence after which an empty post tells the server that the run lives."""
    memory_limit_bytes: int = 64 * 1024 * 1024
    """Bytes of rows kept in memory where no folder can be written."""
    media_buffer_bytes: int = 256 * 1024 * 1024
    """Bytes of media that may wait to be encoded; beyond, `log` encodes in the caller's thread."""
    png_encoding: Literal["fast", "wandb"] = "fast"
    """PNG files of images in rows: twice as fast, or byte by byte those of `wandb`."""
    table_raise_on_max_row_limit_exceeded: bool = False
    """Whether a table of more than `Table.MAX_ARTIFACT_ROWS` rows is refused rather than cut."""
    agent_heartbeat_seconds: float | None = None
    """Seconds between questions of a sweep's agent; None: 5, or 1 on this machine."""
    agent_kill_delay: float = 30.0
    """Seconds that a stopped run of a sweep has to end before it is killed."""
    agent_max_initial_failures: int = 5
    """Failed runs after which an agent without a finished one gives up."""
    agent_disable_flapping: bool = False
    """Let an agent go on after three failed runs in its first minute."""
    disable_stats: bool = False
    """Take no system metrics."""
    stats_sampling_interval: float = 15.0
    """Seconds between two rows of system metrics, at least 0.1."""
    stats_pid: int | None = None
    """Process that the metrics of processor and memory are about; None: this one."""
    stats_track_process_tree: bool = False
    """Add what the descendants of the process use, such as the workers of a data loader."""
    stats_disk_paths: tuple[str, ...] = ("/",)
    """Paths whose file systems are watched."""
    stats_gpu_device_ids: tuple[int, ...] | None = None
    """Indexes of the NVIDIA GPUs to watch; None: all."""
    artifact_dir: str | None = None
    """Folder that artifacts are downloaded to; None: `artifacts`."""
    cache_dir: str | None = None
    """Folder of the cache of artifact files; None: `~/.cache/wandb`."""
    cache_limit_bytes: int = 50 * 1024**3
    """Bytes of that cache; what was not used for longest goes first. 0: nothing is kept."""
    data_dir: str | None = None
    """Folder of copies that wait for their upload; None: `~/.local/share/wandb`."""
    extra_http_headers: tuple[tuple[str, str], ...] = ()
    """Headers added to every request, as name and value pairs."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes write this run."""
        return self.shared or self.mode == "shared"

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
    "organization": ("WANDB_ORGANIZATION",),
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
    "sweep_param_path": ("WANDB_SWEEP_PARAM_PATH",),
    "resume": ("WANDB_RESUME",),
    "resume_from": ("WANDB_RESUME_FROM",),
    "fork_from": ("WANDB_FORK_FROM",),
    "reinit": ("WANDB_REINIT",),
    "force": ("WANDB_FORCE",),
    "host": ("WANDB_HOST",),
    "program": ("WANDB_PROGRAM",),
    "notebook_name": ("WANDB_NOTEBOOK_NAME",),
    "config_paths": ("WANDB_CONFIG_PATHS",),
    "docker": ("WANDB_DOCKER",),
    "save_code": ("WANDB_SAVE_CODE",),
    "code_dir": ("WANDB_CODE_DIR",),
    "disable_code": ("WANDB_DISABLE_CODE",),
    "disable_git": ("WANDB_DISABLE_GIT",),
    "disable_meta": ("WANDB__DISABLE_META", "WANDB_X_DISABLE_META"),
    "disable_machine_info": ("WANDB__DISABLE_MACHINE_INFO", "WANDB_X_DISABLE_MACHINE_INFO"),
    "save_requirements": ("WANDB__SAVE_REQUIREMENTS", "WANDB_X_SAVE_REQUIREMENTS"),
    "git_root": ("WANDB_GIT_ROOT",),
    "git_remote": ("WANDB_GIT_REMOTE",),
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
    "ignore_globs": ("WANDB_IGNORE_GLOBS",),
    "symlink": ("WANDB_SYMLINK",),
    "exit_timeout": ("ASYNCWB_EXIT_TIMEOUT",),
    "stop_interrupts": ("ASYNCWB_STOP_INTERRUPTS",),
    "on_sigterm": ("ASYNCWB_ON_SIGTERM",),
    "label": ("WANDB_X_LABEL", "WANDB__LABEL"),
    "primary": ("WANDB_X_PRIMARY", "WANDB__PRIMARY"),
    "update_finish_state": ("WANDB_X_UPDATE_FINISH_STATE", "WANDB__UPDATE_FINISH_STATE"),
    "shared": ("ASYNCWB_SHARED",),
    "http2": ("ASYNCWB_HTTP2",),
    "ca_file": ("ASYNCWB_CA_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    "insecure": ("WANDB_INSECURE_DISABLE_SSL", "ASYNCWB_INSECURE"),
    "durability": ("ASYNCWB_DURABILITY",),
    "step_order": ("ASYNCWB_STEP_ORDER",),
    "sync_tensorboard": ("WANDB_SYNC_TENSORBOARD",),
    "monitor_gym": ("WANDB_MONITOR_GYM",),
    "console": ("WANDB_CONSOLE",),
    "console_multipart": ("WANDB_CONSOLE_MULTIPART",),
    "console_chunk_max_bytes": ("WANDB_CONSOLE_CHUNK_MAX_BYTES",),
    "console_chunk_max_seconds": ("WANDB_CONSOLE_CHUNK_MAX_SECONDS",),
    "capture_loggers": ("WANDB_CAPTURE_LOGGERS",),
    "transmit_interval": ("ASYNCWB_TRANSMIT_INTERVAL", "WANDB__FILE_STREAM_TRANSMIT_INTERVAL"),
    "heartbeat_seconds": ("ASYNCWB_HEARTBEAT_SECONDS",),
    "memory_limit_bytes": ("ASYNCWB_MEMORY_LIMIT_BYTES",),
    "media_buffer_bytes": ("ASYNCWB_MEDIA_BUFFER_BYTES",),
    "png_encoding": ("ASYNCWB_PNG_ENCODING",),
    "table_raise_on_max_row_limit_exceeded": ("WANDB_TABLE_RAISE_ON_MAX_ROW_LIMIT_EXCEEDED",),
    "agent_heartbeat_seconds": ("ASYNCWB_AGENT_HEARTBEAT_SECONDS",),
    "agent_kill_delay": ("WANDB_AGENT_KILL_DELAY",),
    "agent_max_initial_failures": ("WANDB_AGENT_MAX_INITIAL_FAILURES",),
    "agent_disable_flapping": ("WANDB_AGENT_DISABLE_FLAPPING",),
    "disable_stats": ("WANDB__DISABLE_STATS", "WANDB_X_DISABLE_STATS"),
    "stats_sampling_interval": (
        "WANDB__STATS_SAMPLING_INTERVAL",
        "WANDB_X_STATS_SAMPLING_INTERVAL",
    ),
    "stats_pid": ("WANDB__STATS_PID", "WANDB_X_STATS_PID"),
    "stats_track_process_tree": (
        "WANDB__STATS_TRACK_PROCESS_TREE",
        "WANDB_X_STATS_TRACK_PROCESS_TREE",
    ),
    "stats_disk_paths": ("WANDB__STATS_DISK_PATHS", "WANDB_X_STATS_DISK_PATHS"),
    "stats_gpu_device_ids": ("WANDB__STATS_GPU_DEVICE_IDS", "WANDB_X_STATS_GPU_DEVICE_IDS"),
    "artifact_dir": ("WANDB_ARTIFACT_DIR",),
    "cache_dir": ("WANDB_CACHE_DIR",),
    "cache_limit_bytes": ("ASYNCWB_CACHE_LIMIT_BYTES",),
    "data_dir": ("WANDB_DATA_DIR",),
    "extra_http_headers": ("WANDB__EXTRA_HTTP_HEADERS", "WANDB_X_EXTRA_HTTP_HEADERS"),
}
"""Environment variables of each setting; the first that is set and not empty counts."""

ALIASES: Final[Mapping[str, str]] = {
    "x_disable_stats": "disable_stats",
    "x_stats_sampling_interval": "stats_sampling_interval",
    "x_stats_pid": "stats_pid",
    "x_stats_track_process_tree": "stats_track_process_tree",
    "x_stats_disk_paths": "stats_disk_paths",
    "x_stats_gpu_device_ids": "stats_gpu_device_ids",
    "x_label": "label",
    "x_extra_http_headers": "extra_http_headers",
    "x_file_stream_transmit_interval": "transmit_interval",
    "x_file_transfer_timeout_seconds": "file_timeout",
    "x_disable_meta": "disable_meta",
    "x_disable_machine_info": "disable_machine_info",
    "x_save_requirements": "save_requirements",
    "x_graphql_timeout_seconds": "http_timeout",
    "x_primary": "primary",
    "x_primary_node": "primary",
    "x_update_finish_state": "update_finish_state",
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
