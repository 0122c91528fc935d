"""What a server instance has to know before it starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

__all__ = ["ServerConfig"]

_PREFIX = "ASYNCWB_SERVER_"


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one server process.

    Attributes:
        data_dir: Folder of everything the server keeps; made when missing.
        public_url: Base of the absolute URLs in answers, without a trailing slash. By default it
            is taken from each request: scheme and `Host` header, or what a proxy says of them in
            `X-Forwarded-Proto`, `-Host` and `-Prefix`.
        database_url: SQLAlchemy URL with a synchronous driver; by default an SQLite
            file in `data_dir`.
        blob_dir: Folder of uploaded files; by default `data_dir/blobs`.
        crashed_after: Seconds without a file-stream request after which a run counts as crashed.
        signed_url_seconds: How long an upload or download URL stays valid.
        sampling: How a sample of some keys of a history is chosen: "even" spreads it over the
            steps, "minmax" keeps the lowest and the highest value of each stretch, so that spikes
            are seen.
        max_body_bytes: Largest accepted body of a GraphQL or file-stream request, decompressed.
        max_file_bytes: Largest accepted upload to one signed URL.
        requests_per_second: How many requests of one user are taken each second, for long; 0: any
            number. Requests of this machine itself are not counted.
        requests_at_once: How many requests of one user are taken at once before that.
        metrics: Who reads `/metrics`: "admin" (administrators, with a key), "public" or "off".
    """

    data_dir: str
    public_url: str | None = None
    database_url: str | None = None
    blob_dir: str | None = None
    crashed_after: float = 300.0
    signed_url_seconds: float = 3600.0 * 12
    sampling: Literal["even", "minmax"] = "even"
    max_body_bytes: int = 64 * 1024 * 1024
    max_file_bytes: int = 64 * 1024**3
    requests_per_second: float = 500.0
    requests_at_once: float = 20_000.0
    metrics: Literal["admin", "public", "off"] = "admin"

    @property
    def root(self) -> Path:
        """The data folder as an absolute path."""
        return Path(self.data_dir).expanduser().absolute()

    @property
    def blobs(self) -> Path:
        """The folder of uploaded files."""
        return Path(self.blob_dir).expanduser().absolute() if self.blob_dir else self.root / "blobs"

    @property
    def database(self) -> str:
        """The database URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.root / 'asyncwb.db'}"

    @classmethod
    def from_environment(cls) -> ServerConfig:
        """Read `ASYNCWB_SERVER_<FIELD>` variables; `ASYNCWB_SERVER_DATA_DIR` is required.

        Raises:
            KeyError: `ASYNCWB_SERVER_DATA_DIR` is not set.
            msgspec.ValidationError: A variable holds a value of the wrong type.
        """
        values = {
            field: os.environ[_PREFIX + field.upper()]
            for field in cls.__struct_fields__
            if _PREFIX + field.upper() in os.environ
        }
        if "data_dir" not in values:
            raise KeyError(_PREFIX + "DATA_DIR")
        return msgspec.convert(values, cls, strict=False)
