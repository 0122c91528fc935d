"""Values of events as values of rows: what the `wandb` package makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.errors import JournalError
from asyncwb.journal import wire

if TYPE_CHECKING:
    from asyncwb.run.tensorboard.event_file import EventValue

__all__ = ["Picture", "as_histogram", "as_pictures", "as_scalar", "as_tensor", "kind_of"]

_MOST_BINS = 512
# Number of the type -> (numpy type, field for values that are not packed into bytes).
_NUMBERS = {1: ("<f4", 5), 2: ("<f8", 6), 3: ("<i4", 7), 9: ("<i8", 10)}
_TEXT = 8
_FORMATS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"BM": "bmp"}


def kind_of(value: EventValue, plugin: str) -> str:
    """What a value is: "scalar", "histogram", "images", "pr_curve" or "" for anything else.

    Args:
        value: The value.
        plugin: Its plugin; only the first value of a tag says it.
    """
    if plugin == "scalars" or (not plugin and value.kind == "simple_value"):
        return "scalar"
    if plugin == "histograms" or (not plugin and value.kind == "histo"):
        return "histogram"
    if plugin == "images" or (not plugin and value.kind == "image"):
        return "images"
    return "pr_curve" if plugin == "pr_curves" and value.kind == "tensor" else ""


def as_scalar(value: EventValue) -> float | None:
    """The number; None where there is not exactly one."""
    import numpy as np

    if value.kind == "simple_value":
        # The shortest text of a float32, as the wandb package writes it: 0.1, not 0.10000000149.
        return float(str(np.float32(value.number)))
    tensor = as_tensor(value.message) if value.kind == "tensor" else None
    return float(tensor.item()) if tensor is not None and tensor.size == 1 else None


def as_histogram(value: EventValue) -> dict[str, Any] | None:
    """A histogram of at most 512 bins; None for one of nothing, or a broken one."""
    import numpy as np

    edges: Any
    counts: Any
    if value.kind == "histo":
        low, edges, counts = _histogram_message(value.message)
        if not counts.size or edges.size != counts.size:
            return None
        # The first bucket begins at minus infinity.
        if counts[0] == 0:
            counts = counts[1:]
        elif low < edges[0]:
            edges = np.concatenate([[low], edges])
        else:
            return None
    else:
        table = as_tensor(value.message)
        if table is None or table.ndim != 2 or table.shape[1] != 3 or not table.size:
            return None
        edges, counts = np.append(table[:, 0], table[-1, 1]), table[:, 2]
    if counts.size > _MOST_BINS:
        edges, counts = _with_fewer_bins(edges, counts)
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}


def _with_fewer_bins(edges: Any, counts: Any) -> tuple[Any, Any]:
    """Edges as dense as they were where they were dense; counts shared out evenly in a bin."""
    import numpy

    np: Any = numpy
    fewer = np.interp(np.linspace(0, counts.size, _MOST_BINS + 1), np.arange(edges.size), edges)
    below = np.concatenate([[0.0], np.cumsum(counts)])
    return fewer, np.diff(np.interp(fewer, edges, below))


class Picture:
    """One encoded image.

    Attributes:
        width: Pixels.
        height: Pixels.
        format: "png", "jpeg", "gif" or "bmp".
        data: The encoded bytes.
    """

    def __init__(self, width: int, height: int, data: bytes) -> None:
        self.width, self.height, self.data = width, height, data
        start = next((start for start in _FORMATS if data.startswith(start)), b"")
        self.format = _FORMATS.get(start, "")


def as_pictures(value: EventValue) -> list[Picture]:
    """Encoded images of one size and format; none where they differ or cannot be told."""
    if value.kind == "tensor":
        texts = [item for number, _, item in wire.fields(value.message) if number == _TEXT]
        parts = [text for text in texts if isinstance(text, bytes)]
        try:
            width, height = int(parts[0]), int(parts[1])
        except (ValueError, IndexError):
            return []
        pictures = [Picture(width, height, data) for data in parts[2:]]
    else:
        pictures = _image_message(value.message)
    formats = {picture.format for picture in pictures}
    return pictures if len(formats) == 1 and "" not in formats else []


def _image_message(message: bytes) -> list[Picture]:
    fields = {number: item for number, _, item in wire.fields(message)}
    height, width, data = fields.get(1), fields.get(2), fields.get(4)
    if isinstance(width, int) and isinstance(height, int) and isinstance(data, bytes):
        return [Picture(width, height, data)]
    return []


def as_tensor(data: bytes) -> Any:
    """Decode a `TensorProto` of numbers to a numpy array; None for other types."""
    import numpy as np

    kind, shape, content, packed = 0, list[int](), b"", dict[int, bytes]()
    for number, wire_type, item in wire.fields(data):
        if number == 1 and isinstance(item, int):
            kind = item
        elif number == 2 and isinstance(item, bytes):
            shape = [_size(dim) for field, _, dim in wire.fields(item) if field == 2]
        elif number == 4 and isinstance(item, bytes):
            content = item
        elif wire_type == wire.VARINT and isinstance(item, int):
            packed[number] = packed.get(number, b"") + wire.varint(item)
        elif isinstance(item, bytes):
            packed[number] = packed.get(number, b"") + item
    if kind not in _NUMBERS:
        return None
    name, field = _NUMBERS[kind]
    if content:
        flat = np.frombuffer(content, name)
    elif name[1] == "f":
        flat = np.frombuffer(packed.get(field, b""), name)
    else:
        flat = np.array(_varints(packed.get(field, b"")), "int64")
    count = 1
    for size in shape:
        count *= size
    if flat.size == 1 and count > 1:
        flat = np.repeat(flat, count)  # one number stands for all
    return flat.astype("float64").reshape(shape) if flat.size == count else None


def _size(dim: int | bytes) -> int:
    if isinstance(dim, bytes):
        for number, _, size in wire.fields(dim):
            if number == 1 and isinstance(size, int):
                return size
    return 0


def _varints(data: bytes) -> list[int]:
    numbers: list[int] = []
    position = 0
    while position < len(data):
        number, position = wire.read_varint(data, position, len(data))
        numbers.append(wire.signed(number))
    return numbers


def _histogram_message(data: bytes) -> tuple[float, Any, Any]:
    """Lowest value, right edges of the buckets, and their counts."""
    import numpy as np

    low, edges, counts = 0.0, b"", b""
    for number, _, item in wire.fields(data):
        if number == 1:
            low = wire.read_double(item)
        elif number == 6 and isinstance(item, bytes):
            edges += item
        elif number == 7 and isinstance(item, bytes):
            counts += item
    try:
        return low, np.frombuffer(edges, "<f8"), np.frombuffer(counts, "<f8")
    except ValueError as error:
        raise JournalError("malformed event: a broken histogram", exc=error) from error
