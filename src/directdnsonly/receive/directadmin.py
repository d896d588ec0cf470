"""DirectAdmin's wire format: decodes requests to commands, encodes answers. Pure; never raises on foreign octets.

What DirectAdmin really sends is in docs/directadmin.md. Two facts shape this module: a delete carries everything in a
body without Content-Type, and a zone may be sent with a form's Content-Type. So no header decides what the body is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from directdnsonly.errors import Fault, NameRefused, PushRefused
from directdnsonly.receive.fields import Fields, looks_urlencoded, read_fields

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9_.:-]{0,253}\Z")  # a host name or an address
_USERNAME: Final = re.compile(r"[A-Za-z0-9_.@|+-]{0,128}\Z")  # '|' as in DA's "admin|user"
_SELECT: Final = re.compile(r"select([0-9]{1,6})\Z")
_FALSE: Final = frozenset({"", "0", "no", "false"})
_TAIL: Final = b"\r\n"  # DA's PHP client sends CRLFCRLF behind its body; some count it in Content-Length


@dataclass(frozen=True, slots=True)
class LoginTest:
    """DirectAdmin's connection test, sent when a server is added."""


@dataclass(frozen=True, slots=True)
class UserExists:
    """DirectAdmin's user check; we have no users."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A POST with neither query nor body: it requests nothing and is answered error=0."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A DirectAdmin command that we do not implement."""

    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """DirectAdmin's domain check; `domain` as it was sent."""

    domain: str
    check_parent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSave:
    """A push of a zone: `domain` as it was sent, `zone` the octets of the zone file. `notes`: oddities for the log."""

    domain: str
    zone: bytes
    named_reload: bool = False
    hostname: str = ""
    username: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """A delete: the zone names as they were sent, in the order of their `select<N>`."""

    domains: tuple[str, ...]
    hostname: str = ""
    username: str = ""
    cluster: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A request that cannot be decoded without guessing. `writes`: it was, or may have been, a push or a delete."""

    rule: str
    reason: str
    writes: bool
    domain: str = ""


Command = LoginTest | UserExists | Nothing | Unknown | Exists | RawSave | Delete | Malformed


def decode(method: str, path: str, query: bytes, body: bytes) -> Command:
    """Decode a request to its command; whatever cannot be decoded becomes Malformed."""
    command = path.strip("/")
    if command == "CMD_API_DNS_ADMIN":
        return _dns_admin(method, query, body)
    if command == "CMD_API_LOGIN_TEST":
        return LoginTest()
    if command == "CMD_API_USER_EXISTS":
        return UserExists()
    return Unknown(command[:64])


def _dns_admin(method: str, query: bytes, body: bytes) -> Command:
    posted = method == "POST"
    try:
        asked = read_fields(query, where="query")
        trimmed = body.rstrip(_TAIL)
        is_form = looks_urlencoded(trimmed)
        sent = read_fields(trimmed, where="body") if is_form else Fields()
    except PushRefused as refusal:
        return Malformed(rule=refusal.rule, reason=refusal.reason, writes=posted)
    values = sent.values | asked.values  # the query wins
    action = values.get("action", "")
    try:
        if action == "exists":
            return _exists(values)
        if action not in ("rawsave", "delete"):
            return _without_action(action, posted=posted, empty=not (query or trimmed))
        zone = (sent.zone or b"") if is_form else body
        return _write(action, values, zone, posted=posted, notes=_conflicts(asked, sent))
    except PushRefused as refusal:
        domain = values.get("domain", "") or values.get("select0", "")
        return Malformed(rule=refusal.rule, reason=refusal.reason, writes=action != "exists" and posted, domain=domain)


def _without_action(action: str, *, posted: bool, empty: bool) -> Nothing:
    if posted and empty:
        return Nothing()
    if action:
        raise PushRefused(f"the action {action[:64]!a} is not one of exists, rawsave, delete", rule="request-action")
    raise PushRefused("there is no action, neither in the query nor in a urlencoded body", rule="request-action")


def _write(
    action: str, values: dict[str, str], zone: bytes, *, posted: bool, notes: tuple[str, ...]
) -> RawSave | Delete:
    if not posted:
        raise PushRefused(f"action={action} must be sent by POST", rule="request-method")
    return _delete(values, notes) if action == "delete" else _raw_save(values, zone, notes)


def _exists(values: dict[str, str]) -> Exists:
    return Exists(domain=_domain(values), check_parent=_is_true(values.get("check_for_parent_domain", "")))


def _raw_save(values: dict[str, str], zone: bytes, notes: tuple[str, ...]) -> RawSave:
    domain = _domain(values)
    hostname, username = _master(values)
    if not zone or zone.isspace():
        # Never taken for an empty zone or a delete: a push cut short looks like this: what we hold stays.
        raise PushRefused("the request has no zone text; the zone that we hold stays as it is", rule="missing-zone")
    return RawSave(
        domain=domain,
        zone=zone,
        named_reload=_is_true(values.get("named_reload", "")),
        hostname=hostname,
        username=username,
        notes=notes,
    )


def _delete(values: dict[str, str], notes: tuple[str, ...]) -> Delete:
    hostname, username = _master(values)
    return Delete(
        domains=_selected(values),
        hostname=hostname,
        username=username,
        cluster=_is_true(values.get("cluster", "")),
        notes=notes,
    )


def _domain(values: dict[str, str]) -> str:
    domain = values.get("domain", "")
    if not domain:
        raise PushRefused("the parameter domain is missing", rule="missing-domain")
    return domain


def _selected(values: dict[str, str]) -> tuple[str, ...]:
    """The names in `select0`, `select1`, ... in numeric order, then `domain`; each once."""
    numbered: dict[int, str] = {}
    for key, value in values.items():
        match = _SELECT.match(key)
        if match is None:
            continue
        number = int(match[1])
        if number in numbered:  # select1 and select01
            raise PushRefused(f"the parameter select{number} occurs twice", rule="request-duplicate")
        numbered[number] = value
    chosen = [numbered[number] for number in sorted(numbered)]
    if "domain" in values:
        chosen.append(values["domain"])
    if not chosen or not all(chosen):
        raise PushRefused("the parameter select0 (or domain) is missing or empty", rule="missing-domain")
    return tuple(dict.fromkeys(chosen))


def _master(values: dict[str, str]) -> tuple[str, str]:
    """The server's host name in lower case and the user name; either may be empty."""
    hostname, username = values.get("hostname", ""), values.get("username", "")
    if not _HOSTNAME.match(hostname):
        raise PushRefused(f"hostname={hostname[:80]!a} is not a host name", rule="request-hostname")
    if not _USERNAME.match(username):
        raise PushRefused(f"username={username[:80]!a} is not a DirectAdmin user name", rule="request-username")
    return hostname.rstrip(".").lower(), username


