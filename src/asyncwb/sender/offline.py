"""Send runs from their folders: offline ones, crashed ones, ours and those of `wandb`."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import anyio
import msgspec

from asyncwb.errors import Error, InvalidValueError, JournalError, UsageError
from asyncwb.journal import JournalReader
from asyncwb.sender.access import transport_config
from asyncwb.sender.ack import load_ack
from asyncwb.sender.kept_rows import complete_rows
from asyncwb.sender.locking import exclusive, writer_of
from asyncwb.sender.progress import DeliveryOptions
from asyncwb.sender.sender import Sender
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from asyncwb.sender.fold import RunOverrides
    from asyncwb.sender.status import SenderStatus
    from asyncwb.settings import Settings
    from asyncwb.transport import TransportConfig

__all__ = ["SyncResult", "find_journal", "is_sent", "lost_parts", "sync_folder", "sync_many"]

log = logging.getLogger("asyncwb.sender")

_PATIENCE_SECONDS = 300.0


class SyncResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one folder.

    Attributes:
        path: The journal file.
        state: "synced"; "skipped": the server had it already; "failed": see `error`.
        run_id: As the server answered, None where it did not.
        entity: As the server answered.
        project: As the server answered.
        url: Web page of the run.
        rows: History rows sent now.
        bytes: Body bytes sent now.
        files: Files uploaded now.
        lost: Records that could not be read or are longer than a server takes.
        damage: Ranges of the journal that could not be read, with their offsets.
        error: Why it failed.
    """

    path: Path
    state: Literal["synced", "skipped", "failed"]
    run_id: str | None = None
    entity: str | None = None
    project: str | None = None
    url: str | None = None
    rows: int = 0
    bytes: int = 0
    files: int = 0
    lost: int = 0
    damage: tuple[str, ...] = ()
    error: Error | None = None


def find_journal(path: Path) -> Path:
    """The journal in a run folder, or the journal itself.

    Raises:
        UsageError: There is none, or there are several.
    """
    if path.is_file():
        return path
    found = sorted(path.glob("run-*.wandb"))
    if len(found) != 1:
        what = "no journal (run-<id>.wandb)" if not found else f"{len(found)} journals"
        raise UsageError(f"{path} holds {what}; name the folder of one run")
    return found[0]


async def sync_folder(
    path: Path,
    settings: Settings,
    *,
    progress: Callable[[SenderStatus], None] | None = None,
    config: TransportConfig | None = None,
    overrides: RunOverrides | None = None,
    force: bool = False,
    follow: bool = False,
) -> SyncResult:
    """Send one run folder; runs in asyncwb's loop, returns when the server has everything.

    Doing it again, after an interruption or after success, never makes a row arrive twice.
    Cancelling it is safe. A run without an exit record ends with exit code 1.

    Args:
        path: Run folder, or its `.wandb` file.
        settings: Server, key, timeouts.
        progress: Called in the loop whenever the status changed.
        config: Server and credentials, instead of those in `settings`.
        overrides: Names that count instead of those in the journal.
        force: Send even what is marked as sent.
        follow: A process still writes this run: send along until it ends.

    Raises:
        UsageError: No run folder, or one that another process is writing or sending.
        AuthenticationError: There is no key.

    Returns:
        The outcome; failures of the network or the server are in `error`.
    """
    journal = await offload(find_journal, path)
    if not force and overrides is None and await offload(is_sent, journal):
        return SyncResult(path=journal, state="skipped")
    with ExitStack() as held:
        if not follow:
            writer = await offload(writer_of, journal)
            if writer is not None:
                raise UsageError(
                    f"process {writer} is still writing {journal.parent}; wait for its end, "
                    "or follow it"
                )
        held.enter_context(exclusive(journal))
        if not follow:
            await offload(_complete, journal)
        sender = Sender(
            JournalReader.open(journal),
            settings=settings,
            run_dir=journal.parent,
            transport_config=config or transport_config(settings),
            on_status=progress,
            options=DeliveryOptions(
                follow=follow, recover=True, patience_seconds=_PATIENCE_SECONDS
            ),
            overrides=overrides,
        )
        await sender.run()
        result = _result(journal, sender)
        if result.state == "synced" and not result.lost and not result.damage:
            await offload(_mark, journal)
    return result


