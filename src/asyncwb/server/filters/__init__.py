"""The filter and order language of run listings, compiled to SQL with bound parameters.

A filter is a JSON object in the manner of MongoDB; an order is a field name with a sign. Rules:
`compiler` knows the structure, `operators` what a comparison means for each kind of field,
`fields` which keys there are.
"""

from .compiler import compile_fields
from .fields import RunFields
from .order import Order, order_by
from .sweep_fields import sweep_fields

__all__ = [
    "Order",
    "RunFields",
    "compile_fields",
    "order_by",
    "sweep_fields",
]
