"""A resolver that never forgives: asks a name server steadily, by UDP and TCP, once each, and counts what was not answered."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from directdnsonly.verify.wire import SOA, question
from directdnsonly.zone.name import ZoneName

PATIENCE_S = 10.0  # the machine is busy; what is late is no loss, what never comes is one
TCP_EVERY = 10  # of so many questions one goes by TCP


class Querier:
    """`lost` names each question that got no good answer; `asked` counts all."""

    def __init__(self, port: int, zone: str, *, rate: float) -> None:
        self._place, self._zone, self._pause_s = ("127.0.0.1", port), ZoneName.parse(zone), 1 / rate
        self.asked = 0
        self.lost: list[str] = []
        self._over = threading.Event()
        self._waiting: dict[socket.socket, float] = {}
        self._thread = threading.Thread(target=self._ask_on, name="querier")

    def _ask_on(self) -> None:
        while not self._over.wait(self._pause_s):
            self.asked += 1
            if self.asked % TCP_EVERY == 0:
                self._by_tcp()
            else:
                self._by_udp()
            self._collect(wait=False)
        self._collect(wait=True)

    def _by_udp(self) -> None:
        """From a port of its own: another socket of the name server may be asked each time."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(self._place)
        try:
            sock.send(question(self._zone, SOA, int.from_bytes(os.urandom(2))))
        except OSError as error:
            self.lost.append(f"{self.asked}: UDP: {error}")
            sock.close()
            return
        sock.setblocking(False)
        self._waiting[sock] = time.monotonic()

    def _collect(self, *, wait: bool) -> None:
        for sock, since in list(self._waiting.items()):
            if wait:
                sock.settimeout(max(since + PATIENCE_S - time.monotonic(), 0.01))
            try:
                self._judge(sock.recv(4096), "UDP")
            except (BlockingIOError, TimeoutError):
                if not wait and time.monotonic() - since < PATIENCE_S:
                    continue
                self.lost.append(f"{self.asked}: UDP: no answer")
            except OSError as error:
                self.lost.append(f"{self.asked}: UDP: {error}")
            sock.close()
            del self._waiting[sock]

    def _by_tcp(self) -> None:
        asked = question(self._zone, SOA, int.from_bytes(os.urandom(2)))
        try:
            with socket.create_connection(self._place, timeout=PATIENCE_S) as sock:
                sock.sendall(len(asked).to_bytes(2) + asked)
                self._judge(sock.recv(4096)[2:], "TCP")
        except OSError as error:
            self.lost.append(f"{self.asked}: TCP: {error}")

    def _judge(self, answer: bytes, how: str) -> None:
        """NOERROR with authority; anything else is nothing that a resolver can use."""
        if len(answer) < 4 or answer[3] & 15 or not answer[2] & 4:  # RFC 1035, 4.1.1
            self.lost.append(f"{self.asked}: {how}: {answer[:12].hex()}")


@contextmanager
def querying(port: int, zone: str, *, rate: float = 200.0) -> Iterator[Querier]:
    """Ask during the block, so often a second."""
    querier = Querier(port, zone, rate=rate)
    querier._thread.start()
    try:
        yield querier
    finally:
        querier._over.set()
        querier._thread.join(60)
