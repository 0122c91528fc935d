"""The transaction log of a run, in W&B's `.wandb` format: records, writer, reader. No network."""

from asyncwb.journal.framing import Damage, RawRecord
from asyncwb.journal.journal import Durability, Journal, JournalStatus
from asyncwb.journal.reader import JournalReader

__all__ = ["Damage", "Durability", "Journal", "JournalReader", "JournalStatus", "RawRecord"]
