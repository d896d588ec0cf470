"""Zone names: one normal form, and a file name that leads nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.errors import NameRefused
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM.", "example.com"), ("m\u00fcnchen.de", "xn--mnchen-3ya.de"), ("XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de"),
        ("0/26.2.0.192.in-addr.arpa", "0/26.2.0.192.in-addr.arpa"), ("_dmarc.x", "_dmarc.x"), ("com", "com"),
    ],
)  # fmt: skip
def test_spellings_of_one_zone_are_one_name(text, name):
    assert name == ZoneName.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "a..b", "../../etc/x", "/etc/cron.d/evil", 'a"b.test', "a;b", "a b", "a\x00b", "a\nb", "-a.b", "a-.b",
        'x.test" { type primary; }; include "/etc/evil.conf"; #', "x" * 64 + ".a", "a." * 127 + "ab", "1.2.3.4", "a.b*",
    ],
)  # fmt: skip
def test_what_could_leave_its_place_is_refused(text):
    with pytest.raises(NameRefused):
        ZoneName.parse(text)


def test_the_file_name_is_reversible_and_has_no_folder():
    """RFC 2317 names hold slashes."""
    name = ZoneName.parse("0/26.2.0.192.in-addr.arpa")

    assert "0%2F26.2.0.192.in-addr.arpa" == name.file_stem
    assert name == ZoneName.from_file_stem(name.file_stem)
    with pytest.raises(NameRefused):
        ZoneName.from_file_stem("EXAMPLE.com")


def test_a_name_of_slashes_still_fits_a_file_name():
    """255 octets are what a file name may have; a suffix and a dot go with it."""
    longest = ".".join(["a" + "/" * 61 + "a"] * 3 + ["a" + "/" * 59 + "a"])

    assert len(ZoneName.parse(longest).file_stem) <= 240
    assert ZoneName.parse(longest).file_stem != ZoneName.parse("b" + longest[1:]).file_stem


def test_ancestors_come_nearest_first():
    """For the domain check."""
    assert ["b.c", "c"] == ZoneName.parse("a.b.c").ancestors()


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**31 - 1))
def test_a_serial_plus_less_than_half_the_circle_is_newer(serial, step):
    """RFC 1982, section 3."""
    later = (serial + step) % 2**32

    assert is_newer(later, serial)
    assert not is_newer(serial, later)
    assert not is_newer(serial, serial)
