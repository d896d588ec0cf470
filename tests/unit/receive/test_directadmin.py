"""The wire codec: octets to commands, answers to text."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.errors import Fault, NameRefused, PushRefused, ZonePolicyError, ZoneSyntaxError
from directdnsonly.receive import directadmin as da
from directdnsonly.receive.fields import MAX_FIELDS, MAX_FORM_BYTES, looks_urlencoded, read_fields
from tests.support.wire import DELETE_BODY, ZONE, parse_reply

PATH = "/CMD_API_DNS_ADMIN"
ZONE_OCTETS = ZONE.encode()


def post(query: bytes = b"", body: bytes = b"") -> da.Command:
    return da.decode("POST", PATH, query, body)


def get(query: bytes) -> da.Command:
    return da.decode("GET", PATH, query, b"")


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/CMD_API_LOGIN_TEST", da.LoginTest()),
        ("//CMD_API_LOGIN_TEST/", da.LoginTest()),
        ("/CMD_API_USER_EXISTS", da.UserExists()),
        ("/CMD_API_FOO", da.Unknown("CMD_API_FOO")),
        ("/CMD_" + "x" * 100, da.Unknown("CMD_" + "x" * 60)),
    ],
)
def test_the_path_names_the_command(path: str, command: da.Command) -> None:
    assert command == da.decode("GET", path, b"user=x&user=y&%", b"")


def test_a_push_as_on_the_wire() -> None:
    query = b"action=rawsave&domain=example.com&named_reload=yes&username=alice&hostname=S1.host.example."

    assert da.RawSave(
        domain="example.com", zone=ZONE_OCTETS, named_reload=True, hostname="s1.host.example", username="alice"
    ) == post(query, ZONE_OCTETS)


def test_a_delete_as_on_the_wire() -> None:
    expected = da.Delete(domains=("example.com",), hostname="s1.host.example", username="alice", cluster=True)

    assert expected == post(b"", DELETE_BODY)
    assert expected == post(b"", DELETE_BODY + b"\r\n\r\n")
    assert expected == post(DELETE_BODY, b"")


def test_selected_zones_are_taken_by_number_not_by_place() -> None:
    command = post(b"", b"action=delete&select10=c.example&domain=d.example&select2=b.example&select0=a.example")

    assert isinstance(command, da.Delete)
    assert ("a.example", "b.example", "c.example", "d.example") == command.domains


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("true", True),
        ("1", True),
        ("yes", True),
        ("on", True),
        ("0", False),
        ("No", False),
        ("FALSE", False),
        ("", False),
    ],
)
def test_a_flag_is_set_unless_it_says_no(flag: str, expected: bool) -> None:
    query = f"action=exists&domain=a.example&check_for_parent_domain={flag}".encode()

    assert da.Exists(domain="a.example", check_parent=expected) == get(query)


@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_a_zone_in_a_form_is_decoded_to_the_same_octets(encode: object) -> None:
    assert callable(encode)
    body = f"action=rawsave&domain=example.com&zone_file={encode(ZONE)}".encode()

    assert da.RawSave(domain="example.com", zone=ZONE_OCTETS) == post(b"", body)


def test_a_raw_zone_that_mentions_zone_file_stays_a_raw_zone() -> None:
    zone = b'zone_file=x IN TXT "a&b=c"\n'

    assert da.RawSave(domain="a.example", zone=zone) == post(b"action=rawsave&domain=a.example", zone)


@pytest.mark.parametrize(
    ("query", "body", "rule", "writes"),
    [
        (b"action=exists", b"", "missing-domain", False),
        (b"action=rawsave", ZONE_OCTETS, "missing-domain", True),
        (b"action=delete", b"", "missing-domain", True),
        (b"", b"action=delete&select0=", "missing-domain", True),
        (b"action=rawsave&domain=a.example", b"", "missing-zone", True),
        (b"action=rawsave&domain=a.example", b"\r\n\r\n", "missing-zone", True),
        (b"action=rawsave&domain=a.example", b"hostname=x", "missing-zone", True),
        (b"action=rawsave&domain=a.example", b"zone_file=%0A", "missing-zone", True),
        (b"action=other&domain=a.example", b"", "request-action", True),
        (b"domain=a.example", b"", "request-action", True),
        (b"", ZONE_OCTETS, "request-action", True),
        (b"action=exists&domain=a&domain=b", b"", "request-duplicate", True),
        (b"action=rawsave&domain=a.example", b"zone_file=a&zone_file=b", "request-duplicate", True),
        (b"action=exists&domain=%0a", b"", "request-control", True),
        (b"action=exists&domain=%C2%85", b"", "request-control", True),
        (b"action=exists&domain=%ff", b"", "request-encoding", True),
        (b"action=exists&domain=%4", b"", "request-encoding", True),
        (b"action=exists&domain=" + b"a" * 4000, b"", "request-length", True),
        (b"action=rawsave&domain=a.example&hostname=a+b", ZONE_OCTETS, "request-hostname", True),
        (b"action=rawsave&domain=a.example&username=a%2Fb", ZONE_OCTETS, "request-username", True),
        (b"", b"a=1&" * MAX_FIELDS, "request-fields", True),
    ],
)
def test_what_cannot_be_understood_is_refused_by_a_rule(query: bytes, body: bytes, rule: str, writes: bool) -> None:
    command = post(query, body)

    assert isinstance(command, da.Malformed)
    assert (rule, writes) == (command.rule, command.writes)


def test_the_name_of_a_refused_push_is_kept_as_it_was_sent() -> None:
    command = post(b"action=rawsave&domain=Example.COM", b"")

    assert isinstance(command, da.Malformed)
    assert "Example.COM" == command.domain


@pytest.mark.parametrize("action", ["rawsave", "delete"])
def test_only_a_post_writes(action: str) -> None:
    command = get(f"action={action}&domain=a.example".encode())

    assert isinstance(command, da.Malformed)
    assert ("request-method", False) == (command.rule, command.writes)


def test_the_query_wins_and_the_difference_is_noted() -> None:
    command = post(b"action=delete&domain=a.example&hostname=h", b"domain=b.example&hostname=h&cluster=yes")

    assert isinstance(command, da.Delete)
    assert (("a.example",), "h", True) == (command.domains, command.hostname, command.cluster)
    assert ("'domain' differs between query and body; the query was used",) == command.notes


def test_an_empty_post_asks_for_nothing_an_empty_get_is_an_error() -> None:
    assert da.Nothing() == post()
    assert da.Nothing() == post(b"", b"\r\n\r\n")
    assert isinstance(get(b""), da.Malformed)


def test_a_huge_form_is_not_decoded() -> None:
    assert looks_urlencoded(b"a=" + b"x" * (MAX_FORM_BYTES - 2))
    assert not looks_urlencoded(b"a=" + b"x" * MAX_FORM_BYTES)


methods = st.sampled_from(["GET", "POST", "HEAD"])
WORDS = b"action= rawsave delete exists domain= select0= select1= zone_file= & = % %00 %C3%BC %ff + a.example hostname="
pieces = st.sampled_from([*WORDS.split(), b"\n", b"username="])
octets = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=20).map(b"".join))


@given(methods, st.text(max_size=60), octets, octets)
def test_any_octets_become_a_command(method: str, path: str, query: bytes, body: bytes) -> None:
    """Never an exception, and never a push without a domain and a zone."""
    for where in (PATH, path):
        command = da.decode(method, where, query, body)

        assert isinstance(command, da.Command)
        if isinstance(command, da.RawSave):
            assert command.domain
            assert command.zone.strip()
        if isinstance(command, da.Delete):
            assert all(command.domains)
        if isinstance(command, da.RawSave | da.Delete):
            assert "POST" == method


names = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=40)


@given(st.dictionaries(names, names, max_size=8))
def test_fields_come_back_as_they_were_encoded(fields: dict[str, str]) -> None:
    fields.pop("zone_file", None)
    raw = "&".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in fields.items()).encode()

    assert fields == read_fields(raw, where="query").values


@given(st.binary(min_size=1).filter(lambda zone: not zone.isspace()), names)
def test_a_pushed_zone_arrives_as_it_was_sent(zone: bytes, domain: str) -> None:
    query = f"action=rawsave&domain={quote(domain, safe='')}".encode()
    form = f"zone_file={quote_plus(zone)}".encode()

    command = post(query, form)

    assert da.RawSave(domain=domain, zone=zone) == command


@given(st.text(), st.text())
def test_answers_come_back_as_they_were_given(hostname: str, username: str) -> None:
    shown = {key: value.encode("utf-8", "replace").decode() for key, value in (("h", hostname), ("u", username))}

    assert {"error": "0", "exists": "3", "hostname": shown["h"], "username": shown["u"]} == parse_reply(
        da.parent_owned(hostname, username)
    )
    assert f"Domain exists on {shown['h']}" == parse_reply(da.held(hostname))["details"]
    assert "1" == parse_reply(da.failure(hostname, username))["error"]


@given(st.text())
def test_an_answer_is_one_line_of_ascii(text: str) -> None:
    answer = da.failure(text, text)

    assert answer.isascii()
    assert not set(b"\r\n\0") & set(answer)


def test_answers_look_as_directadmins_own() -> None:
    assert b"error=0&text=Login OK&details=none" == da.LOGIN_OK
    assert b"error=0&exists=1&details=Domain exists on s1.host.example" == da.held("s1.host.example")
    assert b"error=0&exists=2&details=Parent Domain exists on s1" == da.parent_held("s1")
    assert b"error=1&text=a%26b%3Dc&details=50%25 %2B" == da.failure("a&b=c", "50% +")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NameRefused("x"), "Invalid domain"),
        (ZoneSyntaxError("x", line=3), "Zone refused"),
        (ZonePolicyError("x", rule="soa"), "Zone refused"),
        (ZonePolicyError("x", rule="takeover"), "Zone belongs to another server"),
        (PushRefused("x", rule="missing-zone"), "Missing zone"),
        (PushRefused("x", rule="request-duplicate"), "Bad request"),
    ],
)
def test_a_refusal_has_a_headline_and_its_reason(error: PushRefused, text: str) -> None:
    assert {"error": "1", "text": text, "details": error.reason} == parse_reply(da.refusal(error))


def test_a_long_reason_is_cut() -> None:
    assert da.MAX_DETAIL_CHARS == len(parse_reply(da.failure("x", "y" * 5000))["details"])


def test_all_faults_of_a_zone_are_in_the_answer_as_far_as_they_fit() -> None:
    """DirectAdmin shows them to the person who saved the zone; how many did not fit is told."""
    few, many = ZoneSyntaxError("x", line=3), ZoneSyntaxError("x" * 200, line=1)
    few.faults += (Fault("cname-and-other", "y & z", 9), Fault("ns-missing", "no NS"))
    many.faults = tuple(Fault("syntax", "x" * 200, line) for line in range(1, 11))

    assert "line 3: x; line 9: y & z; no NS" == parse_reply(da.refusal(few))["details"]
    told = parse_reply(da.refusal(many))["details"]
    assert len(told) <= da.MAX_FAULTS_CHARS
    assert told.endswith("; and 6 more")
    assert da.MAX_DETAIL_CHARS == len(parse_reply(da.refusal(ZoneSyntaxError("x" * 2000)))["details"])
