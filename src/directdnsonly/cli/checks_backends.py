"""What `dadns check` asks of backends that somebody else runs: whether each is ready now. Nothing is created."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from directdnsonly.backends.contract import Backend
from directdnsonly.backends.registry import BACKENDS
from directdnsonly.config import Settings
from directdnsonly.errors import BackendError, BackendUnavailable
from directdnsonly.verify.verifier import Verifier

# `ready` of the other types makes tables or a folder that is missing: of those only the name servers are asked.
ASKED_WHOLE: Final = frozenset({"bind", "nsd", "knot", "powerdns"})
NOT_ASKED: Final = {
    "coredns_mysql": "the database was not asked: dadns probe asks it, of a running service",
    "powerdns_mysql": "the database was not asked: dadns probe asks it, of a running service",
}


def ask(settings: Settings) -> Mapping[str, tuple[bool, str]]:
    """By backend: whether it answers, and what an operator is told. All are asked at once, each for a bounded time."""
    return asyncio.run(_ask_all(settings))


async def _ask_all(settings: Settings) -> Mapping[str, tuple[bool, str]]:
    async with asyncio.TaskGroup() as group:
        asked = {
            name: group.create_task(_ask_one(settings, name), name=f"check:{name}")
            for name, backend in settings.enabled_backends().items()
            if not backend.is_managed
        }
    return {name: task.result() for name, task in asked.items()}


async def _ask_one(settings: Settings, name: str) -> tuple[bool, str]:
    chosen = settings.dns.backends[name]
    limit_s = settings.dispatch.probe_timeout_s
    backend = BACKENDS[chosen.type].build(name, chosen, settings.data_dir)
    try:
        async with asyncio.timeout(limit_s):
            reason = await _why_not(backend, whole=chosen.type in ASKED_WHOLE)
    except BackendUnavailable as error:
        reason = error.reason
    except TimeoutError:
        reason = f"no answer in {limit_s:g} s"
    except (BackendError, OSError) as error:
        reason = str(error)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await backend.aclose()
    return not reason, reason or NOT_ASKED.get(chosen.type, "it answers")


async def _why_not(backend: Backend, *, whole: bool) -> str:
    """Why work could not flow now; empty when it could."""
    if whole:
        await backend.ready()
    can = backend.capabilities
    verifier = Verifier(backend.servers, allows_transfer=can.allows_transfer, authoritative=can.authoritative)
    try:
        return await verifier.why_silent()
    finally:
        verifier.close()
