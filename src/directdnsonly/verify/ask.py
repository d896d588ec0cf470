"""Sends one query to a name server and returns the raw answer: UDP first, TCP if it is truncated.

The message is not read here: what one record holds must not make the others unreadable.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from directdnsonly.verify.others import OURS
from directdnsonly.verify.wire import answers, question_of

LARGEST_DATAGRAM = 4096
AGAIN_S = 0.4  # an answer on a healthy path takes less than a millisecond
_CUT = 0x02  # TC, in the third octet


async def ask(host: str, port: int, owner: bytes, kind: int, *, limit_s: float) -> bytes:
    """The answer for `owner` (in wire form) and this type. Raises OSError or TimeoutError if there is none."""
    asked = question_of(owner, kind, secrets.randbelow(65536))
    try:
        async with asyncio.timeout(limit_s):
            message = await _by_udp(host, port, asked)
            return await _by_tcp(host, port, asked) if message[2] & _CUT else message
    except TimeoutError:
        raise TimeoutError(f"no answer in {limit_s:g} s") from None
    except asyncio.IncompleteReadError as error:
        raise OSError("the connection is closed before the answer") from error


async def _by_udp(host: str, port: int, asked: bytes) -> bytes:
    """The answer by UDP, queried twice because a datagram may be lost."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        await loop.sock_connect(udp, (host, port))
        OURS.sent(host)
        await loop.sock_sendall(udp, asked)
        try:
            async with asyncio.timeout(AGAIN_S):
                return await _answer(udp, asked)
        except TimeoutError:
            await loop.sock_sendall(udp, asked)
            return await _answer(udp, asked)


async def _answer(udp: socket.socket, asked: bytes) -> bytes:
    while True:
        message = await asyncio.get_running_loop().sock_recv(udp, LARGEST_DATAGRAM)
        if answers(message, asked):
            return message


async def _by_tcp(host: str, port: int, asked: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(len(asked).to_bytes(2, "big") + asked)
        while True:
            message = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            if answers(message, asked):
                return message
    finally:
        writer.transport.abort()
