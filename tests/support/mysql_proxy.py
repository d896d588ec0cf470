"""A proxy before a real MariaDB: it counts the commands, and can fail as proxies and networks do.

async with mysql_proxy(mariadb.port) as proxy:      # proxy.port; proxy.commands: every SQL text, in order
    proxy.strips = True          # the server is not told that several statements may come: it answers 1064
    proxy.acts = lambda sql: Act.BREAK if ";COMMIT" in sql else Act.PASS
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum, auto

MULTI_STATEMENTS = 1 << 16
COM_QUERY = 3
REFUSAL = b"\xff\x28\x04#42000near 'BEGIN' in what a proxy said"  # error 1064


class Act(Enum):
    """What becomes of a command."""

    PASS = auto()
    BREAK = auto()  # the connection ends, and the server has not seen it
    REFUSE = auto()  # the proxy itself says that this is no SQL
    GARBLE = auto()  # the proxy answers what is no answer
    ONLY = auto()  # the server is given the first statement only
    FIRST = auto()  # the server carries it out; only the first packet of the answer comes through
    SILENT = auto()  # the server carries it out; nothing of the answer comes through


class MysqlProxy:
    """See the module."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.strips = False
        self.chops = False
        self.garbage = b""
        self.acts: Callable[[str], Act] = lambda _sql: Act.PASS
        self.commands: list[str] = []
        self._target = target
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        passing = asyncio.create_task(self._answers(server_reader, writer))
        try:
            await self._commands(reader, writer, server_reader, server_writer, passing)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)
            for end in (server_writer, writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()
            self._serving.discard(task)

    async def aclose(self) -> None:
        """End every connection."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _answers(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while octets := await server.read(65536):
            for start in range(0, len(octets), step := 1 if self.chops else len(octets)):
                client.write(octets[start : start + step])
                if self.chops:
                    await client.drain()
                    await asyncio.sleep(0)
        client.close()

    async def _commands(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
        passing: asyncio.Task[None],
    ) -> None:
        while True:
            head = await reader.readexactly(4)
            payload = await reader.readexactly(int.from_bytes(head[:3], "little"))
            act = Act.PASS
            if head[3] == 1 and self.strips:  # the log-in: the first packet of the client's
                flags = int.from_bytes(payload[:4], "little") & ~MULTI_STATEMENTS
                payload = flags.to_bytes(4, "little") + payload[4:]
            elif head[3] == 0 and payload[0] == COM_QUERY:
                self.commands.append(sql := payload[1:].decode())
                act = self.acts(sql)
            if act is Act.BREAK:
                return
            if act is Act.REFUSE:
                writer.write(len(REFUSAL).to_bytes(3, "little") + b"\x01" + REFUSAL)
                continue
            if act is Act.GARBLE:
                writer.write(self.garbage)
                continue
            if act is Act.ONLY:
                payload = payload.partition(b";")[0]
                head, act = len(payload).to_bytes(3, "little") + head[3:], Act.PASS
            if act is not Act.PASS:
                passing.cancel()
                await asyncio.gather(passing, return_exceptions=True)
            server_writer.write(head + payload)
            if act is not Act.PASS:
                first = await server_reader.readexactly(4)
                first += await server_reader.readexactly(int.from_bytes(first[:3], "little"))
                with contextlib.suppress(TimeoutError):  # until the server has nothing more to say
                    while await asyncio.wait_for(server_reader.read(65536), 0.3):
                        pass
                if act is Act.FIRST:
                    writer.write(first)
                    await writer.drain()
                return


@asynccontextmanager
async def mysql_proxy(target: int) -> AsyncIterator[MysqlProxy]:
    """A proxy before the server on that port of 127.0.0.1."""
    proxy = MysqlProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.aclose()
