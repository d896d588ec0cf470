"""How a state of a zone is known on every instance: its version id. Pure.

A version number counts on one instance only. A version id says *what* is stated, so that two instances that were told the
same have the same one, and each knows by the ids that its zone has had which of two states came first. It covers

    a zone     its content, the serial under which it is published, and whose it is; where the serial does not move forward
               (a signed zone, a change of owner), also the id before: so no id ever comes twice in the life of a zone
    a delete   the id of what was deleted

and ends in two octets that count how often the same was stated again: a push of what is held already changes nothing that
is served, yet says that it was wanted later than whatever did not know of it.

Who a zone belongs to is DirectAdmin's host name and user; only where a server names none, the name of our credential,
which is then to be the same on all instances.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from directdnsonly.outbox.changes import Owner

SIZE: Final = 16
TIMES: Final = 2  # octets, the last ones
MOST_TIMES: Final = 2 ** (8 * TIMES) - 1  # from then on counted no further
KEPT: Final = 64  # ids of a zone beyond the versions that are kept: 1 KiB
NOTHING: Final = b""  # nobody has stated anything of the zone


def of_zone(digest: bytes, serial: int, owner: Owner, *, after: bytes = NOTHING) -> bytes:
    """Of a zone. `digest` covers the content without its serial; `after`: the id before, if the serial does not tell."""
    return _stated(b"zone", digest, serial.to_bytes(4, "big"), after, whose(owner).encode("utf-8", "surrogatepass"))


def whose(owner: Owner) -> str:
    """An owner as every instance knows it."""
    return "\0".join((owner.hostname, "" if owner.hostname else owner.credential, owner.username))


def of_delete(deleted: bytes) -> bytes:
    """Of a delete. `deleted`: the id of what it deletes; NOTHING where that is not known."""
    return _stated(b"delete", deleted)


def again(stated: bytes) -> bytes:
    """The same, stated once more."""
    count = min(times(stated) + 1, MOST_TIMES)
    return content(stated) + count.to_bytes(TIMES, "big")


def content(stated: bytes) -> bytes:
    """An id without the count."""
    return stated[: SIZE - TIMES]


def times(stated: bytes) -> int:
    """How often the same was stated again."""
    return int.from_bytes(stated[SIZE - TIMES :], "big")


def split(joined: bytes) -> tuple[bytes, ...]:
    """Ids that are kept one behind the other; a rest is left out."""
    return tuple(joined[start : start + SIZE] for start in range(0, len(joined) - SIZE + 1, SIZE))


def joined(past: Sequence[bytes], more: Iterable[bytes]) -> bytes:
    """Ids as they are kept: those of `past` and then `more`, each content once, no more than KEPT, the last ones."""
    found: dict[bytes, bytes] = {}
    for one in (*past, *more):
        key = content(one)
        found[key] = max(found.pop(key, one), one)
    return b"".join(list(found.values())[-KEPT:])


def _stated(*parts: bytes) -> bytes:
    whole = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(whole).digest()[: SIZE - TIMES] + bytes(TIMES)
