"""Who is let in, what a failure costs, and what the good client never notices."""

from __future__ import annotations

import asyncio
import base64
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.access.credentials import Access, Principal, Role, Secret, hash_of
from directdnsonly.access.failures import FailedLogins
from directdnsonly.access.tokens import TokenBook
from directdnsonly.clock import ManualClock
from directdnsonly.errors import NotAdmitted
from directdnsonly.outbox.operators import ApiToken

PASSWORDS = {"first": "secret", "second": "geh\u00e4im:nis", "third": "\u65e5\u672c"}
SECRETS = [Secret(principal=Principal(name=name), password=password) for name, password in PASSWORDS.items()]
HASH = hash_of("a hashed word")
HERE, THERE = "192.0.2.1", "198.51.100.1"


def header(user: str, password: str, encoding: str = "utf-8") -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode(encoding))


def access(clock: ManualClock | None = None, *more: Secret, **options) -> Access:
    hashed = Secret(principal=Principal(name="hashed"), password_hash=HASH)
    return Access([*SECRETS, hashed, *more], clock=clock or ManualClock(), answer_failure_after_s=0, **options)


async def name_of(door: Access, value: bytes, address: str = HERE) -> str | None:
    try:
        return (await door.admit(value, address)).name
    except NotAdmitted:
        return None


async def test_each_credential_is_known_by_its_name() -> None:
    door = access()

    assert "first" == await name_of(door, header("first", "secret"))
    assert "first" == await name_of(door, header("first", "secret").replace(b"Basic ", b"bASIC   "))
    assert "second" == await name_of(door, header("second", "geh\u00e4im:nis"))
    assert "second" == await name_of(door, header("second", "geh\u00e4im:nis", "latin-1"))
    assert "third" == await name_of(door, header("third", "\u65e5\u672c"))
    assert "hashed" == await name_of(door, header("hashed", "a hashed word"))


async def test_nothing_else_is_known() -> None:
    door = access(failures=FailedLogins(burst=1000))
    token = header("first", "secret")[6:]
    wrong = [
        header("first", "Secret"),
        header("first", "geh\u00e4im:nis"),
        header("third", "??", "latin-1"),
        header("hashed", HASH),
        header("hashed", ""),
        header("nobody", "a hashed word"),
        b"",
        b"Basic",
    ]
    wrong += [b"Bearer " + token, b"Basic" + token, token, b"Basic " + token[:-1], b"Basic " + token + b"=" * 5000]

    assert [None] * len(wrong) == [await name_of(door, each) for each in wrong]


@given(st.binary())
def test_no_header_raises_anything_else(value: bytes) -> None:
    door = Access(SECRETS, clock=ManualClock(), answer_failure_after_s=0)

    assert door.recognise(value, HERE) is None
    assert asyncio.run(name_of(door, value)) is None


async def test_no_password_is_shown() -> None:
    door = access()
    await name_of(door, header("first", "secret"))

    shown = repr(door) + str({key: value for key, value in vars(door).items() if key != "_hashed"})

    assert "Access(['first', 'hashed', 'second', 'third'])" == repr(door)
    assert "secret" not in shown
    assert base64.b64encode(b"first:secret").decode() not in shown


async def test_a_push_pays_for_a_hash_once() -> None:
    """Afterwards the header is recognised, without waiting, from this address and from no other."""
    door = access()
    good = header("hashed", "a hashed word")
    assert door.recognise(good, HERE) is None

    for _ in range(1000):
        assert (door.recognise(good, HERE) or await door.admit(good, HERE)).name == "hashed"

    assert 1 == door.hashes
    assert door.recognise(good, THERE) is None


async def test_guesses_are_limited_and_cost_no_hash() -> None:
    """Of 10,000 guesses from one address ten are looked at, then one each six seconds; the right one does not get in
    among the others either, until it is its turn."""
    clock = ManualClock()
    door = access(clock)

    for number in range(10_000):
        assert await name_of(door, header("hashed", f"guess {number}")) is None
    assert 10 == door.hashes
    assert await name_of(door, header("hashed", "a hashed word")) is None
    with pytest.raises(NotAdmitted) as caught:
        await door.admit(header("hashed", "x"), HERE)
    assert 0 < caught.value.again_in_s <= 6

    clock.advance(6.1)

    assert "hashed" == await name_of(door, header("hashed", "a hashed word"))
    assert 11 == door.hashes


async def test_plain_passwords_cannot_be_guessed_faster() -> None:
    door = access()
    for number in range(100):
        await name_of(door, header("first", f"guess {number}"))

    assert await name_of(door, header("first", "secret")) is None


async def test_the_good_client_behind_the_same_address_is_not_hurt() -> None:
    """Neither one that was there before, nor one with another name."""
    door = access()
    assert "first" == await name_of(door, header("first", "secret"))

    for number in range(100):
        await name_of(door, header("first", f"guess {number}"))
        await name_of(door, header(f"made-up-{number}", "x"))

    assert door.recognise(header("first", "secret"), HERE) is not None
    assert "second" == await name_of(door, header("second", "geh\u00e4im:nis"))
    assert "first" == await name_of(door, header("first", "secret"), THERE)


