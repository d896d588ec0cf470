"""Checks of a change's terms, and sentences shared by several decisions."""

from __future__ import annotations

from typing import Final

from directdnsonly.errors import OutboxUnavailable, VersionConflict, ZonePolicyError
from directdnsonly.outbox.changes import BEHIND_PIN, NewVersion, Source, Terms
from directdnsonly.outbox.decide.look import Look, Need, Pinned, told
from directdnsonly.outbox.ownership import owner_after
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

# Who changes something by these is told the id of his change, and may ask how far it has come.
ASKED_FOR: Final = frozenset({Source.API, Source.ROLLBACK})


def require_version(name: ZoneName, terms: Terms, look: Look) -> None:
    """Raises VersionConflict unless the expected version is the newest, even behind a pin: nobody overwrites what they have not seen."""
    if terms.expected_version is None:
        return
    version = look.living.version if look.living is not None else 0
    if version != terms.expected_version:
        raise VersionConflict(name, expected=terms.expected_version, newest=version)


def require_room(push: NewVersion, look: Look) -> None:
    """Check that the credential may hold one more zone if the push adds one. Raises ZonePolicyError, OutboxUnavailable."""
    if not push.terms.max_zones:
        return
    (living, buried), credential = look.owners, push.origin.owner.credential
    has_it = living is not None and living.credential == credential
    if has_it or owner_after(living, buried, push).credential != credential:
        return
    zones = told(Need.COUNTED, look.more.counted)
    if zones < 0:
        raise OutboxUnavailable(f"the zones of {credential}, which has a limit, were not counted at the start")
    if zones >= push.terms.max_zones:
        raise ZonePolicyError(
            f"{credential} may hold {counted(push.terms.max_zones, 'zone')} at most", rule="credential-zones"
        )


def why_held_back(pinned: Pinned | None, version: int) -> str:
    """The note to the sender of a change to a pinned zone; empty if it equals the pinned version."""
    if pinned is None or version == pinned.version:
        return ""
    return f"{BEHIND_PIN} {pinned.version}: recorded as version {version}, served when it is released"
