"""What a server instance has to know before it starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

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
        database_url: `postgresql://user:password@host/name`; by default an SQLite file in
            `data_dir`.
        blobs_url: Where uploaded files go: a folder, or `s3://bucket/prefix`, `gs://...`,
            `az://...`; by default `data_dir/blobs`.
        redirect_downloads: Answer downloads by signed address with a redirect to the object
            store, instead of passing the bytes on.
        crashed_after: Seconds without a file-stream request after which a run counts as crashed.
        signed_url_seconds: How long an upload or download URL stays valid.
        sampling: How a sample of some keys of a history is chosen: "even" spreads it over the
            steps, "minmax" keeps the lowest and the highest value of each stretch, so that spikes
            are seen.
        keep_runs_days: Days after which a silent run is deleted, with its rows and files, unless it
            has the tag `keep`; 0: never.
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
    blobs_url: str | None = None
    redirect_downloads: bool = False
    crashed_after: float = 300.0
    signed_url_seconds: float = 3600.0 * 12
    sampling: Literal["even", "minmax"] = "even"
    keep_runs_days: Annotated[float, msgspec.Meta(ge=0)] = 0.0
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
    def blobs(self) -> str:
        """The place of uploaded files, with the default filled in: a path or an address."""
        if self.blobs_url is None:
            return str(self.root / "blobs")
        if "://" in self.blobs_url:
            return self.blobs_url
        return str(Path(self.blobs_url).expanduser().absolute())

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
            if os.environ.get(_PREFIX + field.upper())
        }
        if "data_dir" not in values:
            raise KeyError(_PREFIX + "DATA_DIR")
        return msgspec.convert(values, cls, strict=False)
