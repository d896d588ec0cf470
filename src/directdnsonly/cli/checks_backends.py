"""How `dadns check` tries external backends, step by step. Nothing is created or changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from directdnsonly.advice import NO_ADDRESS
from directdnsonly.backends.contract import Backend
from directdnsonly.backends.registry import BACKENDS
from directdnsonly.backends.tables import check as mysql_check
from directdnsonly.backends.tables.check import Step
from directdnsonly.backends.tables.settings import MysqlSettings
from directdnsonly.config import Settings
from directdnsonly.errors import BackendError, BackendUnavailable
from directdnsonly.verify.verifier import Verifier

# `ready` of the other types makes tables or a folder that is missing.
ASKED_WHOLE: Final = frozenset({"bind", "nsd", "knot", "powerdns"})


def ask(settings: Settings) -> Mapping[str, Sequence[Step]]:
    """The steps tried on each backend and their outcome. All backends are tried in parallel, each step with a time limit."""
    return asyncio.run(_ask_all(settings))


async def _ask_all(settings: Settings) -> Mapping[str, Sequence[Step]]:
    async with asyncio.TaskGroup() as group:
        asked = {
            name: group.create_task(_ask_one(settings, name), name=f"check:{name}")
            for name, backend in settings.enabled_backends().items()
            if not backend.is_managed
        }
    return {name: task.result() for name, task in asked.items()}


async def _ask_one(settings: Settings, name: str) -> list[Step]:
    chosen, limit_s = settings.dns.backends[name], settings.dispatch.probe_timeout_s
    found: list[Step] = []
    if isinstance(chosen, MysqlSettings):
        try:
            async with asyncio.timeout(limit_s):
                async for step in mysql_check.steps(name, chosen):
                    found.append(step)
        except TimeoutError:
            found.append(Step(False, "connection" if not found else "tables", f"no answer in {limit_s:g} s"))
    backend = BACKENDS[chosen.type].build(name, chosen, settings.data_dir)
    try:
        if chosen.type in ASKED_WHOLE:
            why = await _why_not(backend.ready(), limit_s)
            found.append(Step(not why, "control", f"{chosen.told(name, settings.data_dir)}: {why or 'it answers'}"))
        found.append(await _dns(backend, limit_s))
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await backend.aclose()
    return found


async def _dns(backend: Backend, limit_s: float) -> Step:
    """Whether the backend's name servers answer queries at all; the content of the answer does not matter."""
    can = backend.capabilities
    verifier = Verifier(backend.servers, allows_transfer=can.allows_transfer, authoritative=can.authoritative)
    servers = ", ".join(f"{one.host}#{one.port}" for one in backend.servers)
    try:
        why = await _why_not(verifier.why_silent(), limit_s)
    finally:
        verifier.close()
    return Step(not why, "DNS", why or (f"{servers} answers" if servers else f"{NO_ADDRESS} (verify_address)"))


async def _why_not(asked: Awaitable[str | None], limit_s: float) -> str:
    """Why the step failed; empty if it worked. `asked` raises, or returns the reason."""
    try:
        async with asyncio.timeout(limit_s):
            return await asked or ""
    except BackendUnavailable as error:
        return error.reason
    except TimeoutError:
        return f"no answer in {limit_s:g} s"
    except (BackendError, OSError) as error:
        return str(error)