async def sync_many(
    paths: Iterable[Path],
    settings: Settings,
    *,
    jobs: int = 4,
    progress: Callable[[Path, SenderStatus], None] | None = None,
    done: Callable[[SyncResult], None] | None = None,
    config: TransportConfig | None = None,
    overrides: RunOverrides | None = None,
    force: bool = False,
) -> list[SyncResult]:
    """Send many run folders at once; one that fails does not stop the others.

    Folders of one run (resumed offline) are sent one after another, oldest first.

    Args:
        paths: Run folders.
        settings: Server, key, timeouts.
        jobs: Runs that are sent at the same time.
        progress: Called in the loop with the path whenever a status changed.
        done: Called in the loop with each result.
        config: Server and credentials, instead of those in `settings`.
        overrides: Names that count instead of those in the journals.
        force: Send even what is marked as sent.

    Returns:
        One result per path, in the order of `paths`.

    Raises:
        InvalidValueError: `jobs` is less than one.
        AuthenticationError: There is no key.
    """
    if jobs < 1:
        raise InvalidValueError(f"jobs must be 1 or more, not {jobs}")
    chosen = list(paths)
    config = config or transport_config(settings)
    groups: dict[str, list[int]] = {}
    for number, path in enumerate(chosen):
        groups.setdefault(path.name.rpartition("-")[2] or path.name, []).append(number)
    results: dict[int, SyncResult] = {}
    limiter = anyio.CapacityLimiter(jobs)

    async def send(number: int) -> SyncResult:
        path = chosen[number]

        def tell(status: SenderStatus) -> None:
            if progress is not None:
                progress(path, status)

        try:
            return await sync_folder(
                path, settings, progress=tell, config=config, overrides=overrides, force=force
            )
        except Error as exc:
            return SyncResult(path=path, state="failed", error=exc)

    async def send_group(numbers: list[int]) -> None:
        async with limiter:
            for number in sorted(numbers, key=lambda n: chosen[n].name):
                results[number] = await send(number)
                if done is not None:
                    done(results[number])

    async with anyio.create_task_group() as tasks:
        for numbers in groups.values():
            tasks.start_soon(send_group, numbers)
    return [results[number] for number in range(len(chosen))]


def _result(journal: Path, sender: Sender) -> SyncResult:
    status = sender.status
    return SyncResult(
        path=journal,
        state="synced" if status.finished else "failed",
        run_id=status.run_id,
        entity=status.entity,
        project=status.project,
        url=status.url,
        rows=status.rows_sent,
        bytes=status.bytes_sent,
        files=status.files_uploaded,
        lost=status.lost,
        damage=status.damage,
        error=sender.error,
    )


def _complete(journal: Path) -> None:
    try:
        completed = complete_rows(journal)
    except (JournalError, OSError) as exc:
        log.warning("rows of %s that wait for media are not sent: %s", journal.parent, exc)
    else:
        if completed:
            log.info("%d rows of %s were completed with their media", completed, journal.parent)


def _marker(journal: Path) -> Path:
    return journal.with_name(journal.name + ".synced")


def _mark(journal: Path) -> None:
    try:
        _marker(journal).touch()
    except OSError as exc:
        log.warning("%s cannot be marked as sent: %s", journal.parent, exc)


def lost_parts(journal: Path) -> int:
    """How many parts of a sent journal the server does not have, because they are damaged."""
    ack = load_ack(journal)
    return ack.lost if ack is not None else 0


def is_sent(journal: Path) -> bool:
    """Marked as sent, by us or by `wandb sync`, or sent to its end, as far as it is readable."""
    if _marker(journal).exists():
        return True
    ack = load_ack(journal)
    return ack is not None and ack.finished and ack.journal_bytes == journal.stat().st_size
