"""Credentials and roles: who a client is, what it may do, and whether it may try to log in.

The hot path first: a header that has succeeded before from the same address is recognised by one keyed digest and one
look-up. Everything else takes the slow path, limited by a leaky bucket per address and user name, so that guessing
is slow and hashing cannot be forced in bulk, while known clients never notice.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from directdnsonly.access.failures import FailedLogins, group_of
from directdnsonly.clock import Clock
from directdnsonly.errors import NotAdmitted
from directdnsonly.networks import Network, is_within

MAX_HEADER_BYTES: Final = 4096
REMEMBERED: Final = 4096  # headers that succeeded; the oldest goes first and is then looked at again
ANSWER_FAILURE_AFTER_S: Final = 0.3  # longer than a hash takes, so that time does not tell which user names exist
LIMITED: Final = 10  # times as long waits who has failed too often: ten thousand guesses must not take a core
CROWD: Final = 200  # that wait at once make each wait twice as long: however many guess, few are answered
DELAYED_AT_ONCE: Final = 256  # failures that wait for their answer; more are answered at once
HASHES_WAITING: Final = 8  # log-ins that wait for the one place where hashes are computed


log = structlog.get_logger()


class Role(StrEnum):
    """A role: one kind of thing that a credential may do."""

    PUSH = "push"  # push and delete zones: DirectAdmin's door and PUT, DELETE of the API
    READ = "read"  # look at everything: the API's GET, /metrics, /docs
    OPERATE = "operate"  # act: revive, roll back, pause, redeliver, reconcile, tokens
    PEER = "peer"  # another instance: it asks what we hold, by routes of its own, and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated client. `hostname`: the only DirectAdmin server for which it may push; empty: any."""

    name: str
    roles: frozenset[Role] = frozenset(Role)
    hostname: str = ""
    networks: tuple[Network, ...] = ()
    max_zones: int = 0

    def comes_from(self, address: str) -> bool:
        """Whether the address is in one of its networks; without networks every address is."""
        return not self.networks or is_within(address, self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """How a principal proves itself: a password, or an argon2 hash of one."""

    principal: Principal
    password: str | None = None
    password_hash: str | None = None


class BearerTokens(Protocol):
    """The API's tokens, looked up in memory."""

    def find(self, token: str) -> Principal | None:
        """The principal of a token; None if it is unknown, revoked or expired."""
        ...


class NoTokens:
    """A BearerTokens without any tokens."""

    def find(self, token: str) -> Principal | None:
        """None, for every token."""
        del token
        return None


class Access:
    """Authenticates clients. Holds no passwords, only digests under a key that lives as long as the process."""

    def __init__(
        self,
        known: Iterable[Secret],
        *,
        clock: Clock,
        tokens: BearerTokens | None = None,
        failures: FailedLogins | None = None,
        answer_failure_after_s: float = ANSWER_FAILURE_AFTER_S,
        on_failure: Callable[[str, str, int], Awaitable[None]] | None = None,
        count_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_failure` is called with address, user and number of failures, at most once a minute for each pair."""
        self._key = secrets.token_bytes(32)
        self._clock = clock
        self._tokens = tokens or NoTokens()
        self.failures = failures or FailedLogins()
        self._delay_s = answer_failure_after_s
        self._on_failure = on_failure
        self._count_failure = count_failure
        self._delayed = 0
        self._plain: list[tuple[bytes, Principal]] = []
        self._hashed: dict[str, Secret] = {}
        self._names: set[str] = set()
        self._remembered: OrderedDict[bytes, Principal] = OrderedDict()
        self._hasher = PasswordHasher()
        self._one_hash = asyncio.Semaphore(1)
        self._hashes_waiting = 0
        self.hashes = 0
        self.edition = 0  # of the credentials: grows when they are replaced
        for secret in known:
            self._add(secret)

    def replace(self, known: Iterable[Secret]) -> None:
        """Know these from now on, and no others: headers that succeeded before are judged anew, also on kept connections."""
        self.edition += 1
        self._plain, self._hashed, self._names = [], {}, set()
        self._remembered.clear()
        self.failures.forget()  # what was wrong before may be right now
        for secret in known:
            self._add(secret)

    def __repr__(self) -> str:
        """The credentials' names, without secrets."""
        return f"Access({sorted(self._names)})"

    def _add(self, secret: Secret) -> None:
        name = secret.principal.name
        if ":" in name:
            raise ValueError("a user name of HTTP Basic authentication cannot hold a colon")
        self._names.add(name)
        if secret.password is not None:
            self._plain += [(self._digest(token), secret.principal) for token in _tokens(name, secret.password)]
        if secret.password_hash is not None:
            self._hashed[name] = secret

    def recognise(self, header: bytes, address: str) -> Principal | None:
        """The principal of an Authorization header that has succeeded before from this address, else None. Never waits."""
        return self._remembered.get(self._place(header, address))

    async def admit(self, header: bytes, address: str) -> Principal:
        """Authenticate an Authorization header. Raises NotAdmitted, after a pause that slows guessing down."""
        found = self.recognise(header, address)
        if found is not None:
            return found
        scheme, _, token = header[:MAX_HEADER_BYTES].partition(b" ")
        match scheme.lower():
            case b"basic":
                return await self._admit_basic(header, token.strip(), address)
            case b"bearer":
                return await self._admit_bearer(token.strip(), address)
        raise NotAdmitted("give a user name and a password, or a token" if not header else "unknown kind of log-in")

    async def _admit_basic(self, header: bytes, token: bytes, address: str) -> Principal:
        user = _user(token)
        # All unknown names share a bucket: names made up at random must not fill the memory.
        bucket = (group_of(address), user if user in self._names else "")
        started_at = asyncio.get_running_loop().time()
        if wait_s := self.failures.wait_s(bucket, self._clock.now_s()):
            await self._count(bucket, address)
            await self._delay(started_at, self._limited_s())
            raise NotAdmitted("too many failed log-ins from this address as this user", again_in_s=wait_s)
        edition = self.edition
        found = self._by_password(token) or await self._by_hash(user, token)
        if edition != self.edition:  # they were replaced while the hash was computed
            return await self._admit_basic(header, token, address)
        if found is not None and found.comes_from(address):
            self._remember(self._place(header, address), found)
            return found
        await self._count(bucket, address)
        await self._delay(started_at, self._delay_s)
        raise NotAdmitted("user name or password is wrong" if found is None else "not from this address")

    async def _admit_bearer(self, token: bytes, address: str) -> Principal:
        """Authenticate a bearer token; it cannot be guessed (256 bits), so a valid one never waits."""
        found = self._tokens.find(token.decode("ascii", "replace"))
        if found is not None and found.comes_from(address):
            return found
        started_at = asyncio.get_running_loop().time()
        bucket = (group_of(address), "bearer token")
        if wait_s := self.failures.wait_s(bucket, self._clock.now_s()):
            await self._count(bucket, address)
            await self._delay(started_at, self._limited_s())
            raise NotAdmitted("too many failed log-ins from this address", again_in_s=wait_s)
        await self._count(bucket, address)
        await self._delay(started_at, self._delay_s)
        raise NotAdmitted("the token is unknown, revoked or too old" if found is None else "not from this address")

    def _by_password(self, token: bytes) -> Principal | None:
        digest = self._digest(token)
        found: Principal | None = None
        for known, principal in self._plain:  # all of them, so that time does not tell which one was near
            if hmac.compare_digest(known, digest):
                found = principal
        return found

    async def _by_hash(self, user: str, token: bytes) -> Principal | None:
        """Verify a password against an argon2 hash in a thread, one at a time.

        Names without a hash cost nothing here: the same pause before every failure hides which names have one.
        """
        secret = self._hashed.get(user)
        if secret is None:
            return None
        if self._hashes_waiting >= HASHES_WAITING:
            raise NotAdmitted("too many log-ins at once", again_in_s=1.0)
        self._hashes_waiting += 1
        try:
            async with self._one_hash:
                self.hashes += 1
                started_at = asyncio.get_running_loop().time()
                # In a thread: a hash takes 25-250 ms of CPU and lets go of the interpreter's lock meanwhile.
                if await asyncio.to_thread(self._verify, secret.password_hash or "", _password(token)):
                    return secret.principal
                # Guesses from a thousand addresses get a quarter of one core, not more.
                await asyncio.sleep(3 * (asyncio.get_running_loop().time() - started_at))
                return None
        finally:
            self._hashes_waiting -= 1

    def _verify(self, known: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False

    def _remember(self, place: bytes, principal: Principal) -> None:
        self._remembered[place] = principal
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    async def _count(self, bucket: tuple[str, str], address: str) -> None:
        """Count and report a failure, without names that are not configured: somebody may have typed a password as the name."""
        self._count_failure()
        if failures := self.failures.count(bucket, self._clock.now_s()):
            shown = bucket[1] or "a name that is not configured"
            log.warning("login.failed", address=address, user=shown, failures=failures)
            if self._on_failure is not None:
                await self._on_failure(address, shown, failures)

    def _limited_s(self) -> float:
        return self._delay_s * LIMITED * _about_one() * (1 + self._delayed / CROWD)

    async def _delay(self, started_at: float, seconds: float) -> None:
        if self._delayed >= DELAYED_AT_ONCE:
            return
        self._delayed += 1
        try:
            await asyncio.sleep(max(started_at + seconds - asyncio.get_running_loop().time(), 0.0))
        finally:
            self._delayed -= 1

    def _place(self, header: bytes, address: str) -> bytes:
        return self._digest(b"%b\0%b" % (address.encode(), header))

    def _digest(self, octets: bytes) -> bytes:
        # A keyed hash, 40 times cheaper than HMAC. What a client sends cannot steer it without the key, so that
        # looking it up in a dictionary tells nothing about what is there.
        return hashlib.blake2b(octets, key=self._key, digest_size=32).digest()


def hash_of(password: str) -> str:
    """The argon2id hash of a password, as `password_hash` takes it (OWASP's parameters: 19 MiB, 2 passes)."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(password)


def _about_one() -> float:
    """A random factor from 0.7 to 1.3, so that guessers answered together do not come back together."""
    return 0.7 + secrets.randbelow(600) / 1000


def _pair(token: bytes) -> bytes:
    try:
        return base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _user(token: bytes) -> str:
    name = _pair(token).partition(b":")[0]
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _password(token: bytes) -> bytes:
    """The password as UTF-8, even if the client sent Latin-1."""
    octets = _pair(token).partition(b":")[2]
    try:
        octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1").encode()
    return octets


def _tokens(name: str, password: str) -> set[bytes]:
    """The header values that a client may send; RFC 7617 leaves the character set open, so both UTF-8 and Latin-1 are valid."""
    pair = f"{name}:{password}"
    encoded = {pair.encode()}
    try:
        encoded.add(pair.encode("latin-1"))
    except UnicodeEncodeError:
        pass  # strictly: a replaced character would make "??" a password
    return {base64.b64encode(octets) for octets in encoded}
