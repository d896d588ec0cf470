"""How a DirectAdmin server's API is spoken to: TLS, sessions, limits, registration."""

from __future__ import annotations

import hashlib
import ssl
import subprocess

import pytest

from directdnsonly.clock import SystemClock
from directdnsonly.reconcile.answers import NoList, NotReadable
from directdnsonly.reconcile.directadmin_client import DirectAdminClient
from directdnsonly.reconcile.registration import Ourselves, register
from directdnsonly.zone.name import ZoneName
from tests.support.directadmin import Fault, StandIn
from tests.support.programs import require_program
from tests.support.reconciling import server_of

US = Ourselves(address="192.0.2.9", port=2222, username="dadns", password="our-secret", ssl=False)


def client_of(da, *, max_bytes=2**20, timeout_s=30.0, **keys):
    server = server_of(da, **keys)
    return DirectAdminClient(
        server, clock=SystemClock(), verify=True, timeout_s=timeout_s, max_bytes=max_bytes, ipp=100
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Self-signed and expired yesterday's yesterday is not needed: one day, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=da -addext subjectAltName=IP:127.0.0.1"
    paths = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([require_program("openssl"), *command.split(), *paths], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def fingerprint(certificate):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate[0].read_text())).hexdigest()


async def test_an_unknown_certificate_is_refused_and_no_password_is_sent(certificate):
    with StandIn(certificate=certificate) as da:
        da.host(["a.example"])
        async with client_of(da) as client:
            with pytest.raises(NoList, match="CERTIFICATE_VERIFY_FAILED"):
                await client.zones()
        wrong = "ab" * 32
        async with client_of(da, fingerprint=wrong) as client:
            with pytest.raises(NoList, match=f"pinned is {wrong}"):
                await client.zones()

        assert [] == da.asked


@pytest.mark.parametrize("how", ["pin", "pin with colons", "ca", "unchecked"])
async def test_a_certificate_is_believed_by_pin_by_ca_file_or_on_request(certificate, how):
    pin = fingerprint(certificate)
    keys = {
        "pin": {"fingerprint": pin},
        "pin with colons": {"fingerprint": ":".join(pin[at : at + 2].upper() for at in range(0, 64, 2))},
        "ca": {"ca_file": certificate[0]},
        "unchecked": {"verify_ssl": False},
    }[how]
    with StandIn(certificate=certificate) as da:
        da.host(["a.example"])
        async with client_of(da, **keys) as client:
            assert ["a.example"] == list((await client.zones()).zones)


async def test_every_answer_has_a_limit_of_size_and_time():
    with StandIn() as da:
        da.host(f"zone-{number}.example" for number in range(100))
        async with client_of(da, max_bytes=500) as client:
            with pytest.raises(NoList, match="larger than 500 bytes"):
                await client.zones()
        da.fault = Fault.SLOW
        async with client_of(da, timeout_s=0.2) as client:
            with pytest.raises(NoList, match=r"no whole answer in 0.2 s"):
                await client.zones()


@pytest.mark.parametrize("evolution", [False, True])
async def test_a_wrong_password_is_told(evolution):
    with StandIn(evolution=evolution) as da:
        da.host(["a.example"])
        async with client_of(da, password="wrong") as client:
            with pytest.raises(NoList, match=r"HTTP 401|web page|no session"):
                await client.zones()
            with pytest.raises(NoList):
                await client.login_test()
            with pytest.raises(NotReadable) as caught:
                await client.zone(ZoneName.parse("gone.example"))
        assert not caught.value.absent, "a login page denies nothing"


async def test_a_redirect_to_another_host_is_not_followed():
    with StandIn() as da:
        da.fault = Fault.REDIRECT
        async with client_of(da) as client:
            with pytest.raises(NoList, match=r"redirects to 'http://192.0.2.1"):
                await client.zones()
        assert {"CMD_DNS_ADMIN"} == set(da.asked)


@pytest.mark.parametrize("skin", ["plain", "evolution", "csrf"])
async def test_registering_adds_configures_and_then_finds_nothing_to_do(skin):
    """Idempotent, and a switch that somebody turned off is told and set."""
    with StandIn(evolution=skin != "plain", csrf=skin == "csrf") as da:
        async with client_of(da) as client:
            first = await register(client, US)
            second = await register(client, US)
            da.servers["192.0.2.9"]["dns"] = "no"
            third = await register(client, US)

        assert ["turned Multi Server Setup on", "added 192.0.2.9 port 2222", "set dns=yes, domain_check=yes"] == first
        assert ([], ["set dns=yes"]) == (second, third)
        assert "yes" == da.cluster_on
        assert "our-secret" not in "".join(first)
