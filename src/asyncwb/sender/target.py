"""Where a run lives on the server."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

__all__ = ["RunTarget"]


class RunTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The server's names for a run; they replace the ones that were asked for."""

    project: str
    run_id: str
    entity: str | None = None
    display_name: str | None = None
    storage_id: str | None = None

    def url(self, app_url: str) -> str:
        """Web page of the run."""
        path = "/".join(quote(part, safe="") for part in (self.entity or "", self.project))
        return f"{app_url.rstrip('/')}/{path}/runs/{quote(self.run_id, safe='')}"
