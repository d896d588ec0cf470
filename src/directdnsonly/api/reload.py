"""/api/v1/reload: reload the configuration, and the state of the one in force."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from directdnsonly.api.models.configuration import ConfigurationView, ReloadView
from directdnsonly.api.parts import ApiParts
from directdnsonly.operate.configuration import Reloading


def router(parts: ApiParts, reloading: Reloading) -> APIRouter:
    """The two routes."""
    api = APIRouter(prefix="/api/v1/reload", tags=["service"])

    @api.get("", summary="The configuration in force, and the result of the last reload")
    async def get_configuration() -> ConfigurationView:
        return ConfigurationView.of(reloading.standing)

    @api.post("", summary="Reload the configuration: apply what needs no restart")
    async def reload_configuration(
        request: Request,
        *,
        dry_run: Annotated[bool, Query(description="Only say what would be applied")] = False,
    ) -> ReloadView:
        """No connection is closed. If the configuration is wrong nothing is changed, and the 422 lists every mistake (`errors`)."""
        return ReloadView.of(await reloading.reload(parts.asks(request), dry_run=dry_run))

    return api
