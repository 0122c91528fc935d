"""An S3 server on loopback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KEYS", "put", "s3_server"]

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@contextmanager
def s3_server() -> Iterator[str]:
    """Run one with the buckets `plain` and `kept`, which keeps versions; gives its address."""
    pytest.importorskip("obstore")
    moto = pytest.importorskip("moto.server")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    url = f"http://{host}:{port}"
    client = client_of(url)
    for bucket in ("plain", "kept"):
        client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    client.close()
    try:
        yield url
    finally:
        running.stop()


def put(url: str, bucket: str, key: str, body: bytes = b"") -> str | None:
    """Store an object; returns its version."""
    client = client_of(url)
    answer = client.put_object(Bucket=bucket, Key=key, Body=body)
    client.close()
    found: str | None = answer.get("VersionId")
    return found


def client_of(url: str) -> Any:
    import boto3

    keys = {name.lower(): value for name, value in KEYS.items()}
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
