"""Zones that are called safe are loaded by NSD's own parser; what it refuses is not called safe."""

from __future__ import annotations

import subprocess

import pytest
from bench.load import zone_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directdnsonly.backends.nsd.safe import is_safe
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.programs import require_program

HEAD = "$ORIGIN e.example.\n$TTL 60\ne.example. 60 IN SOA a. b. 1 60 60 60 60\ne.example. 60 IN NS ns.host.example.\n"
REFUSED_BY_NSD = {
    "CNAME beside data": "e.example. 60 IN CNAME x.\n",
    "CNAME before data": "a.e.example. 60 IN CNAME x.\na.e.example. 60 IN A 192.0.2.1\n",
    "two CNAMEs": "a.e.example. 60 IN CNAME x.\na.e.example. 60 IN CNAME y.\n",
    "second SOA": "e.example. 60 IN SOA a. b. 2 60 60 60 60\n",
    "out of zone": "e.other. 60 IN A 192.0.2.1\n",
    "nearly in the zone": "xe.example. 60 IN A 192.0.2.1\n",
    "bad address": "a.e.example. 60 IN A 192.0.2.300.1\n",
    "unknown type": "a.e.example. 60 IN NONSENSE x\n",
    "directive": "$GENERATE 1-9 h$ A 192.0.2.1\n",
    "include": "$INCLUDE /etc/passwd\n",
    "string too long": f'a.e.example. 60 IN TXT "{"x" * 256}"\n',
    "string not closed": 'a.e.example. 60 IN TXT "x\n',
    "no last newline": "a.e.example. 60 IN A 192.0.2",
}


@pytest.mark.parametrize("why", REFUSED_BY_NSD)
def test_what_nsd_would_refuse_is_not_called_safe(why):
    """It goes to the checker."""
    assert not is_safe(HEAD + REFUSED_BY_NSD[why])


def test_directadmins_own_zone_is_safe():
    """The usual zone costs no subprocess."""
    assert is_safe(parse(zone_text("example.com", 1), ZoneName.parse("example.com")).text)


owners = st.sampled_from(["e", "www.e", "*.e", "_x.e", "a.b.e", "*.b.e", "other", "x/y.e"])
data = st.one_of(
    st.sampled_from(
        [
            "A 192.0.2.1", "A 1.2.3.400", "AAAA ::1", "AAAA ::g", "NS a.e.example.", "CNAME x.", "CNAME www.e.example.",
            "MX 10 a.", "MX 70000 a.", "SRV 1 2 3 .", "PTR a.", "SOA a. b. 1 2 3 4 5", "DNAME x.", "TLSA 3 1 1 abcd",
            "TLSA 3 1 1 " + "ab" * 32, 'CAA 0 issue "x"', 'CAA 300 issue "x"', "AAAA 1:2:3", "AAAA ::1.2.3.4",
        ]
    ),
    st.text(alphabet='a;"\\ \x01', max_size=8).map(
        lambda text: 'TXT "' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\x01", "\\001") + '"'
    ),
    st.text(alphabet='a;"\\ 0', max_size=8).map(lambda text: f'TXT "{text}"'),
)  # fmt: skip


@given(st.lists(st.tuples(owners, data), max_size=5))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_safe_is_loaded_by_nsd(records):
    """Also what our parser would never let through."""
    text = HEAD + "".join(f"{owner}.example. 60 IN {rest}\n" for owner, rest in records)
    if not is_safe(text):
        return

    done = subprocess.run(
        [require_program("nsd-checkzone"), "e.example", "-"], input=text.encode(), capture_output=True, check=False
    )

    assert 0 == done.returncode, (text, done.stderr)
