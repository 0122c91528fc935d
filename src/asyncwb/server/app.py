"""The ASGI application.

Each instance has its own database connections; nothing is kept in memory that another instance
on the same database would have to know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from .auth import Authenticator
from .bootstrap import prepare_folder
from .config import ServerConfig
from .identity import load_identity
from .limits import RequestLimit
from .metrics import ROUTE, Measured, Metrics
from .problems import Problem
from .resolvers.context import Services
from .retention import Retention
from .routes.admin import AdminEndpoints
from .routes.answers import problem_response
from .routes.artifacts import ArtifactEndpoints
from .routes.batches import BatchEndpoints
from .routes.exports import ExportEndpoints
from .routes.files import FileEndpoints
from .routes.filestream import FileStreamEndpoint
from .routes.graphql import GraphQLEndpoint
from .routes.health import HealthEndpoints
from .routes.page import PAGES, PageEndpoints
from .routes.series import SeriesEndpoint
from .routes.sessions import SessionEndpoint
from .sessions import CSRF_HEADER, Sessions
from .signing import Signer
from .storage.accounts import add_first_user
from .storage.blob_places import open_blobs
from .storage.database import Database
from .storage.organizations import ensure_organization
from .storage.search_indexes import SearchIndexes
from .upkeep import Upkeep

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["ServerConfig", "create_app"]

_log = logging.getLogger("asyncwb.server")
Handler = Callable[[Request], Awaitable[Response]]

# Pages are at every address; what is no page must be "not found" for every method.
_EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def create_app(config: ServerConfig) -> Starlette:
    """Make the application. The data folder is prepared and the database opened at its start.

    Args:
        config: Where data lives and how URLs look.

    Returns:
        An ASGI application; serve it with a lifespan, as every ASGI server does by default.

    Raises:
        OSError: The data folder cannot be written.
        UsageError: The database is of a later version, or the data folder belongs to another one.
        InvalidValueError: Database or blobs have an address that is none.
        UnsupportedError: A package that the database or the blobs need is missing.
    """
    prepare_folder(config.root)
    identity, secret = load_identity(config)
    database = Database(config.database)
    sessions = Sessions(secret)
    limit = RequestLimit(config.requests_per_second, config.requests_at_once)
    metrics = Metrics(lambda: database.waiting, config.crashed_after)
    services = Services(
        config=config,
        database=database,
        blobs=open_blobs(config.blobs),
        signer=Signer(secret, config.signed_url_seconds),
        authenticator=Authenticator(database, sessions, limit),
        sessions=sessions,
        searches=SearchIndexes(database),
        metrics=metrics,
    )

    def begin(connection: Connection) -> None:
        add_first_user(connection, identity)
        ensure_organization(connection, identity.username)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        await database.open()
        await database.write(begin)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            upkeep = asyncio.create_task(Upkeep(database).run(), name="asyncwb-server-upkeep")
            stack.push_async_callback(_end, upkeep)
            if config.keep_runs_days:
                retention = Retention(database, services.blobs, config.keep_runs_days)
                stack.push_async_callback(_end, asyncio.create_task(retention.run()))
            yield

    files = FileEndpoints(services)
    artifacts = ArtifactEndpoints(services)
    batches = BatchEndpoints(services)
    session = SessionEndpoint(services, secret)
    health = HealthEndpoints(services)
    exports = ExportEndpoints(services)
    page = PageEndpoints()
    run = "/files/{entity}/{project}/{run}"
    version = "/artifactsV2/{region}/{entity}/{project}/{collection}"
    signed = "{number:int}/{name:path}"
    app = Starlette(
        routes=[
            _route("/graphql", GraphQLEndpoint(services).handle, "POST"),
            _route(f"{run}/file_stream", FileStreamEndpoint(services).handle, "POST"),
            _route(f"{run}/{{name:path}}", files.download, "GET"),
            _route("/storage/put/{file_id:int}/{name:path}", files.upload, "PUT"),
            _route("/storage/get/{file_id:int}/{name:path}", files.download_signed, "GET"),
            _route(f"/storage/artifact-put/{signed}", artifacts.upload, "PUT"),
            _route(f"/storage/part-put/{signed}", artifacts.upload_part, "PUT"),
            _route(f"/storage/manifest-put/{signed}", artifacts.upload_manifest, "PUT"),
            _route(f"/storage/artifact-get/{signed}", artifacts.download_signed, "GET"),
            _route(f"/storage/manifest-get/{signed}", artifacts.download_manifest, "GET"),
            _route("/storage/batch/put", batches.put, "POST"),
            _route("/storage/batch/get", batches.get, "POST"),
            _route(f"{version}/{{id}}/{{birth}}/{{digest}}/{{name}}", artifacts.download, "GET"),
            _route(f"{version}/{{birth}}/{{digest}}/{{name}}", artifacts.download, "GET"),
            _route("/artifacts/{entity}/{digest}", artifacts.download, "GET"),
            _route("/healthz", health.health, "GET"),
            _route("/readyz", health.ready, "GET"),
            _route("/metrics", health.metrics, "GET"),
            *AdminEndpoints(services, identity.username).routes(_route),
            _route("/-/session", session.show, "GET"),
            _route("/-/session", session.begin, "POST"),
            _route("/-/session", session.end, "DELETE"),
            _route("/-/series", SeriesEndpoint(services).handle, "POST"),
            _route("/-/export/{entity}/{project}/runs.parquet", exports.runs, "GET"),
            _route("/-/export/{entity}/{project}/{run}/history.parquet", exports.history, "GET"),
            _route("/-/frame/{entity}/{project}/{run}/{name:path}", files.show, "GET"),
            _route("/-/assets/{digest}/{name:path}", page.asset, "GET"),
            *(_route(path, page.document, *_EVERY_METHOD) for path in PAGES),
        ],
        exception_handlers={HTTPException: _http_error},
        middleware=[Middleware(Measured, metrics=metrics)],
        lifespan=lifespan,
    )
    app.state.services = services
    return app


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _route(path: str, handler: Handler, *methods: str) -> Route:
    """A route whose problems become answers with a message."""

    async def endpoint(request: Request) -> Response:
        request.scope[ROUTE] = path
        try:
            response = await handler(request)
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            return response
        except Problem as problem:
            response = problem_response(problem)
            if _of_the_page(request):
                # It asks people to sign in; the browser's own window would come before it.
                del response.headers["WWW-Authenticate"]
            return response
        except ClientDisconnect:
            return problem_response(Problem(400, "the request broke off"))
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer
            _log.exception("%s %s failed", request.method, request.url.path)
            return problem_response(Problem(500, "internal server error"))

    return Route(path, endpoint, methods=methods)


def _of_the_page(request: Request) -> bool:
    headers = request.headers
    return "cookie" in headers or CSRF_HEADER in headers or request.url.path.startswith("/-/")


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "internal server error"
    return problem_response(Problem(status, detail))
