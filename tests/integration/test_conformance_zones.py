"""The conformance table (docs/directadmin.md), over raw sockets: pushes, and what becomes of their contents.

The number in a test's name is its row.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from directdnsonly.outbox.changes import Kind, Owner, Priority
from tests.support.service import Service
from tests.support.wire import DNS_ADMIN, DirectAdmin, is_closed, rawsave_target, read_reply, request, zone_text

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
PLAIN = "Content-Type: text/plain\r\n"
SPF = 'TXT\t"v=spf1 a mx ip4:192.0.2.10 ~all"\n'


def records(service: Service, domain: str) -> list[list[str]]:
    """The zone as published: owner, TTL, class, type and RDATA of each record but the SOA, sorted."""
    text = service.text(domain)
    assert text is not None
    rows = [line.split(None, 4) for line in text.splitlines() if line and not line.startswith("$")]
    return sorted(row for row in rows if row[3] != "SOA")


def rdata(service: Service, domain: str, owner: str, rrtype: str) -> list[str]:
    """RDATA of one RRset as published; `owner` relative to the zone, "@" for its apex."""
    name = f"{domain}." if owner == "@" else f"{owner}.{domain}."
    return [row[4] for row in records(service, domain) if (row[0], row[3]) == (name, rrtype)]


# -- forms of a push


@pytest.mark.parametrize("headers", ["", PLAIN, FORM], ids=["row_15_no_type", "row_17_plain", "row_18_form"])
def test_rows_15_17_18_a_raw_body_is_the_zone_whatever_its_type(
    service: Service, h1: DirectAdmin, domain: str, headers: str
) -> None:
    reply = h1.ask("POST", rawsave_target(domain, user="alice"), zone_text(domain).encode(), headers)

    held = service.newest(domain)
    assert "error=0" == reply.text
    assert (Kind.PUT, 2026010100) == (held.kind, held.serial)
    assert Owner(credential="h1", hostname="s1.host.example", username="alice") == held.owner


def test_row_15_the_lanes_are_woken_after_the_commit(service: Service, h1: DirectAdmin, domain: str) -> None:
    before = len(service.woken)

    h1.rawsave(domain, zone_text(domain))

    assert before + 1 == len(service.woken)


def test_row_15_one_line_tells_the_whole_push(h1: DirectAdmin, domain: str) -> None:
    with capture_logs() as lines:
        h1.rawsave(domain, zone_text(domain))

    (line,) = [line for line in lines if line["event"].startswith("push.")]
    assert "push.accepted" == line["event"]
    assert {"change_id", "zone", "version", "serial", "bytes", "records", "elapsed_ms", "warnings"} <= line.keys()
    assert domain == line["zone"]


def test_row_16_an_admins_zone_has_no_user(service: Service, h1: DirectAdmin, domain: str) -> None:
    assert "error=0" == h1.rawsave(domain, zone_text(domain), user="").text
    assert "" == service.newest(domain).owner.username


@pytest.mark.parametrize("headers", ["", FORM])
@pytest.mark.parametrize("place", ["query", "form"])
def test_row_19_the_zone_may_be_a_form_field(
    service: Service, h1: DirectAdmin, domain: str, headers: str, place: str
) -> None:
    fields = f"action=rawsave&domain={domain}&hostname=s1.host.example&username=alice"
    zone = f"zone_file={quote(zone_text(domain))}"
    target = f"{DNS_ADMIN}?{fields}" if place == "query" else DNS_ADMIN
    body = zone if place == "query" else f"{fields}&{zone}"

    reply = h1.ask("POST", target, body.encode(), headers)

    assert "error=0" == reply.text
    assert "alice" == service.newest(domain).owner.username
    assert [f"10 mail.{domain}."] == rdata(service, domain, "@", "MX")


def test_row_20_relative_names_belong_to_the_domain_parameter(service: Service, h1: DirectAdmin, domain: str) -> None:
    """Thirteen blank lines, no $ORIGIN, `10 mail` as MX target."""
    h1.rawsave(domain, zone_text(domain))

    assert [f"10 mail.{domain}."] == rdata(service, domain, "@", "MX")
    assert ["192.0.2.10"] == rdata(service, domain, "www", "A")


def test_row_21_line_ends_and_the_end_of_the_body_do_not_matter(service: Service, h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))
    plain = records(service, domain)
    text = zone_text(domain)
    variants = [text.replace("\n", "\r\n"), text.rstrip("\n"), text + "\r\n\r\n"]

    for variant in variants:
        assert "error=0" == h1.rawsave(domain, variant).text
        assert plain == records(service, domain)


def test_row_21_octets_behind_the_body_are_tolerated(service: Service, h1: DirectAdmin, domain: str) -> None:
    """DirectAdmin's PHP client sends CRLFCRLF behind the Content-Length."""
    octets = request(
        "POST",
        rawsave_target(domain),
        zone_text(domain).encode(),
        version=h1.version,
        authorization=h1.authorization,
        headers="Connection: Close\r\n",
    )

    assert "error=0" == h1.send(octets + b"\r\n\r\n").text
    assert service.zone(domain) is not None


