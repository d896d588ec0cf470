"""Which requests a browser made for a page of another site (Fetch Metadata, Origin, Referer)."""

from __future__ import annotations

import pytest

from directdnsonly.door.cross_site import is_cross_site

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),  # DirectAdmin before 1.695
        ({"user-agent": "DirectAdmin/1.695"}, False),
        ({"user-agent": "DirectAdmin/1.695", "referer": "https://da1.example:2222/evo/"}, False),
        ({"user-agent": "curl/7.88.1", "origin": "https://evil.example"}, False),
        ({"user-agent": CHROME}, False),
        ({"user-agent": CHROME, "sec-fetch-site": "none"}, False),
        ({"user-agent": CHROME, "sec-fetch-site": "same-origin", "origin": "https://other-by-proxy.example"}, False),
        ({"user-agent": CHROME, "sec-fetch-site": "same-site"}, True),
        ({"user-agent": CHROME, "sec-fetch-site": "cross-site"}, True),
        ({"user-agent": CHROME, "origin": "http://ns1.example:2222"}, False),
        ({"user-agent": CHROME, "origin": "http://NS1.example:2222"}, False),
        ({"user-agent": CHROME, "referer": "http://ns1.example:2222/docs"}, False),
        ({"user-agent": CHROME, "origin": "http://ns1.example"}, True),
        ({"user-agent": CHROME, "origin": "null"}, True),
        ({"user-agent": CHROME, "origin": "http://[broken"}, True),
        ({"user-agent": CHROME, "referer": "http://evil.example/"}, True),
        ({"user-agent": CHROME, "referer": "http://ns1.example:2222@evil.example/"}, True),
    ],
)
def test_only_what_a_browser_sends_for_others_is_cross_site(headers: dict[str, str], expected: bool) -> None:
    wire = [(b"host", b"ns1.example:2222"), *((name.encode(), value.encode()) for name, value in headers.items())]

    assert expected is is_cross_site(wire)
