"""The conformance table (docs/directadmin.md), over raw sockets: login, exists, deletes, owners, doors.

The number in a test's name is its row. Pushes and zone contents are in test_conformance_zones.py.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from directdnsonly.outbox.changes import Kind, Owner
from tests.support.service import Service
from tests.support.wire import (
    DNS_ADMIN,
    LOGIN_TEST,
    DirectAdmin,
    basic,
    chunked,
    is_closed,
    rawsave_target,
    read_reply,
    request,
    zone_text,
)

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
ABSENT = "error=0&exists=0"


def is_held(master: DirectAdmin, domain: str) -> bool:
    return master.exists(domain).fields["exists"] == "1"


# -- connection test


def test_row_01_the_login_test_is_answered_as_directadmin_does(h1: DirectAdmin) -> None:
    reply = h1.login_test()

    assert (200, "error=0&text=Login OK&details=none") == (reply.status, reply.text)
    assert reply.headers["content-type"].startswith("text/plain")


def test_row_02_a_wrong_password_is_401_with_a_challenge(service: Service, http: str) -> None:
    octets = request("GET", LOGIN_TEST, version=http, authorization=basic("h1", "wrong"))

    reply = service.master().send(octets)

    assert 401 == reply.status
    assert reply.headers["www-authenticate"].startswith("Basic ")
    assert "1" == reply.error


def test_row_02_many_wrong_passwords_are_logged_once(service: Service, http: str) -> None:
    """Ten thousand guesses are not ten thousand log lines."""
    octets = request("GET", LOGIN_TEST, version=http, authorization=basic("h1", "wrong"))
    service.master().send(octets)

    with capture_logs() as lines:
        for _ in range(4):
            service.master().send(octets)

    assert [] == lines


@pytest.mark.parametrize(
    "header", ["", "Authorization: \r\n", "Authorization: Basic\r\n", "Authorization: Basic %%\r\n"]
)
def test_row_03_without_a_usable_credential_is_401(service: Service, http: str, header: str) -> None:
    reply = service.master().send(request("GET", LOGIN_TEST, version=http, authorization=header))

    assert 401 == reply.status
    assert "1" == reply.error


def test_row_03_two_credentials_are_none(service: Service, http: str) -> None:
    header = basic("h1", service.passwords["h1"]) + basic("h2", service.passwords["h2"])

    assert 401 == service.master().send(request("GET", LOGIN_TEST, version=http, authorization=header)).status


def test_e8_the_credential_is_asked_before_the_body_is_read(service: Service, http: str) -> None:
    """A stranger's 29 MB are never read: the answer comes before the body, and the connection ends."""
    octets = request("POST", DNS_ADMIN, version=http, headers="Content-Length: 29000000\r\n")

    with socket.create_connection((service.host, service.port), timeout=60) as connection:
        connection.sendall(octets)
        reply = read_reply(connection)

        assert 401 == reply.status
        assert is_closed(connection)


# -- domain check


def test_row_04_an_unknown_zone_does_not_exist(h1: DirectAdmin, domain: str) -> None:
    assert ABSENT == h1.exists(domain).text


def test_row_05_a_held_zone_exists_on_its_server(h1: DirectAdmin, h2: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    assert "error=0&exists=1&details=Domain exists on s1.host.example" == h2.exists(domain).text


def test_row_06_the_name_is_taken_in_its_one_form(h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))
    spellings = [domain.upper(), f"{domain}.", domain.replace(".", "%2E"), domain.replace("z", "%5A")]

    assert ["1"] * 4 == [h1.exists(spelling).fields["exists"] for spelling in spellings]


