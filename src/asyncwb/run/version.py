"""Our version, as the journal names its producer.

A constant, for asking the installation takes longer than starting a run; a test compares the two.
"""

from __future__ import annotations

from typing import Final

__all__ = ["VERSION"]

VERSION: Final = "0.1.0"
