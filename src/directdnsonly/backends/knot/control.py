"""Our own client of Knot's control channel.

One connection per batch: Knot 3.2 serves one at a time, and an open one keeps out knotc and catalog updates.

A request is one DATA unit and BLOCK, a reply DATA and EXTRA units and BLOCK; we end with END. Requests are pipelined.
0.03 ms a command where a `knotc` subprocess takes 7 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from directdnsonly.backends.control import ControlReply, ControlUnavailable

END, DATA, EXTRA, BLOCK = 0, 1, 2, 3
FIRST_ITEM = 16  # an item begins with 16 + its number; smaller octets begin the next unit
COMMAND, FLAGS, ERROR, SECTION, ITEM, IDENTITY, ZONE, VALUE = 0, 1, 2, 3, 4, 5, 6, 10
WINDOW = 100  # requests ahead of their replies: a few KiB, so that neither side can block in sending
LARGEST_REPLY = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class KnotCommand:
    """One command. Flags: B waits for the end of what it starts, F forces."""

    command: str
    flags: str = ""
    zone: str = ""
    section: str = ""
    item: str = ""
    identity: str = ""
    value: str = ""


class KnotControl(Protocol):
    """A control channel to knotd."""

    async def run(self, commands: Sequence[KnotCommand]) -> list[ControlReply]:
        """All of them in order, one reply each; whatever was opened is closed again. Raises ControlUnavailable.

        A reply's text is Knot's error, without anything around it; when ok, the value that `conf-read` asked for, or nothing.
        """
        ...


def encode(command: KnotCommand) -> bytes:
    """The request of a command."""
    items = (
        (COMMAND, command.command),
        (FLAGS, command.flags),
        (SECTION, command.section),
        (ITEM, command.item),
        (IDENTITY, command.identity),
        (ZONE, command.zone),
        (VALUE, command.value),
    )
    parts = [bytes((DATA,))]
    for number, text in items:
        if text:
            octets = text.encode("utf-8")
            parts.append(struct.pack("!BH", FIRST_ITEM + number, len(octets)) + octets)
    return b"".join((*parts, bytes((BLOCK,))))


class NativeKnotControl:
    """Knot's control socket, spoken by ourselves: one connection, one command at a time."""

    def __init__(self, socket: Path, *, timeout_s: float) -> None:
        self._socket = socket
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()

    async def run(self, commands: Sequence[KnotCommand]) -> list[ControlReply]:
        """All of them in order, one reply each; whatever was opened is closed again. Raises ControlUnavailable.

        Each reply has the time limit for itself.
        """
        async with self._lock:
            writer: asyncio.StreamWriter | None = None
            try:
                async with asyncio.timeout(self._timeout_s):
                    reader, writer = await asyncio.open_unix_connection(self._socket)
                replies = await self._exchange(reader, writer, commands)
                writer.write(bytes((END,)))
            except TimeoutError:
                raise ControlUnavailable(f"knotd at {self._socket} gave no answer in {self._timeout_s:g} s") from None
            except asyncio.IncompleteReadError as error:
                raise ControlUnavailable(f"knotd at {self._socket} closed the control connection") from error
            except OSError as error:
                reason = f"knotd's control socket {self._socket} cannot be reached: {error.strerror or error}"
                raise ControlUnavailable(reason) from error
            finally:
                if writer is not None:
                    writer.close()
                    with contextlib.suppress(OSError, TimeoutError):
                        async with asyncio.timeout(1):
                            await writer.wait_closed()
            return replies

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commands: Sequence[KnotCommand]
    ) -> list[ControlReply]:
        replies: list[ControlReply] = []
        for number in range(len(commands)):
            if number % WINDOW == 0:
                writer.write(b"".join(encode(command) for command in commands[number : number + WINDOW]))
            async with asyncio.timeout(self._timeout_s):
                error, value = await _read_reply(reader)
            replies.append(ControlReply(ok=not error, text=error or value))
        return replies


async def _read_reply(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Up to and with BLOCK; the error in it, or nothing; and the value of an item of the configuration, or nothing."""
    errors: list[str] = []
    value = ""
    size = 0
    while True:
        (kind,) = await reader.readexactly(1)
        if kind >= FIRST_ITEM:
            length = int.from_bytes(await reader.readexactly(2), "big")
            octets = await reader.readexactly(length)
            size += length
            if kind == FIRST_ITEM + ERROR:
                errors.append(octets.decode("utf-8", "replace"))
            elif kind == FIRST_ITEM + VALUE:
                value = octets.decode("utf-8", "replace")
        elif kind == BLOCK:
            return "; ".join(dict.fromkeys(errors)), value
        elif kind not in {DATA, EXTRA} or size > LARGEST_REPLY:
            raise ControlUnavailable("knotd's reply is not of its control protocol, or the connection ended")
