"""Our records as PowerDNS is sent them: the same records when they are read back."""

from __future__ import annotations

import pytest

from directdnsonly.backends.powerdns.records import written
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import record_of
from directdnsonly.zone.text import parse, records_of
from tests.support.made_zones import HEAD


@pytest.mark.parametrize(
    ("line", "content"),
    [
        (r't IN SVCB 1 . alpn="a\\\\,b"', r'1 . alpn="a\\\\,b"'),
        (r't IN SVCB 1 . alpn="a\\,b"', r'1 . alpn="a\\,b"'),
        ('t IN HTTPS 1 . alpn="a b"', '1 . alpn="a b"'),
        ('t IN HTTPS 1 . ech=""', '1 . ech=""'),
        ("t IN HTTPS 0 x. key65000=a", '0 x. key65000="a"'),
        ('t IN HTTPS 0 x. alpn="a b" ech=AAAA key9=z', '0 x. alpn="a b" ech=AAAA key9="z"'),
        ("t IN SVCB 1 . key8=x", '1 . key8="x"'),
        ('t IN HTTPS 1 . alpn=h2 no-default-alpn key7="/q{?dns}"', '1 . alpn=h2 no-default-alpn key7="/q{?dns}"'),
        ("t IN MINFO a!b. c.", "a!b. c."),
        ("t IN APL", "\\# 0"),
    ],
)
def test_a_record_is_written_in_text_and_read_back_as_itself(line, content):
    """PowerDNS refuses the generic form of types that it knows; dnspython does not read some of these records."""
    *_, record = records_of(parse(f"{HEAD}{line}\n", ZoneName.parse("example.com")).text)

    kind, found = written(record.type, record.rdata)

    assert content == found
    assert record == record_of(record.owner, record.ttl, kind, found)
