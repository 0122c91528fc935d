"""`sync_tensorboard`: what TensorBoard writers log becomes rows of a run. Imports none of them.

The way of an event: a writer is opened (`patch.py`) -> the run follows its folder (`follower.py`)
-> a thread reads its files (`folder.py`, `event_file.py`) -> events become rows (`rows.py`,
`values.py`).
"""

from asyncwb.run.tensorboard.follower import TensorBoard

__all__ = ["TensorBoard"]
