"""Runs and their history as files of tables."""

from __future__ import annotations

from asyncwb.export.exporting import export
from asyncwb.export.result import ExportProgress, ExportResult

__all__ = ["ExportProgress", "ExportResult", "export"]
