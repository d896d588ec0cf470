"""Who is asking when a proxy stands in front."""

from __future__ import annotations

import ipaddress

import pytest

from directdnsonly.door.forwarded import client_address

PROXIES = (ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("expected", "peer", "forwarded"),
    [
        pytest.param("198.51.100.7", "198.51.100.7", [], id="no proxy"),
        pytest.param("198.51.100.7", "198.51.100.7", ["192.0.2.1"], id="a stranger claims another address"),
        pytest.param("127.0.0.2", "127.0.0.2", ["192.0.2.1"], id="loopback is not trusted as a whole"),
        pytest.param("192.0.2.1", "127.0.0.1", ["192.0.2.1"], id="our proxy tells"),
        pytest.param(
            "192.0.2.1", "127.0.0.1", ["6.6.6.6, 192.0.2.1"], id="what the client claimed stands further left"
        ),
        pytest.param("192.0.2.1", "127.0.0.1", ["6.6.6.6", "192.0.2.1"], id="in two header lines"),
        pytest.param("192.0.2.1", "127.0.0.1", ["6.6.6.6, 192.0.2.1, 10.1.2.3"], id="two proxies in a row"),
        pytest.param("10.1.2.3", "127.0.0.1", ["10.1.2.3"], id="nobody but proxies: the farthest of them"),
        pytest.param("127.0.0.1", "127.0.0.1", [], id="the proxy itself asks"),
        pytest.param("127.0.0.1", "127.0.0.1", ["unknown"], id="no address"),
        pytest.param("10.1.2.3", "127.0.0.1", ["192.0.2.1, <script>, 10.1.2.3"], id="a word ends the chain"),
        pytest.param("192.0.2.1", "127.0.0.1", ["192.0.2.1:4711"], id="with its port"),
        pytest.param("2001:db8::1", "fd00::5", ["[2001:db8::1]:4711"], id="IPv6 with its port"),
        pytest.param("2001:db8::1", "fd00::5", ["2001:DB8:0::1"], id="IPv6"),
        pytest.param("192.0.2.1", "::ffff:127.0.0.1", ["192.0.2.1"], id="the proxy over a socket for both families"),
        pytest.param("", "", ["192.0.2.1"], id="no peer: a unix socket"),
    ],
)
def test_the_rightmost_untrusted_address_is_the_client(expected, peer, forwarded):
    """Only what a trusted proxy has appended is believed."""
    assert expected == client_address(peer, forwarded, PROXIES)


def test_a_chain_without_end_is_cut():
    """A header full of trusted addresses costs no more than a short one."""
    assert "10.0.0.1" == client_address("127.0.0.1", ["192.0.2.1," + "10.0.0.1," * 5000], PROXIES)