def _conflicts(asked: Fields, sent: Fields) -> tuple[str, ...]:
    """Notes on parameters that differ between query and body; the query wins."""
    return tuple(
        f"{key[:64]!a} differs between query and body; the query was used"
        for key, value in sent.values.items()
        if key in asked.values and asked.values[key] != value
    )


def _is_true(flag: str) -> bool:
    return flag.strip().lower() not in _FALSE


# Answers. Blanks stay as they are (the length of DA's own answers shows that it does so); only what would change the
# meaning of the text is escaped.

OK: Final = b"error=0"
LOGIN_OK: Final = b"error=0&text=Login OK&details=none"
NOTHING_DONE: Final = b"error=0&text=OK"
NO_SUCH_USER: Final = b"error=0&exists=0"
ABSENT: Final = b"error=0&exists=0"

MAX_DETAIL_CHARS: Final = 400
MAX_FAULTS_CHARS: Final = 1000  # of several faults together
_AS_IS: Final = " !$'()*,/:;?@[]~"
_HEADLINES: Final = {
    "missing-domain": "Missing domain",
    "missing-zone": "Missing zone",
    "takeover": "Zone belongs to another server",
    "overlap": "Zone overlaps another server's",
    "credential-hostname": "Not your server",
    "credential-zones": "Too many zones",
}


def held(hostname: str) -> bytes:
    """The answer to `exists` when we hold this very zone."""
    return f"error=0&exists=1&details={_escaped(f'Domain exists on {hostname}')}".encode()


def parent_held(hostname: str) -> bytes:
    """The answer to `exists` when we hold a parent zone whose owner may not be named."""
    return f"error=0&exists=2&details={_escaped(f'Parent Domain exists on {hostname}')}".encode()


def parent_owned(hostname: str, username: str) -> bytes:
    """The answer to `exists` when we hold a parent zone: DirectAdmin compares server and user with the subdomain's creator."""
    return f"error=0&exists=3&hostname={_escaped(hostname)}&username={_escaped(username)}".encode()


def failure(text: str, details: str = "", *, limit: int = MAX_DETAIL_CHARS) -> bytes:
    """The answer error=1 with a headline and a reason, both of which DirectAdmin shows to the user."""
    return f"error=1&text={_escaped(text)}&details={_escaped(details[:limit])}".encode()


def refusal(error: PushRefused) -> bytes:
    """The answer error=1 to a refused push, with as many of its faults as fit."""
    if isinstance(error, NameRefused):
        return failure("Invalid domain", error.reason)
    default = "Bad request" if error.rule.startswith("request-") else "Zone refused"
    return failure(_HEADLINES.get(error.rule, default), _all_of(error.faults), limit=MAX_FAULTS_CHARS)


def _all_of(faults: Sequence[Fault]) -> str:
    """All faults in one line as far as they fit, and how many were left out."""
    told = ""
    for number, fault in enumerate(faults):
        one = str(fault)[:MAX_DETAIL_CHARS]
        rest = f"; and {len(faults) - number} more"
        if told and len(told) + len(one) + len(rest) > MAX_FAULTS_CHARS:
            return told + rest
        told += f"; {one}" if told else one
    return told


def _escaped(text: str) -> str:
    return quote(text, safe=_AS_IS, errors="replace")
