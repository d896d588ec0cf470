"""/api/v1/reload: take the changed configuration, and how the one in force stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from directdnsonly.api.models.configuration import ConfigurationView, ReloadView
from directdnsonly.api.parts import ApiParts
from directdnsonly.operate.configuration import Reloading


def router(parts: ApiParts, reloading: Reloading) -> APIRouter:
    """The two routes."""
    api = APIRouter(prefix="/api/v1/reload", tags=["service"])

    @api.get("", summary="The configuration that is in force, and what became of the last reload")
    async def get_configuration() -> ConfigurationView:
        return ConfigurationView.of(reloading.standing)

    @api.post("", summary="Read the configuration anew, and apply what needs no restart")
    async def reload_configuration(
        request: Request,
        *,
        dry_run: Annotated[bool, Query(description="Only tell what would be applied")] = False,
    ) -> ReloadView:
        """No connection is closed. A wrong configuration changes nothing and is answered 422 with every mistake (`errors`)."""
        return ReloadView.of(await reloading.reload(parts.asks(request), dry_run=dry_run))

    return api
