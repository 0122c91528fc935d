"""What a run is called; changes write through to the journal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from asyncwb.errors import InvalidValueError
from asyncwb.settings.checks import check_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.run.recorder import Recorder
    from asyncwb.sender import SenderStatus
    from asyncwb.sender.resume import ResumePoint
    from asyncwb.settings import Settings

__all__ = ["Names", "new_run_id"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 8


def new_run_id() -> str:
    """Return a random id of eight characters of `[0-9a-z]`."""
    # Not `secrets`: it imports hashlib and random, a quarter of the time of a first `init`.
    number = int.from_bytes(os.urandom(16), "big")
    return "".join(_ALPHABET[number // 36**place % 36] for place in range(_ID_LENGTH))


class Names:
    """Id, place and labels of one run.

    Args:
        settings: With the run's id and project.
        recorder: Is told of changes.
    """

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self.id = settings.run_id or ""
        self.entity = settings.entity
        self.project = settings.project or ""
        self.name = settings.run_name
        self.notes = settings.run_notes
        self.tags = settings.run_tags or ()
        self._recorder = recorder
        self._continues = settings.resume is not None or settings.resume_from is not None
        # Later records name the run as the first one did, whatever the server made of it.
        self._key = {"run_id": self.id, "project": self.project}

    def take(self, status: SenderStatus) -> None:
        """Take over what the server answered: its names count."""
        self.id = status.run_id or self.id
        self.entity = status.entity or self.entity
        self.project = status.project or self.project
        self.name = self.name or status.display_name

    def invented(self) -> str | None:
        """A name for a run that no server has named, the same for each start of an id.

        None for a run that has a name, and for one that is resumed or rewound: that has one, too.
        """
        if self.name is not None or self._continues:
            return None
        from zlib import crc32

        from asyncwb.words import readable_name

        choice = crc32(self.id.encode())
        return readable_name(choice, 1 + choice % 999)

    def set_name(self, name: str | None) -> None:
        """Change the display name; a run without one goes by its id."""
        self.name = _text("name", name) or self.id
        self._recorder.update_run(**self._key, name=self.name)

    def set_notes(self, notes: str | None) -> None:
        """Change the notes."""
        self.notes = _text("notes", notes)
        emptied = () if self.notes else ("notes",)
        self._recorder.update_run(**self._key, notes=self.notes, emptied=emptied)

    def set_tags(self, tags: Sequence[str] | None) -> None:
        """Change the tags."""
        checked = tuple(dict.fromkeys((tags,) if isinstance(tags, str) else tags or ()))
        for tag in checked:
            if not isinstance(tag, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidValueError(f"a tag is a string, got {tag!r}")
        check_tags(checked)
        self.tags = checked
        emptied = () if checked else ("tags",)
        self._recorder.update_run(**self._key, tags=checked, emptied=emptied)

    def continue_from(self, point: ResumePoint) -> None:
        """Keep the labels of a resumed run where this start gave none."""
        self.notes = self.notes or point.notes
        self.tags = self.tags or point.tags

    def note_resumed(self, starting_step: int, runtime: float) -> None:
        """Note that the run goes on where the server's one ended."""
        self._recorder.resumed(**self._key, starting_step=starting_step, runtime=runtime)


def _text(what: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidValueError(f"{what} is a string, got {value!r}")
    return value
