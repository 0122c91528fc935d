"""Expressions that the two databases write differently."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Numeric, String, types
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from typing_extensions import override

from .patterns import postgres_pattern

if TYPE_CHECKING:
    from sqlalchemy import Dialect

__all__ = ["AnyText", "ExactNumber", "Pattern", "either"]


class _Either(FunctionElement[Any]):
    """One of two expressions, by the database that the statement is compiled for."""

    name = "either"
    inherit_cache = True


def either(
    *, sqlite: ColumnElement[Any], postgresql: ColumnElement[Any], type_: Any = None
) -> ColumnElement[Any]:
    """The expression for the database that a statement goes to.

    Args:
        sqlite: What SQLite gets.
        postgresql: What PostgreSQL gets.
        type_: Type of both; that of the first by default.
    """
    made: ColumnElement[Any] = _Either(sqlite, postgresql)
    made.type = types.to_instance(type_ or sqlite.type)
    return made


def _first(element: _Either, compiler: Any, **options: Any) -> str:
    return _chosen(element, compiler, 0, options)


def _second(element: _Either, compiler: Any, **options: Any) -> str:
    return _chosen(element, compiler, 1, options)


def _chosen(element: _Either, compiler: Any, place: int, options: dict[str, Any]) -> str:
    chosen = list(element.clauses)[place]
    return f"({compiler.process(chosen, **options)})"


compiles(_Either, "sqlite")(_first)
compiles(_Either, "postgresql")(_second)


class Pattern(types.TypeDecorator[str]):
    """A checked RE2 pattern; PostgreSQL gets one of its own that means the same."""

    impl = String
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The pattern for a database."""
        if value is None or dialect.name != "postgresql":
            return value
        return postgres_pattern(value)


class ExactNumber(types.TypeDecorator[Any]):
    """A number of a JSON document: any that JSON has, compared without rounding."""

    impl = types.NullType
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Plain numbers in SQLite, which knows no others."""
        kind: Any = Numeric() if _is_postgres(dialect) else types.NullType()
        return dialect.type_descriptor(kind)

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The number for a database."""
        if not _is_postgres(dialect) or not isinstance(value, int | float):
            return value
        return Decimal(repr(value))


class AnyText(types.TypeDecorator[Any]):
    """A value that PostgreSQL has as a text, whatever it was before; SQLite as it is."""

    impl = types.NullType
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """A text in PostgreSQL."""
        kind: Any = String() if _is_postgres(dialect) else types.NullType()
        return dialect.type_descriptor(kind)

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The value for a database."""
        return str(value) if _is_postgres(dialect) and value is not None else value


def _is_postgres(dialect: Dialect) -> bool:
    return dialect.name == "postgresql"
