"""Zone names: one normal form, and a file name that leads nowhere else."""

from __future__ import annotations

import re

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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-a.example", "the label '-a' of the zone name '-a.example' begins with '-', which is allowed only inside a label"),
        ("a-.example", "the label 'a-' of the zone name 'a-.example' ends with '-'"),
        ("x.a/.example", "the label 'a/' of the zone name 'x.a/.example' ends with '/'"),
        ("a b.example", "the label 'a b' of the zone name 'a b.example' holds ' ': only letters, digits"),
        ("*.example", "holds '*'"),
        ("\u2603.example", "international name (IDNA): it has a character that is not allowed in such names"),
        ("\u05d0a.example", "right-to-left"),
        ("a\u00b7b.example", "only between certain others"),
        ("\u00fc" * 64 + ".example", "a label is empty, too long"),
    ],
)  # fmt: skip
def test_a_refusal_of_a_name_says_which_label_why_and_what_to_do(text, words):
    """In our words: those of the library for international names are for programmers."""
    with pytest.raises(NameRefused) as caught:
        ZoneName.parse(text)

    assert words in caught.value.reason
    assert re.search("rename the zone|write it as it is registered", caught.value.reason)
    assert re.search("[Cc]odepoint|U\\+|[Ll]abel too", caught.value.reason) is None


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
def test_rfc1982_3_2_a_serial_plus_less_than_half_the_circle_is_newer(serial, step):
    """The sum is the newer one, and the other way round it is not."""
    later = (serial + step) % 2**32

    assert is_newer(later, serial)
    assert not is_newer(serial, later)
    assert not is_newer(serial, serial)
