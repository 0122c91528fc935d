"""The filter and order language of run listings, compiled to SQL with bound parameters.

A filter is a JSON object in the manner of MongoDB; an order is a field name with a sign. Rules:
`compiler` knows the structure, `operators` what a comparison means for each kind of field,
`fields` which keys there are.
"""

from .compiler import compile_fields, compile_filter
from .order import Order, compile_order, order_by
from .sweep_fields import sweep_fields

__all__ = [
    "Order",
    "compile_fields",
    "compile_filter",
    "compile_order",
    "order_by",
    "sweep_fields",
]
