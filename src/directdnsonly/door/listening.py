"""Listens for connections, accepts them only while there are places, and counts them from the first moment.

asyncio's own server accepts all that wait at once, reports them only after the TLS handshake, and stops listening for a
second when the process has no file descriptors left. Here, connections without a place wait in the kernel's queue.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

from directdnsonly.door.connections import BoundedHttp
from directdnsonly.door.crowd import Crowd
from directdnsonly.door.tls import HANDSHAKE_TIMEOUT_S, Certificate

AT_ONCE: Final = 32  # connections that are taken before others are looked after again
NO_MORE_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
TRY_AGAIN_S: Final = 0.2


class Listener:
    """One listening socket. Create it within the event loop; `close` it."""

    def __init__(
        self,
        listening: socket.socket,
        *,
        crowd: Crowd,
        make: Callable[[], BoundedHttp],
        certificate: Certificate | None = None,
        backlog: int,
    ) -> None:
        self._socket = listening
        self._crowd = crowd
        self._make = make
        self._certificate = certificate
        self._loop = asyncio.get_running_loop()
        self._greeted: set[asyncio.Task[None]] = set()
        self._closed = False
        listening.setblocking(False)
        listening.listen(backlog)
        self._listen()

    def close(self) -> None:
        """Accept no more connections; open ones stay."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._socket, self._take)

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            if not self._crowd.has_room():
                self._loop.remove_reader(self._socket)
                self._crowd.when_freed(self._listen)
                return
            try:
                taken, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in NO_MORE_FILES:
                    raise  # the loop logs it and goes on
                self._loop.remove_reader(self._socket)
                self._loop.call_later(TRY_AGAIN_S, self._listen)
                return
            taken.setblocking(False)
            connection = self._make()
            connection.taken(str(address[0]) if isinstance(address, tuple) else "", self._greeting(connection, taken))

    def _greeting(self, connection: BoundedHttp, taken: socket.socket) -> asyncio.Task[None]:
        greeting = self._loop.create_task(self._greet(connection, taken), name="door:greet")
        self._greeted.add(greeting)
        greeting.add_done_callback(self._greeted.discard)
        return greeting

    async def _greet(self, connection: BoundedHttp, taken: socket.socket) -> None:
        """Do the handshake; from then on the connection manages itself."""
        if not connection.is_greeted():
            taken.close()
            return
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                taken,
                ssl=self._certificate.context if self._certificate else None,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if self._certificate else None,
            )
        except OSError:
            pass  # it is gone, or speaks no TLS
        finally:
            if connection.transport is None:
                self._crowd.leave(connection)