# -- versions


def test_row_22_the_same_push_again_changes_nothing(service: Service, h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))
    first, woken = service.newest(domain).version, len(service.woken)

    with capture_logs() as lines:
        reply = h1.rawsave(domain, zone_text(domain))

    assert "error=0" == reply.text
    assert first == service.newest(domain).version
    assert woken == len(service.woken)
    assert ["push.unchanged"] == [line["event"] for line in lines]


def test_row_23_a_new_serial_alone_is_published(service: Service, h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))
    plain = records(service, domain)

    assert "error=0" == h1.rawsave(domain, zone_text(domain, serial=2026010101)).text
    assert 2026010101 == service.newest(domain).serial
    assert plain == records(service, domain)


def test_row_24_a_lower_serial_with_new_content_still_moves_forward(
    service: Service, h1: DirectAdmin, domain: str
) -> None:
    """A zone that is made again on the same day starts at ...00."""
    h1.rawsave(domain, zone_text(domain, serial=2026010155))

    reply = h1.rawsave(domain, zone_text(domain, serial=2026010100, extra="new\t3600\tIN\tA\t192.0.2.11\n"))

    assert "error=0" == reply.text
    assert 2026010156 == service.newest(domain).serial
    assert ["192.0.2.11"] == rdata(service, domain, "new", "A")


def test_row_24_also_after_a_delete(service: Service, h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain, serial=2026010155))
    h1.delete(domain)

    h1.rawsave(domain, zone_text(domain, serial=2026010100))

    assert 2026010156 == service.newest(domain).serial


def test_rows_25_26_a_certificate_challenge_is_urgent_and_is_cleaned_up(
    service: Service, h1: DirectAdmin, domain: str
) -> None:
    """Remove, no change, add with named_reload=yes, clean up: as a wildcard certificate is ordered."""
    challenge = '_acme-challenge\t5\tIN\tTXT\t"HOTn-iZPVM"\n'
    h1.rawsave(domain, zone_text(domain, serial=2026010100))
    del service.woken[:]

    replies = [
        h1.rawsave(domain, zone_text(domain, serial=2026010101)),
        h1.rawsave(domain, zone_text(domain, serial=2026010102)),
        h1.rawsave(domain, zone_text(domain, serial=2026010103, extra=challenge), reload=True),
    ]
    added = [row for row in records(service, domain) if row[0].startswith("_acme-challenge")]
    replies.append(h1.rawsave(domain, zone_text(domain, serial=2026010104)))

    assert ["error=0"] * 4 == [reply.text for reply in replies]
    assert [[f"_acme-challenge.{domain}.", "5", "IN", "TXT", '"HOTn-iZPVM"']] == added
    assert [] == rdata(service, domain, "_acme-challenge", "TXT")
    assert [Priority.URGENT, Priority.URGENT] == service.woken[2:]


# -- what is refused, and kept


def refused_and_kept(service: Service, master: DirectAdmin, domain: str, zone: str | bytes) -> str:
    """Push a good zone, then `zone`: refused, shown to the operator, the good one stays. The reason."""
    master.rawsave(domain, zone_text(domain))
    before = service.zone(domain)

    reply = master.rawsave(domain, zone)

    assert (200, "1") == (reply.status, reply.error)
    assert before == service.zone(domain)
    newest = service.refused()[0]
    assert domain == newest.name
    assert newest.reason.startswith(reply.fields["details"][:60])
    sent = zone.encode() if isinstance(zone, str) else zone
    assert sent[: 64 * 1024] == newest.body
    return newest.reason


