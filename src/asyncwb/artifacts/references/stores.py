"""References into object stores: S3 and what speaks like it, Google Cloud Storage, Azure Blobs.

The package `obstore` knows the stores; it is imported with the first reference that is checked.
Credentials come from the environment, or where each store's own tools keep them. In the loop.
"""

from __future__ import annotations

import os
import posixpath
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import parse_qs, unquote, urlsplit

import anyio

from asyncwb import jsonx
from asyncwb.artifacts.manifest import ManifestEntry
from asyncwb.artifacts.names import check_path
from asyncwb.artifacts.references.places import check_digest
from asyncwb.errors import (
    AuthenticationError,
    CommError,
    DeadlineError,
    InvalidValueError,
    UnsupportedError,
)
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import Self

    from obstore import GetResult, ObjectMeta
    from obstore.store import AzureStore, GCSStore, S3Store

    from asyncwb.artifacts.references.places import Wanted
    from asyncwb.settings import Settings

    Store: TypeAlias = S3Store | GCSStore | AzureStore

__all__ = ["ObjectAddress", "fetch_object", "store_entries", "unchecked_entry"]

_SILENCE_SECONDS = 60.0
_HEADS_AT_ONCE = 16
_PIECE_BYTES = 1024 * 1024


class ObjectAddress(NamedTuple):
    """Where an object is.

    Attributes:
        kind: Which store.
        root: The URI without key and version.
        bucket: Bucket, or container.
        key: Key of the object, or of the folder; "" for everything.
        version: Its version, or generation; None: the newest one.
        account: Storage account, in Azure.
    """

    kind: Literal["s3", "gs", "azure"]
    root: str
    bucket: str
    key: str
    version: str | None
    account: str = ""

    @classmethod
    def of(cls, uri: str) -> Self:
        """Read a URI.

        Raises:
            InvalidValueError: It names no bucket.
        """
        parts = urlsplit(uri, allow_fragments=uri.startswith("gs:"))
        path = parts.path.removeprefix("/")
        version = next(iter(parse_qs(parts.query).get("versionId", [])), None)
        if parts.scheme == "https":
            bucket, _, key = unquote(path).partition("/")
            account = (parts.hostname or "").partition(".")[0]
            found = cls("azure", f"https://{parts.netloc}/{bucket}", bucket, key, version, account)
        elif parts.scheme == "gs":
            found = cls("gs", f"gs://{parts.netloc}", parts.netloc, path, parts.fragment or None)
        else:
            found = cls("s3", f"s3://{parts.netloc}", parts.netloc, path, version)
        if not found.bucket:
            raise InvalidValueError(f"{uri!r} names no bucket")
        return found

    def uri(self, key: str) -> str:
        """The URI of an object beside this one."""
        return f"{self.root}/{key}"


def unchecked_entry(wanted: Wanted) -> ManifestEntry:
    """The entry of an object that is not looked at.

    Raises:
        InvalidValueError: The URI names no bucket.
    """
    place = ObjectAddress.of(wanted.uri)
    uri = place.uri(place.key)
    path = check_path(wanted.name or place.key or place.bucket)
    return ManifestEntry(path=path, digest=uri, ref=uri)


async def store_entries(settings: Settings, wanted: Wanted) -> list[ManifestEntry]:
    """Entries for an object, or for every object that is not empty below a folder.

    Raises:
        InvalidValueError: Nothing is there, or too much.
        UnsupportedError: `obstore` is not installed.
        CommError: The store refused or was not reached.
    """
    place = ObjectAddress.of(wanted.uri)
    store = await offload(_open, settings, place)
    with _explained(wanted.uri):
        one = await _head(store, place.key, place.version) if place.key else None
        # An empty object may stand for a folder.
        if one is not None and (one["size"] or place.version is not None):
            path = wanted.name or posixpath.basename(place.key)
            return [_entry(place, place.key, path, one)]
        found = await _below(store, place, wanted)
        if not found and one is not None:
            return [_entry(place, place.key, wanted.name or posixpath.basename(place.key), one)]
    if not found:
        raise InvalidValueError(
            f"{wanted.uri} points to nothing: there is no such object or folder"
        )
    prefix = f"{place.key.rstrip('/')}/" if place.key else ""
    return [
        _entry(
            place,
            meta["path"],
            posixpath.join(wanted.name or "", meta["path"].removeprefix(prefix)),
            meta,
        )
        for meta in found
    ]


async def fetch_object(settings: Settings, entry: ManifestEntry, draft: Path) -> None:
    """Download the object of an entry to a new file.

    Raises:
        FileNotFoundError: The object is gone.
        DigestMismatchError: It has other content now.
        UnsupportedError: `obstore` is not installed.
        CommError: The store refused or was not reached.
        OSError: The file cannot be written.
    """
    assert entry.ref is not None
    place = ObjectAddress.of(entry.ref)
    store = await offload(_open, settings, place)
    version = entry.extra.get("versionID")
    with _explained(entry.ref):
        result = await _get(store, place.key, version)
        if result is None:
            raise FileNotFoundError(f"{entry.path!r} refers to {entry.ref}, which is gone")
        # A generation of Google's is one content; the ETags of its two interfaces differ.
        if place.kind != "gs" or version is None:
            check_digest(entry, _etag(result.meta) or entry.ref)
        pieces = result.stream(min_chunk_size=_PIECE_BYTES).__aiter__()
        file = await offload(open, draft, "xb")
        try:
            while True:
                with anyio.fail_after(_SILENCE_SECONDS):
                    piece = await anext(pieces, None)
                if piece is None:
                    break
                await offload(file.write, memoryview(piece))
        finally:
            await offload(file.close)


