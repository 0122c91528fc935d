"""Presets of custom charts: Vega specifications that charts of an entity are drawn with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from asyncwb.server.jsontext import decode, is_object
from asyncwb.server.problems import conflict, invalid

from .accounts import entity_for
from .custom_chart_tables import custom_charts
from .names import check_name
from .policy import readable
from .rows import insert_row
from .tables import entities

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .accounts import User

__all__ = ["create_custom_chart", "find_custom_chart"]

_TYPE = "vega2"
_PUBLIC = "PUBLIC"
_ACCESS = ("PRIVATE", _PUBLIC)
_FORBIDDEN = "/\\#?%:"


def create_custom_chart(connection: Connection, user: User, values: dict[str, Any]) -> str:
    """Add a preset as `createCustomChart` asks.

    Returns:
        Its id, `entity/name`: what charts are drawn with.

    Raises:
        Problem: A bad name, an unknown type or access, a spec that is no JSON object (400), no
            such entity (404), no access (403), or the entity has one of this name (409).
    """
    owner = entity_for(connection, user, values["entity"])
    name = values["name"]
    check_name(name, "the name of a chart", _FORBIDDEN)
    if values["type"] != _TYPE:
        raise invalid(f"unknown type of a chart {values['type']!r:.100}; there is {_TYPE!r}")
    if values["access"] not in _ACCESS:
        raise invalid(f"the access of a chart is {' or '.join(_ACCESS)}")
    if not is_object(decode(values["spec"])):
        raise invalid("the spec of a chart is a JSON object")
    taken = select(custom_charts.c.id).where(
        custom_charts.c.entity_id == owner.id, custom_charts.c.name == name
    )
    if connection.execute(taken).first() is not None:
        raise conflict(f"{owner.name!r} has a chart {name!r} already")
    insert_row(
        connection,
        custom_charts,
        entity_id=owner.id,
        user_id=user.id,
        name=name,
        display_name=values["displayName"],
        type=_TYPE,
        access=values["access"],
        spec=values["spec"],
        created_at=time.time(),
    )
    return f"{owner.name}/{name}"


def find_custom_chart(connection: Connection, user: User, chart_id: str) -> Any:
    """A preset by its id; None where there is none that the user can see."""
    entity, _, name = chart_id.partition("/")
    query = (
        select(custom_charts, entities.c.name.label("entity_name"))
        .join(entities, entities.c.id == custom_charts.c.entity_id)
        .where(
            entities.c.name == entity,
            custom_charts.c.name == name,
            or_(custom_charts.c.access == _PUBLIC, readable(user)),
        )
    )
    return connection.execute(query).mappings().first()