@pytest.mark.parametrize("flag", ["true", "1", "yes"])
def test_row_07_a_held_parent_is_told_with_its_owner(h1: DirectAdmin, domain: str, flag: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    reply = h1.exists(f"sub.{domain}", flag)

    assert "error=0&exists=3&hostname=s1.host.example&username=alice" == reply.text


def test_row_07_a_parent_without_user_has_nothing_to_compare(h1: DirectAdmin, domain: str) -> None:
    """exists=3 with an empty user could match the empty user of an admin; so it is exists=2."""
    h1.rawsave(domain, zone_text(domain), user="")

    assert "error=0&exists=2&details=Parent Domain exists on s1.host.example" == h1.exists(f"sub.{domain}", "true").text


def test_row_08_without_the_owner_option_a_parent_is_exists_2(
    start: Callable[..., Service], http: str, domain: str
) -> None:
    h1 = start(check_subdomain_owner_in_cluster_domainowners=False).master(version=http)
    h1.rawsave(domain, zone_text(domain))

    assert "error=0&exists=2&details=Parent Domain exists on s1.host.example" == h1.exists(f"sub.{domain}", "true").text


@pytest.mark.parametrize("flag", ["", "0", "no", "false"])
def test_row_09_without_the_flag_parents_are_not_asked(h1: DirectAdmin, domain: str, flag: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    assert ABSENT == h1.exists(f"sub.{domain}", flag).text


def test_row_10_a_grandparent_is_found(h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    assert "3" == h1.exists(f"a.b.{domain}", "true").fields["exists"]


def test_row_11_the_zone_itself_comes_before_its_parent(h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))
    h1.rawsave(f"sub.{domain}", zone_text(f"sub.{domain}"))

    assert "1" == h1.exists(f"sub.{domain}", "true").fields["exists"]


def test_row_12_typing_a_name_writes_and_logs_nothing(service: Service, h1: DirectAdmin) -> None:
    """A form that asks at every key is 20 questions with half a name: no write, no line, no ban."""
    typed = ["e", "ex", "exa", "exam", "example-", "example", "example.", "example.c", "11", "11.w", "t.whs", "_x", "-"]
    before = service.writes()

    with capture_logs() as lines:
        answers = [h1.exists(name, flag).text for name in typed for flag in ("", "true")]

    assert {ABSENT} == set(answers)
    assert [] == lines
    assert before == service.writes()


def test_row_13_exists_without_domain_is_an_error(h1: DirectAdmin) -> None:
    reply = h1.ask("GET", f"{DNS_ADMIN}?action=exists")

    assert (200, "1") == (reply.status, reply.error)
    assert "Missing domain" == reply.fields["text"]


@pytest.mark.parametrize("headers", ["", FORM])
def test_row_14_exists_may_come_as_a_form(h1: DirectAdmin, domain: str, headers: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    reply = h1.ask("POST", DNS_ADMIN, f"action=exists&domain={domain}".encode(), headers)

    assert "1" == reply.fields["exists"]


# -- delete


def test_row_28_the_delete_of_the_wire_deletes(service: Service, h1: DirectAdmin, domain: str) -> None:
    """No query, no Content-Type, the zone in `select0`: and it is gone when the answer comes."""
    h1.rawsave(domain, zone_text(domain))
    body = f"action=delete&cluster=yes&hostname=s1.host.example&select0={domain}".encode()

    reply = h1.ask("POST", DNS_ADMIN, body)

    assert "error=0" == reply.text
    assert ABSENT == h1.exists(domain).text
    assert Kind.DELETE is service.newest(domain).kind


@pytest.mark.parametrize("headers", ["", FORM])
@pytest.mark.parametrize("tail", [b"", b"\r\n\r\n"])
def test_row_29_a_delete_with_user_and_form_type(h1: DirectAdmin, domain: str, headers: str, tail: bytes) -> None:
    h1.rawsave(domain, zone_text(domain))
    body = f"action=delete&cluster=yes&hostname=s1.host.example&select0={domain}&username=alice".encode() + tail

    assert "error=0" == h1.ask("POST", DNS_ADMIN, body, headers).text
    assert not is_held(h1, domain)


def test_row_30_one_request_deletes_several(h1: DirectAdmin, domain: str) -> None:
    names = [f"{label}.{domain}" for label in "abc"]
    for name in names:
        h1.rawsave(name, zone_text(name))

    assert "error=0" == h1.delete(*names).text
    assert [False] * 3 == [is_held(h1, name) for name in names]


def test_row_30_one_wrong_name_refuses_them_all(h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    assert "1" == h1.delete(domain, "..%2Fetc").error
    assert is_held(h1, domain)


@pytest.mark.parametrize("place", ["query", "body"])
def test_row_31_a_delete_may_say_domain(h1: DirectAdmin, domain: str, place: str) -> None:
    h1.rawsave(domain, zone_text(domain))
    fields = f"action=delete&domain={domain}&hostname=s1.host.example"

    if place == "query":
        reply = h1.ask("POST", f"{DNS_ADMIN}?{fields}", b"")
    else:
        reply = h1.ask("POST", DNS_ADMIN, fields.encode())

    assert "error=0" == reply.text
    assert not is_held(h1, domain)


def test_row_32_deleting_the_unknown_is_no_error(service: Service, h1: DirectAdmin, domain: str) -> None:
    assert "error=0" == h1.delete(domain).text
    assert "error=0" == h1.delete(domain).text


def test_row_33_a_late_delete_of_the_old_server_removes_nothing(
    service: Service, h1: DirectAdmin, h2: DirectAdmin, domain: str
) -> None:
    """After a migration the old server deletes what the new one has pushed."""
    h1.rawsave(domain, zone_text(domain))
    h2.rawsave(domain, zone_text(domain, serial=2026010200))

    reply = h1.delete(domain)

    assert "error=0" == reply.text
    assert is_held(h2, domain)
    assert "delete.ignored" in service.events(domain)


def test_row_34_a_delete_without_hostname_is_judged_by_its_credential(
    service: Service, h1: DirectAdmin, domain: str, http: str
) -> None:
    h1.rawsave(domain, zone_text(domain))
    stranger = service.master("h2", version=http, hostname="")
    owner = service.master("h1", version=http, hostname="")

    assert "error=0" == stranger.delete(domain).text
    assert is_held(h1, domain)
    assert "error=0" == owner.delete(domain).text
    assert not is_held(h1, domain)


def test_row_48_names_that_are_none_delete_nothing(h1: DirectAdmin) -> None:
    for name in ("%2E%2E%2Fetc", "a%22b.example", "a%00b.example", "a..example", "."):
        assert "1" == h1.delete(name).error


# -- owners


def test_row_35_the_newest_push_takes_the_zone(service: Service, h1: DirectAdmin, h2: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    reply = h2.rawsave(domain, zone_text(domain, serial=2026010200), user="bob")

    assert "error=0" == reply.text
    assert Owner(credential="h2", hostname="s2.host.example", username="bob") == service.newest(domain).owner
    assert "zone.taken_over" in service.events(domain)


def test_row_35_or_is_refused_when_the_operator_says_so(start: Callable[..., Service], http: str, domain: str) -> None:
    service = start(takeover="reject")
    h1 = service.master("h1", version=http)
    h2 = service.master("h2", version=http, hostname="s2.host.example")
    h1.rawsave(domain, zone_text(domain))

    reply = h2.rawsave(domain, zone_text(domain, serial=2026010200))

    assert "1" == reply.error
    assert "s1.host.example" == service.newest(domain).owner.hostname
    assert ["takeover"] == [refused.rule for refused in service.refused()]


def test_row_37_a_child_zone_stands_beside_its_parent(h1: DirectAdmin, domain: str) -> None:
    h1.rawsave(domain, zone_text(domain))

    assert "error=0" == h1.rawsave(f"sub.{domain}", zone_text(f"sub.{domain}")).text
    assert is_held(h1, domain)
    assert is_held(h1, f"sub.{domain}")


def test_row_69_a_push_and_a_delete_at_once_end_as_one_of_them(service: Service, h1: DirectAdmin, domain: str) -> None:
    """Whatever came last is what is answered, shown and published."""
    h1.rawsave(domain, zone_text(domain))

    with ThreadPoolExecutor(8) as clients:
        pushes = [clients.submit(h1.rawsave, domain, zone_text(domain, serial=2026010101 + n)) for n in range(8)]
        deletes = [clients.submit(h1.delete, domain) for _ in range(8)]

    assert {"error=0"} == {done.result().text for done in pushes + deletes}
    held = service.newest(domain).kind is Kind.PUT
    assert held == is_held(h1, domain)
    assert held == (service.text(domain) is not None)


def test_row_70_a_new_host_name_of_a_credential_is_noted(start: Callable[..., Service], http: str, domain: str) -> None:
    service = start()
    service.master("h1", version=http).rawsave(domain, zone_text(domain))
    other = service.master("h1", version=http, hostname="s2.host.example")

    reply = other.rawsave(f"new-{domain}", zone_text(f"new-{domain}"))
    other.rawsave(f"new2-{domain}", zone_text(f"new2-{domain}"))

    assert "error=0" == reply.text
    assert ["credential.new_hostname"] == service.events()


# -- doors


def test_row_38_an_empty_post_is_ok_and_does_nothing(service: Service, h1: DirectAdmin) -> None:
    before = service.writes()

    reply = h1.ask("POST", DNS_ADMIN, b"")

    assert (200, "error=0&text=OK") == (reply.status, reply.text)
    assert before == service.writes()


@pytest.mark.parametrize(
    "body", [b"hello world", b"\x00\x01\x02", zone_text().encode(), b"domain=example.com", b"a" * 70]
)
def test_row_39_a_body_without_action_is_an_error(service: Service, h1: DirectAdmin, body: bytes) -> None:
    zones = service.look(service.store.looking.count_zones())

    reply = h1.ask("POST", DNS_ADMIN, body)

    assert (200, "1") == (reply.status, reply.error)
    assert zones == service.look(service.store.looking.count_zones())


def test_row_61_an_unknown_command_is_an_error_in_directadmins_words(h1: DirectAdmin) -> None:
    for path in ("/CMD_API_FOO", "/CMD_LOGIN", "/CMD_API_DNS_ADMIN/more", "/CMD_%0A"):
        reply = h1.ask("GET", path)

        assert (404, "1", "Unknown command") == (reply.status, reply.error, reply.fields["text"])


def test_row_62_no_user_exists_here(h1: DirectAdmin) -> None:
    assert "error=0&exists=0" == h1.ask("GET", "/CMD_API_USER_EXISTS?user=alice").text


@pytest.mark.parametrize("path", ["/CMD_API_DNS_ADMIN/", "//CMD_API_DNS_ADMIN", "//CMD_API_DNS_ADMIN//"])
def test_row_63_slashes_do_not_matter_and_nothing_redirects(h1: DirectAdmin, domain: str, path: str) -> None:
    reply = h1.ask("POST", f"{path}?action=rawsave&domain={domain}", zone_text(domain).encode())

    assert (200, "error=0") == (reply.status, reply.text)
    assert ABSENT == h1.ask("GET", f"{path}?action=exists&domain=no.{domain}").text


def test_row_64_put_is_405_and_head_is_200(service: Service, h1: DirectAdmin, domain: str) -> None:
    before = service.writes()

    put = h1.ask("PUT", rawsave_target(domain), zone_text(domain).encode())
    head = h1.ask("HEAD", rawsave_target(domain))

    assert (405, "1") == (put.status, put.error)
    assert "POST" in put.headers["allow"]
    assert (200, b"") == (head.status, head.body)
    assert before == service.writes()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_path_of_directadmins_goes_by_the_door(h1: DirectAdmin, method: str) -> None:
    """Whatever the framework thinks of its path or method, it is the door that asks for the log-in and that refuses."""
    door = "text/plain; charset=utf-8"
    for path in (
        DNS_ADMIN,
        LOGIN_TEST,
        "/CMD_",
        "//CMD_X/",
        "/CMD_%0A",
        "/CMD_%0D%0Ax",
        "/CMD_%2F..%2Fstatus",
        "/CMD_%C3%A4",
    ):
        unknown = h1.send(request(method, path))
        known = h1.ask(method, path)

        assert (401, "1", door) == (unknown.status, unknown.error, unknown.headers["content-type"]), path
        assert door == known.headers["content-type"], path
        if method not in ("GET", "POST"):
            assert (405, "1", "GET, HEAD, POST") == (known.status, known.error, known.headers["allow"]), path


@pytest.mark.parametrize("action", ["rawsave", "delete"])
def test_row_64_a_get_writes_nothing(service: Service, h1: DirectAdmin, domain: str, action: str) -> None:
    """A link in a page must not delete a zone."""
    h1.rawsave(domain, zone_text(domain))
    before = service.writes()

    assert "1" == h1.ask("GET", f"{DNS_ADMIN}?action={action}&domain={domain}").error
    assert before == service.writes()


def test_row_65_http_1_0_without_host_and_with_keep_alive(service: Service, h1: DirectAdmin) -> None:
    octets = request("GET", LOGIN_TEST, authorization=h1.authorization, host=None, headers="Connection: keep-alive\r\n")

    reply = h1.send(octets)

    assert (200, "close") == (reply.status, reply.headers["connection"])
    assert "0" == reply.error


def test_row_65_http_1_1_keeps_the_connection(service: Service) -> None:
    """Two requests on one connection, the second in the same packet."""
    master = service.master(version="1.1")
    one = request("GET", LOGIN_TEST, version="1.1", authorization=master.authorization)

    with socket.create_connection((service.host, service.port), timeout=60) as connection:
        connection.sendall(one)
        first = read_reply(connection)
        connection.sendall(one)
        second = read_reply(connection)

    assert first.text == second.text


def test_row_66_the_newer_client_with_a_chunked_body(service: Service, domain: str) -> None:
    master = service.master(version="1.1")
    headers = "User-Agent: DirectAdmin/1.695\r\nTransfer-Encoding: chunked\r\n"
    octets = request("POST", rawsave_target(domain), version="1.1", authorization=master.authorization, headers=headers)

    reply = master.send(octets + chunked(zone_text(domain).encode()))

    assert "error=0" == reply.text
    assert is_held(master, domain)


def test_row_67_the_query_wins_over_the_body_and_the_log_says_so(
    service: Service, h1: DirectAdmin, domain: str
) -> None:
    body = f"domain=other.{domain}&zone_file={quote(zone_text(domain))}".encode()

    with capture_logs() as lines:
        reply = h1.ask("POST", rawsave_target(domain), body)

    assert "error=0" == reply.text
    assert service.zone(f"other.{domain}") is None
    assert "differs between query and body" in lines[0]["notes"][0]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (f"{DNS_ADMIN}?action=rawsave&domain=a.example&domain=b.example", zone_text("a.example")),
        (f"{DNS_ADMIN}?action=exists&domain=a.example&domain=a.example", ""),
        (DNS_ADMIN, "action=delete&select0=a.example&select0=b.example"),
        (DNS_ADMIN, "action=delete&select0=a.example&select00=b.example"),
        (DNS_ADMIN, "action=exists&action=delete&domain=a.example"),
        (DNS_ADMIN, "action=exists&domain=a.example&d%6Fmain=b.example"),
    ],
)
def test_row_68_a_parameter_that_comes_twice_is_refused(h1: DirectAdmin, target: str, body: str) -> None:
    reply = h1.ask("POST", target, body.encode())

    assert (200, "1") == (reply.status, reply.error)
    assert "occurs twice" in reply.fields["details"]


def test_e8_millions_of_fields_are_counted_not_decoded(h1: DirectAdmin) -> None:
    reply = h1.ask("POST", DNS_ADMIN, b"a=1&" * 200_000)

    assert "1" == reply.error
    assert "4096 fields" in reply.fields["details"]
