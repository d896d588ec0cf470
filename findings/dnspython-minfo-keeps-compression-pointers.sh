#!/bin/sh
# dnspython 2.9.2: the names in a MINFO record of an answer are not decompressed; its RDATA then holds pointers to nowhere.
#
# Done:     an answer with one MINFO record (RFC 1035, 3.3.7) whose two names are compressed against the question's name, as NSD
#           4.6 and Knot 3.2 send it, read by dns.message.from_wire; and one with an MX beside it, which has the same kind of name.
# Seen:     MX is told as a name. MINFO is a GenericRdata whose octets are the message's: `\# 4 c00cc00c`. Written into a zone
#           file, or compared with the record that was published, these octets say nothing: the message is gone.
# Expected: RFC 3597, 4: names in records of the types of RFC 1035, MINFO among them, must be decompressed by who receives them.
# Way out:  register MINFO as a class with two names (dns.rdata.register_type), as RP is.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check dnspython==2.9.2
"$folder/venv/bin/python" - <<'PYTHON'
import struct

import dns.message
import dns.rdatatype

POINTER = b"\xc0\x0c"  # to the name of the question, behind the header


def answer(kind: int, rdata: bytes) -> dns.message.Message:
    name = b"\x01a\x07example\x00"
    header = struct.pack("!HHHHHH", 1, 0x8400, 1, 1, 0, 0)
    question = name + struct.pack("!HH", kind, 1)
    record = POINTER + struct.pack("!HHIH", kind, 1, 60, len(rdata)) + rdata
    return dns.message.from_wire(header + question + record)


mx = answer(dns.rdatatype.MX, struct.pack("!H", 10) + POINTER).answer[0][0]
minfo = answer(dns.rdatatype.MINFO, POINTER + POINTER).answer[0][0]
print("MX:", mx, "-", type(mx).__name__)
print("MINFO:", minfo, "-", type(minfo).__name__)
assert "10 a.example." == str(mx)
assert "GenericRdata" == type(minfo).__name__
assert r"\# 4 c00cc00c" == str(minfo)
print("as described")
PYTHON