@pytest.mark.parametrize("body", [b"", b"\n\n\n", b" \r\n\t"])
def test_row_40_an_empty_push_is_never_an_empty_zone(
    service: Service, h1: DirectAdmin, domain: str, body: bytes
) -> None:
    h1.rawsave(domain, zone_text(domain))
    before = service.zone(domain)

    reply = h1.rawsave(domain, body)

    assert "1" == reply.error
    assert reply.text.startswith("error=1&text=Missing zone")
    assert before == service.zone(domain)


def test_row_40_http_1_0_without_content_length_has_no_zone(service: Service, domain: str) -> None:
    master = service.master()
    octets = request("POST", rawsave_target(domain), authorization=master.authorization)

    assert "Missing zone" == master.send(octets + zone_text(domain).encode()).fields["text"]


def test_row_40_directslaves_hook_without_a_zone(h1: DirectAdmin, domain: str) -> None:
    """A hook written for DirectSlave asks us to fetch the zone by AXFR; we do not."""
    body = f"action=rawsave&domain={domain}&hostname=ns1.example".encode()

    assert "Missing zone" == h1.ask("POST", DNS_ADMIN, body, FORM).fields["text"]


def test_row_41_a_push_without_domain_is_kept_as_refused(service: Service, h1: DirectAdmin) -> None:
    reply = h1.ask("POST", f"{DNS_ADMIN}?action=rawsave&hostname=s1.host.example", zone_text().encode())

    assert "Missing domain" == reply.fields["text"]
    assert "missing-domain" == service.refused()[0].rule


def test_row_42_the_zone_of_another_domain_is_refused(service: Service, h1: DirectAdmin, domain: str) -> None:
    refused_and_kept(service, h1, domain, zone_text("elsewhere.example"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace(" SOA ", " A ").split("\n\n")[-1], id="no SOA"),
        pytest.param(lambda text: "\n".join(line for line in text.splitlines() if "\tNS\t" not in line), id="no NS"),
        pytest.param(lambda text: text + "@ 3600 IN SOA ns9.host.example. h.example. 1 2 3 4 5\n", id="two SOAs"),
    ],
)
def test_row_43_soa_and_ns_are_needed(
    service: Service, h1: DirectAdmin, domain: str, change: Callable[[str], str]
) -> None:
    refused_and_kept(service, h1, domain, change(zone_text(domain)))


@pytest.mark.parametrize(
    "line",
    [
        "www\t3600\tIN\tCNAME\tother.example.",
        "bad\t3600\tIN\tA\t192.0.2.999",
        f'long\t3600\tIN\tTXT\t"{"x" * 256}"',
    ],
    ids=["CNAME and other data", "bad address", "TXT string too long"],
)
def test_row_44_records_that_no_name_server_loads_are_refused(
    service: Service, h1: DirectAdmin, domain: str, line: str
) -> None:
    refused_and_kept(service, h1, domain, zone_text(domain, extra=line + "\n"))

    assert "error=0" == h1.rawsave(f"sub.{domain}", zone_text(f"sub.{domain}")).text


def test_row_45_records_outside_the_zone_are_dropped_with_a_warning(
    service: Service, h1: DirectAdmin, domain: str
) -> None:
    reply = h1.rawsave(domain, zone_text(domain, extra="evil.org.\t3600\tIN\tA\t192.0.2.66\n"))

    assert "error=0" == reply.text
    assert "192.0.2.66" not in (service.text(domain) or "")
    assert any("evil.org" in warning.text for warning in service.newest(domain).warnings)


@pytest.mark.parametrize("line", ["$INCLUDE /etc/passwd", "$include /etc/bind/zone.key;", " $Include\t/etc/hosts"])
def test_row_46_no_file_is_ever_opened(service: Service, h1: DirectAdmin, domain: str, line: str) -> None:
    reason = refused_and_kept(service, h1, domain, zone_text(domain, extra=line + "\n"))

    assert "root:" not in reason


def test_row_47_nothing_is_generated(service: Service, h1: DirectAdmin, domain: str) -> None:
    refused_and_kept(service, h1, domain, zone_text(domain, extra="$GENERATE 1-65535 host$ A 192.0.2.1\n"))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/x",
        "/etc/cron.d/evil",
        'a"b',
        "a;b",
        "a\x00b",
        "a\nb",
        "x" * 300,
        "a..b",
        ".",
        "a b",
        "a\u2028b",
        "1.2.3.4",
        'x.test" { type primary; }; include "/etc/evil.conf"; #',
    ],
)
def test_row_48_a_name_that_is_none_is_refused(service: Service, h1: DirectAdmin, name: str) -> None:
    with capture_logs() as lines:
        replies = [
            h1.rawsave(quote(name, safe=""), zone_text()),
            h1.ask("POST", DNS_ADMIN, f"action=delete&select0={quote(name, safe='')}".encode()),
        ]

    assert ["1", "1"] == [reply.error for reply in replies]
    assert ["push.refused"] * 2 == [line["event"] for line in lines]
    assert not any(set("\n\x00\u2028") & set(str(line["reason"])) for line in lines)


