"""Presets that custom charts are drawn with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from asyncwb import jsonx
from asyncwb.errors import InvalidValueError, ProtocolError
from asyncwb.graphql.chart_operations import CREATE_CUSTOM_CHART
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from asyncwb.graphql.service import Service

__all__ = ["CustomCharts"]

_ACCESS = ("private", "public")


class CustomCharts:
    """The part of an Api that keeps presets."""

    _service: Service

    @on_loop
    async def create_custom_chart(
        self,
        entity: str,
        name: str,
        display_name: str,
        spec_type: Literal["vega2"],
        access: Literal["private", "public"],
        spec: str | Mapping[str, Any],
    ) -> str:
        """Keep a Vega-Lite specification, for charts to be drawn with.

        Args:
            entity: User or team that it belongs to.
            name: What it is called there; once made it stays as it is.
            display_name: A name for people.
            spec_type: "vega2".
            access: "private": drawn for those who see what is the entity's; "public": for
                everybody.
            spec: Vega-Lite, or Vega with its address as `$schema`: a mapping, or its JSON text.
                `${field:x}` stands for the column that a chart names for `x`, `${string:title}`
                for its text; the table is the data named `wandb`.

        Returns:
            Its id, `entity/name`: the `vega_spec_name` of `plot_table`.

        Raises:
            InvalidValueError: An argument is wrong; nothing is sent.
            CommError: The server refused, for example a name that is taken, or was not reached.
        """
        for what, text in (("entity", entity), ("name", name), ("display_name", display_name)):
            if not isinstance(text, str) or not text.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidValueError(f"{what} is a text that is not empty, not {text!r}")
        if spec_type != "vega2":
            raise InvalidValueError(f"spec_type is 'vega2', not {spec_type!r}")
        if access not in _ACCESS:
            raise InvalidValueError(f"access is 'private' or 'public', not {access!r}")
        variables = {
            "entity": entity,
            "name": name,
            "displayName": display_name,
            "type": spec_type,
            "access": access.upper(),
            "spec": _text(spec),
        }
        made = (await self._service.execute(CREATE_CUSTOM_CHART, variables)).result
        if made is None or made.chart is None:
            raise ProtocolError("the server made no chart and gave no reason")
        return made.chart.id


def _text(spec: object) -> str:
    """The JSON text of a specification."""
    if isinstance(spec, str):
        try:
            known = jsonx.decode(spec)
        except ProtocolError as exc:
            raise InvalidValueError(f"spec is {exc}", exc=exc) from exc
        if not isinstance(known, dict):
            raise InvalidValueError("spec is a JSON object: a specification of Vega-Lite")
        return spec
    if not isinstance(spec, Mapping):
        raise InvalidValueError(f"spec is a mapping or its JSON text, not {type(spec).__name__}")
    return jsonx.encode(cast("object", spec), default=_mapping).decode()


def _mapping(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise InvalidValueError(f"spec holds a {type(value).__name__}, which JSON cannot")