async def _below(store: Store, place: ObjectAddress, wanted: Wanted) -> list[ObjectMeta]:
    """The objects below a folder; their versions are asked for where the store keeps some."""
    from obstore import list as list_objects  # pyright: ignore[reportUnknownVariableType]

    found: list[ObjectMeta] = []
    pages = list_objects(store, place.key.rstrip("/") or None).__aiter__()
    while True:
        with anyio.fail_after(_SILENCE_SECONDS):
            page = await anext(pages, None)
        if page is None:
            break
        found += [meta for meta in page if meta["size"]]
        if len(found) > wanted.max_objects:
            raise wanted.too_many()
    if not found or found[0].get("version") is not None:
        return found
    first = await _head(store, found[0]["path"], None)
    if first is None or _version(first) is None:
        return found
    versioned: dict[str, ObjectMeta] = {found[0]["path"]: first}
    limiter = anyio.CapacityLimiter(_HEADS_AT_ONCE)

    async def ask(meta: ObjectMeta) -> None:
        async with limiter:
            newer = await _head(store, meta["path"], None)
        if newer is not None:
            versioned[meta["path"]] = newer

    async with anyio.create_task_group() as group:
        for meta in found[1:]:
            group.start_soon(ask, meta)
    return [versioned[meta["path"]] for meta in found if meta["path"] in versioned]


async def _head(store: Store, key: str, version: str | None) -> ObjectMeta | None:
    result = await _get(store, key, version, head=True)
    return None if result is None else result.meta


async def _get(
    store: Store, key: str, version: str | None, *, head: bool = False
) -> GetResult | None:
    import obstore

    options: dict[str, Any] = {"head": head}
    if version is not None:
        options["version"] = version
    try:
        with anyio.fail_after(_SILENCE_SECONDS):
            return await obstore.get_async(store, key, options=cast("Any", options))
    except FileNotFoundError:
        return None


def _entry(place: ObjectAddress, key: str, path: str, meta: ObjectMeta) -> ManifestEntry:
    etag, version = _etag(meta), _version(meta)
    uri = place.uri(key)
    extra: dict[str, Any] = {"etag": etag} if etag and place.kind != "gs" else {}
    if version is not None:
        extra["versionID"] = version
    return ManifestEntry(
        path=check_path(path), digest=etag or uri, ref=uri, size=meta["size"], extra=extra
    )


def _etag(meta: ObjectMeta) -> str:
    return (meta["e_tag"] or "").strip('"')


def _version(meta: ObjectMeta) -> str | None:
    version = meta["version"]
    return None if version in (None, "", "null") else version


def _open(settings: Settings, place: ObjectAddress) -> Store:
    try:
        from obstore.store import AzureStore, GCSStore, S3Store
    except ImportError as exc:
        raise UnsupportedError(
            f"references to {place.root} need the package obstore: "
            "pip install 'asyncwb[references]'",
            exc=exc,
        ) from exc
    # A body may take as long as it comes in: silence is watched here. Stores are on https unless
    # the user names an endpoint that is not.
    client: Any = {"connect_timeout": "10s", "timeout": "7days", "allow_http": True}
    if settings.insecure:
        client["allow_invalid_certificates"] = True
    options: dict[str, Any] = {"client_options": client, "retry_config": {"max_retries": 4}}
    with _explained(place.root):
        if place.kind == "gs":
            emulator = os.environ.get("STORAGE_EMULATOR_HOST")
            if emulator:
                options["service_account_key"] = _emulated(emulator)
            return GCSStore(place.bucket, **options)
        if place.kind == "azure":
            return AzureStore(place.bucket, account_name=place.account, **options)
        endpoint = os.environ.get("AWS_S3_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            options["endpoint"] = endpoint
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        profile = _aws_profile()
        if profile is not None:
            from obstore.auth.boto3 import Boto3CredentialProvider

            options["credential_provider"] = Boto3CredentialProvider(profile)
            region = region or profile.region_name
        return S3Store(place.bucket, region=region or "us-east-1", **options)


def _emulated(address: str) -> str:
    """A key for an emulator of Google's store, which asks for none."""
    key = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
    url = address if "://" in address else f"http://{address}"
    return jsonx.encode({**key, "gcs_base_url": url, "disable_oauth": True}).decode()


def _aws_profile() -> Any:
    """A session of boto3, which knows the profiles of `~/.aws`; None: the environment counts."""
    given = os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_SKIP_SIGNATURE")
    if given or find_spec("boto3") is None:
        return None
    session = import_module("boto3").Session()
    return None if session.get_credentials() is None else session


@contextmanager
def _explained(uri: str) -> Generator[None]:
    """Turn the errors of the store's package into ours."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError) as exc:
        raise AuthenticationError(
            f"the store refused {uri}: look at its credentials and region ({_short(exc)})", exc=exc
        ) from exc
    except BaseError as exc:
        raise CommError(f"the store of {uri} cannot be used: {_short(exc)}", exc=exc) from exc
    except TimeoutError as exc:
        raise DeadlineError(
            f"the store of {uri} was silent for {_SILENCE_SECONDS:.0f} s", exc=exc
        ) from exc


def _short(exc: BaseException) -> str:
    return str(exc).strip().partition("\n")[0][:200]
