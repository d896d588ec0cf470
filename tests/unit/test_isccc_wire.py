"""The bytes of named's control protocol. That named reads them is shown by the contract suite."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct

import pytest

from directdnsonly.backends.bind.isccc_wire import ALGORITHMS, MalformedFrame, SigningKey, decode, encode

SECRET = b"secret of thirty-two octets, so."
KEY = SigningKey("hmac-sha256", SECRET)
MESSAGE = {"_ctrl": {"_ser": "7", "_rpl": "1"}, "_data": {"type": "status", "text": "up: \u00fc"}}


def signed(body: bytes) -> bytes:
    """A frame around any bytes, by the protocol's own words and not by our encoder."""
    digest = base64.b64encode(hmac.new(SECRET, body, hashlib.sha256).digest()).ljust(88, b"\0")
    signature = b"\x04hsha" + struct.pack("!BI", 1, 89) + bytes((163,)) + digest
    return struct.pack("!I", 1) + b"\x05_auth" + struct.pack("!BI", 2, len(signature)) + signature + body


def entry(key: bytes, kind: int, value: bytes) -> bytes:
    return bytes((len(key),)) + key + struct.pack("!BI", kind, len(value)) + value


def read(frame: bytes):
    return decode(frame, KEY)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_is_encoded_is_decoded_again(name):
    """By each algorithm; and not by another secret."""
    frame = encode(MESSAGE, SigningKey(name, SECRET))

    assert len(frame) - 4 == int.from_bytes(frame[:4], "big")
    assert MESSAGE == decode(frame[4:], SigningKey(name, SECRET))
    with pytest.raises(MalformedFrame, match="signature"):
        decode(frame[4:], SigningKey(name, b"another"))


def test_a_frame_is_laid_out_as_the_protocol_says():
    """Octet by octet: version, `_auth` with the padded digest, then the entries."""
    control = entry(b"_ser", 1, b"7") + entry(b"_rpl", 1, b"1")
    data = entry(b"type", 1, b"status") + entry(b"text", 1, "up: \u00fc".encode())
    expected = signed(entry(b"_ctrl", 2, control) + entry(b"_data", 2, data))

    assert struct.pack("!I", len(expected)) + expected == encode(MESSAGE, KEY)


def test_every_other_octet_of_a_frame_is_noticed():
    """Whatever octet changes on the way behind the head of the signature, the frame is not taken."""
    frame = encode(MESSAGE, KEY)[4:]

    taken = []
    for position in [*range(4), *range(26, 26 + 43), *range(114, len(frame))]:
        changed = bytearray(frame)
        changed[position] ^= 1
        try:
            taken.append((position, read(bytes(changed))))
        except MalformedFrame:
            pass
    assert [] == taken


def test_a_frame_that_ends_early_is_malformed():
    """At each octet, cut, or cut and signed again."""
    body = encode(MESSAGE, KEY)[4 + 114 :]
    whole_entries = {0, len(entry(b"_ctrl", 2, entry(b"_ser", 1, b"7") + entry(b"_rpl", 1, b"1")))}

    for end in set(range(len(body))) - whole_entries:
        with pytest.raises(MalformedFrame):
            read(signed(body)[: 114 + end])
        with pytest.raises(MalformedFrame):
            read(signed(body[:end]))


@pytest.mark.parametrize(
    "body",
    [
        entry(b"_data", 2, entry(b"text", 1, b"longer")[:-1]),  # ends behind its table, but within the message
        entry(b"_data", 2, entry(b"text", 1, b"longer")[:-1]) + entry(b"more", 1, b"xxxx"),
        entry(b"list", 3, struct.pack("!BI", 1, 9) + b"short") + entry(b"more", 1, b"xxxxxxxx"),
        b"\x01\xff" + struct.pack("!BI", 1, 0),  # a key that is no ASCII
    ],
)
def test_a_value_does_not_reach_out_of_what_holds_it(body):
    """Nor is a key anything but ASCII."""
    with pytest.raises(MalformedFrame):
        read(signed(body))


@pytest.mark.parametrize("kind", [2, 3])
def test_depth_is_bounded(kind):
    """Tables in tables and lists in lists, thousands of them: refused, not recursed."""
    body = b""
    for _ in range(5000):
        body = entry(b"a", 2, body) if kind == 2 else struct.pack("!BI", 3, len(body)) + body

    with pytest.raises(MalformedFrame, match="too deep"):
        read(signed(body if kind == 2 else b"\x01a" + body))


def test_lists_are_read():
    """named sends some in replies to other commands than ours."""
    values = struct.pack("!BI", 1, 1) + b"x" + struct.pack("!BI", 2, len(entry(b"k", 0, b"v"))) + entry(b"k", 0, b"v")

    assert {"list": ["x", {"k": "v"}]} == read(signed(entry(b"list", 3, values)))


def test_a_key_shows_its_secret_nowhere():
    """Neither as it is nor encoded."""
    shown = repr(SigningKey("hmac-sha256", SECRET)) + str(vars(SigningKey("hmac-sha256", SECRET)))

    assert "thirty-two" not in shown
    assert base64.b64encode(SECRET).decode() not in shown
