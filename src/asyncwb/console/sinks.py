"""Which files the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.console.file import ConsoleFile, ConsoleParts

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.console.file import ConsoleSink
    from asyncwb.settings import Settings

__all__ = ["console_sink"]


def console_sink(folder: Path, settings: Settings) -> ConsoleSink:
    """The files of the console below `folder`, the folder of a run's files."""
    label = settings.label or ""
    if not settings.console_multipart:
        return ConsoleFile(folder, label)
    return ConsoleParts(
        folder,
        label,
        max_bytes=settings.console_chunk_max_bytes,
        max_seconds=settings.console_chunk_max_seconds,
    )