async def test_failures_are_told_once_and_never_with_an_unknown_name() -> None:
    """What somebody typed as a user name may be a password."""
    told = []

    async def note(address: str, user: str, failures: int) -> None:
        told.append((address, user, failures))

    clock = ManualClock()
    door = access(clock, on_failure=note)
    for _ in range(50):
        await name_of(door, header("my-password", "x"))
        await name_of(door, header("first", "x"))
    clock.advance(61)
    await name_of(door, header("first", "x"))

    assert [
        (HERE, "a name that is not configured", 1),
        (HERE, "first", 1),
        (HERE, "first", 50),
    ] == told


async def test_a_credential_is_good_in_its_networks_only() -> None:
    home = Principal(
        name="home", networks=(ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32"))
    )
    door = access(None, Secret(principal=home, password="word"))

    addresses = ["192.0.2.77", "2001:db8::5", "::ffff:192.0.2.9", "198.51.100.1", "2001:db9::1", "nonsense", ""]
    found = [await name_of(door, header("home", "word"), address) for address in addresses]

    assert ["home", "home", "home", None, None, None, None] == found


async def test_what_is_remembered_is_bounded() -> None:
    door = access()
    for number in range(10_000):
        await name_of(door, header("first", "secret"), f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        await name_of(door, header("second", "wrong"), f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}")

    assert 4096 == len(door._remembered) == len(door.failures)


class Kept:
    """A token store in a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[bytes, ApiToken] = {}

    async def tokens(self) -> list[tuple[bytes, ApiToken]]:
        return list(self.rows.items())

    async def add_token(self, token: ApiToken, digest: bytes) -> None:
        self.rows[digest] = token

    async def remove_token(self, token_id: str) -> bool:
        before = len(self.rows)
        self.rows = {digest: token for digest, token in self.rows.items() if token.id != token_id}
        return len(self.rows) < before


async def test_a_token_lives_until_it_is_revoked_or_too_old() -> None:
    """Also over a restart; the store knows no token."""
    clock, kept = ManualClock(), Kept()
    book = TokenBook(kept, clock)
    token, secret = await book.create("script", roles=["read"], networks=["192.0.2.0/24"], days=1, by="first")
    _, other = await book.create("other", roles=["push"], networks=[], days=None, by="first")
    again = TokenBook(kept, clock)
    await again.load()
    door = access(clock, tokens=again)

    found = await door.admit(f"Bearer {secret}".encode(), HERE)
    assert ("script", {Role.READ}) == (found.name, found.roles)
    assert await name_of(door, f"Bearer {secret}".encode(), THERE) is None
    assert await name_of(door, f"Bearer {secret}x".encode()) is None
    assert secret.encode() not in b"".join(kept.rows) + repr(kept.rows).encode()

    clock.advance(86_400)
    assert await name_of(door, f"Bearer {secret}".encode()) is None
    assert "other" == await name_of(door, f"Bearer {other}".encode())
    assert await again.revoke(again.all()[1].id)
    assert await name_of(door, f"Bearer {other}".encode()) is None
    assert await again.revoke(token.id)
    assert not await again.revoke(token.id)


async def test_credentials_that_are_replaced_end_at_once_and_others_go_on():
    """Also those that were recognised by their header a moment ago; who is new is known, who stays stays."""
    door = access()
    gone, stays = header("first", "secret"), header("second", "geh\u00e4im:nis")
    assert {"first", "second"} == {await name_of(door, gone), await name_of(door, stays)}
    assert door.recognise(gone, HERE) is not None

    door.replace([*SECRETS[1:], Secret(principal=Principal(name="new"), password="word")])

    assert door.recognise(gone, HERE) is None
    assert (None, "second", "new") == (
        await name_of(door, gone),
        await name_of(door, stays),
        await name_of(door, header("new", "word")),
    )


async def test_a_hash_that_is_computed_while_credentials_are_replaced_lets_nobody_in():
    """It was right when it was begun, and is judged by what is known at its end."""
    door = access()
    asked = asyncio.create_task(name_of(door, header("hashed", "a hashed word")))
    while not door.hashes:
        await asyncio.sleep(0)

    door.replace(SECRETS)

    assert await asked is None
    assert door.recognise(header("hashed", "a hashed word"), HERE) is None


async def test_what_failed_before_credentials_were_replaced_counts_no_more():
    """A server that was given its new password before we were need not wait."""
    door = access(failures=FailedLogins(burst=2))
    coming = header("first", "another")
    for _ in range(4):
        assert await name_of(door, coming) is None

    door.replace([Secret(principal=Principal(name="first"), password="another")])

    assert "first" == await name_of(door, coming)