@pytest.mark.parametrize("value", ["s1.host%0Aevil", "s1 host", "a%22b", "x" * 300])
def test_b10_a_host_or_user_name_that_is_none_is_refused(h1: DirectAdmin, domain: str, value: str) -> None:
    for key in ("hostname", "username"):
        target = f"{DNS_ADMIN}?action=rawsave&domain={domain}&{key}={quote(value, safe='%')}"

        assert "1" == h1.ask("POST", target, zone_text(domain).encode()).error


@pytest.mark.parametrize("value", ["%", "%4", "%zz", "%ff", "%c0%af"])
def test_b10_broken_escapes_and_other_encodings_are_refused(h1: DirectAdmin, value: str) -> None:
    assert "1" == h1.ask("POST", f"{DNS_ADMIN}?action=rawsave&domain=a{value}.example", zone_text().encode()).error


# -- kinds of zones


def test_row_49_an_international_name_is_one_zone(service: Service, h1: DirectAdmin) -> None:
    a_label = "xn--mnchen-3ya.de"

    assert "error=0" == h1.rawsave("m%C3%BCnchen.de", zone_text(a_label)).text
    assert a_label == service.newest(a_label).name
    assert ["1", "1"] == [h1.exists(name).fields["exists"] for name in (a_label, "M%C3%9CNCHEN.de")]


def test_row_50_reverse_zones(service: Service, h1: DirectAdmin, http: str) -> None:
    domain = "2.0.192.in-addr.arpa"

    reply = h1.rawsave(domain, zone_text(domain, extra="10\t3600\tIN\tPTR\thost.example.\n"))

    assert "error=0" == reply.text
    assert ["host.example."] == rdata(service, domain, "10", "PTR")


def test_row_50_classless_reverse_zones(service: Service, h1: DirectAdmin) -> None:
    """RFC 2317: a slash in the name of a zone."""
    domain = "0/26.2.0.192.in-addr.arpa"

    assert "error=0" == h1.rawsave(quote(domain, safe=""), zone_text(domain)).text
    assert domain == service.newest(domain).name


def test_row_51_every_record_type_directadmin_offers(service: Service, h1: DirectAdmin, domain: str) -> None:
    lines = {
        "*": ("A", "192.0.2.20"),
        "_sip._tcp": ("SRV", f"10 20 5060 sip.{domain}."),
        "caa": ("CAA", '0 issue "letsencrypt.org"'),
        "_443._tcp": ("TLSA", "3 1 1 " + "ab" * 32),
        "spf": ("SPF", '"v=spf1 -all"'),
        "https": ("HTTPS", "1 . alpn=h2"),
        "svcb": ("SVCB", f"1 svc.{domain}."),
        "ds": ("DS", "12345 13 2 " + "cd" * 32),
        "v6": ("AAAA", "2001:db8::1"),
        "unknown": ("TYPE65280", r"\# 4 c0000201"),
    }
    extra = "".join(f"{owner}\t3600\tIN\t{rrtype}\t{value}\n" for owner, (rrtype, value) in lines.items())
    extra += "child\t3600\tIN\tNS\tns1.host.example.\n"

    reply = h1.rawsave(domain, zone_text(domain, extra=extra.replace("ds\t", "child\t", 1)))

    assert "error=0" == reply.text, reply.text
    served = {(row[0], row[3]) for row in records(service, domain)}
    wanted = {(f"{owner}.{domain}.".replace("ds.", "child.", 1), rrtype) for owner, (rrtype, _) in lines.items()}
    assert wanted <= served


def test_row_52_a_key_in_three_strings_keeps_their_order(service: Service, h1: DirectAdmin, domain: str) -> None:
    extra = 'x._domainkey\t14400\tIN\tTXT\t( "v=DKIM1; k=rsa; p=ONE"\n\t\t"TWO"\n\t\t"THREE" )\n'

    assert "error=0" == h1.rawsave(domain, zone_text(domain, extra=extra)).text
    assert ['"v=DKIM1; k=rsa; p=ONE" "TWO" "THREE"'] == rdata(service, domain, "x._domainkey", "TXT")


