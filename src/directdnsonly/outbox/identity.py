"""How a state of a zone is known on every instance: its version id. Pure.

A version number counts on one instance only. A version id says *what* is stated, so that two instances that were told the
same have the same one, and each knows by the ids that its zone has had which of two states came first. It covers

    a zone     its content, the serial under which it is published, and whose it is; where the serial does not move forward
               (a signed zone, a change of owner), also the id before: so no id ever comes twice in the life of a zone
    a delete   the id of what was deleted, and the request: no two deletes have one id

begins with a bit that tells a delete, and ends in two octets that count how often the same was stated again: a push of what is held already changes nothing that
is served, yet says that it was wanted later than whatever did not know of it.

Who a zone belongs to is DirectAdmin's host name and user; only where a server names none, the name of our credential,
which is then to be the same on all instances.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

from directdnsonly.outbox.changes import Owner

SIZE: Final = 16
TIMES: Final = 2  # octets, the last ones
MOST_TIMES: Final = 2 ** (8 * TIMES) - 1  # from then on counted no further
BUCKETS: Final = 2048  # in which zones are compared: with 100,000 of them 50 in each
KEPT: Final = 64  # ids of a zone beyond the versions that are kept: 1 KiB
_DELETE: Final = 0x80  # in the first octet
_ONCE: Final = bytes(TIMES)
_NO_ID: Final = bytes(SIZE)
NOTHING: Final = b""  # nobody has stated anything of the zone


def of_zone(digest: bytes, serial: int, owner: Owner, *, after: bytes = NOTHING) -> bytes:
    """Of a zone. `digest` covers the content without its serial; `after`: the id before, if the serial does not tell."""
    before = after or _NO_ID
    return _stated(0, digest + serial.to_bytes(4, "big") + before + whose(owner).encode("utf-8", "surrogatepass"))


def whose(owner: Owner) -> str:
    """An owner as every instance knows it."""
    return "\0".join((owner.hostname, "" if owner.hostname else owner.credential, owner.username))


def of_delete(deleted: bytes, change_id: str) -> bytes:
    """Of a delete. `deleted`: the id of what it deletes; NOTHING where there is nothing, or it is not known.

    Each delete has an id of its own: of two deletes of the same, one before and one after the zone was made again
    somewhere, the second must not be taken for the first. Where both sides hold a delete, either id will do (see merge).
    """
    return _stated(_DELETE, (deleted or _NO_ID) + change_id.encode())


def of_decision(matter: str, about: bytes, *, stands: bool, after: bytes = NOTHING) -> bytes:
    """Of what follows from a decision about a zone by itself, the same on every instance. What somebody decides has an id by chance.

    `about`: what it is about; `after`: the id of the decision before it.
    """
    what = "\0".join((matter, "stands" if stands else "ended")).encode()
    return hashlib.sha256(what + b"\0" + (after or _NO_ID) + about).digest()[:SIZE]


def of_push(digest: bytes, owner: Owner) -> bytes:
    """Of a push that waits for approval. `digest`: of its content without the serial."""
    return hashlib.sha256(digest + whose(owner).encode("utf-8", "surrogatepass")).digest()[:SIZE]


def is_delete(stated: bytes) -> bool:
    """Whether it is the id of a delete."""
    return bool(stated) and stated[0] & _DELETE == _DELETE


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


def bucket(name: str) -> int:
    """In which of the BUCKETS a zone is compared."""
    return zlib.crc32(name.encode()) % BUCKETS


def mark(name: str, stated: bytes) -> int:
    """What a zone adds to its bucket: 64 bits with a sign, never 0. The bucket holds the exclusive or of all marks in it."""
    return int.from_bytes(hashlib.sha256(name.encode() + b"\0" + stated).digest()[:8], "big", signed=True) or 1


def _stated(kind: int, whole: bytes) -> bytes:
    digest = hashlib.sha256(whole).digest()
    return bytes((digest[0] & ~_DELETE | kind,)) + digest[1 : SIZE - TIMES] + _ONCE
