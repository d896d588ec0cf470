"""What is meant by what somebody types who asks for a zone."""

from __future__ import annotations

import pytest

from directdnsonly.errors import NameRefused
from directdnsonly.zone.asked import names_meant


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("example.com", ["example.com"]),
        (" Example.COM. ", ["example.com"]),
        ("https://example.com/path?x=1#y", ["example.com"]),
        ("http://user:word@www.Example.com:8080/", ["www.example.com"]),
        ("example.com:2222", ["example.com"]),
        ("somebody@example.com", ["example.com"]),
        ("*.example.com", ["example.com"]),
        ("example.com/path", ["example.com/path", "example.com"]),
        ("0/26.2.0.192.in-addr.arpa", ["0/26.2.0.192.in-addr.arpa"]),
        ("a/b.example", ["a/b.example"]),
        ("_acme-challenge.example.com", ["_acme-challenge.example.com"]),
        ("bücher.example", ["xn--bcher-kva.example"]),
    ],
)
def test_a_name_a_host_or_an_address_means_these_names(typed, expected):
    """The nearest first; a slash may belong to a name (RFC 2317) or begin a path."""
    found = [str(name) for name in names_meant(typed)]

    assert expected == found


@pytest.mark.parametrize("typed", ["", "  ", "https://", "192.0.2.1", "http://[::1", "a b", "<script>"])
def test_what_is_no_name_is_refused(typed):
    with pytest.raises(NameRefused):
        names_meant(typed)