SIGNATURE = "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"


def signed(domain: str, serial: int, **more: str) -> str:
    extra = (
        f"{domain}.\t3600\tIN\tDNSKEY\t257 3 13 {SIGNATURE[:88]}\n"
        f"{domain}.\t3600\tIN\tRRSIG\tSOA 13 2 3600 20300101000000 20260101000000 4711 {domain}. {SIGNATURE[:88]}\n"
        f"{domain}.\t0\tIN\tNSEC3PARAM\t1 0 0 -\n"
        f"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom\t300\tIN\tNSEC3\t1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A NS SOA\n"
    )
    return zone_text(domain, serial=serial, extra=extra + more.get("extra", ""))


def test_row_53_a_signed_zone_is_not_touched(service: Service, h1: DirectAdmin, domain: str) -> None:
    """Neither its serial, even when it is lower, nor a TTL: either would break a signature."""
    h1.rawsave(domain, signed(domain, 2026010155))

    reply = h1.rawsave(domain, signed(domain, 2026010100, extra="new\t77\tIN\tA\t192.0.2.11\n"))

    assert "error=0" == reply.text
    assert service.newest(domain).signed
    assert 2026010100 == service.newest(domain).serial
    (signature,) = rdata(service, domain, "@", "RRSIG")
    expected = f"SOA 13 2 3600 20300101000000 20260101000000 4711 {domain}. {SIGNATURE[:88]}"
    assert expected.replace(" ", "") == signature.replace(" ", "")  # base64 may be shown in groups
    assert ["0"] == [row[1] for row in records(service, domain) if row[3] == "NSEC3PARAM"]
    assert ["77"] == [row[1] for row in records(service, domain) if row[0].startswith("new.")]


@pytest.mark.slow
def test_row_54_a_zone_of_ten_megabytes_is_accepted(service: Service, domain: str) -> None:
    """Parsed beside the loop: other masters are answered meanwhile."""
    strings = " ".join(['"' + "x" * 250 + '"'] * 40)
    extra = "".join(f"t{number}\t3600\tIN\tTXT\t{strings}\n" for number in range(1000))
    assert len(extra) > 10_000_000

    reply = service.master().rawsave(domain, zone_text(domain, extra=extra))

    assert "error=0" == reply.text
    assert service.newest(domain).records > 1000


@pytest.mark.parametrize("announced", [True, False], ids=["Content-Length", "chunked"])
def test_row_54_a_zone_beyond_the_limit_is_413(start: Callable[..., Service], domain: str, announced: bool) -> None:
    service = start(max_body_bytes=100_000)
    master = service.master(version="1.1")
    headers = "Content-Length: 100000000\r\n" if announced else "Transfer-Encoding: chunked\r\n"
    octets = request("POST", rawsave_target(domain), version="1.1", authorization=master.authorization, headers=headers)

    with socket.create_connection((service.host, service.port), timeout=60) as connection:
        connection.sendall(octets + (b"" if announced else b"%x\r\n%s\r\n" % (100_001, b"x" * 100_001)))
        reply = read_reply(connection)

        assert (413, "1") == (reply.status, reply.error)
        assert is_closed(connection)
    assert service.zone(domain) is None


def test_b8_a_body_that_does_not_come_is_given_up(start: Callable[..., Service], domain: str) -> None:
    service = start(body_timeout_s=0.2)
    master = service.master()
    octets = request(
        "POST", rawsave_target(domain), authorization=master.authorization, headers="Content-Length: 800\r\n"
    )

    with socket.create_connection((service.host, service.port), timeout=60) as connection:
        connection.sendall(octets + b"$TTL")
        reply = read_reply(connection)

        assert (408, "1") == (reply.status, reply.error)
        assert is_closed(connection)


def test_b8_a_client_that_goes_away_leaves_nothing(service: Service, domain: str) -> None:
    """Half a zone is no zone, and nobody's traceback."""
    master = service.master()
    octets = request(
        "POST", rawsave_target(domain), authorization=master.authorization, headers="Content-Length: 800\r\n"
    )
    with capture_logs() as lines:
        with socket.create_connection((service.host, service.port), timeout=60) as connection:
            connection.sendall(octets + zone_text(domain).encode()[:200])
        master.login_test()

    assert service.zone(domain) is None
    assert ["login.tested"] == [line["event"] for line in lines]
