"""What a client saw acknowledged, and what that allows name servers to serve afterwards."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.load import AUTH, answer_to, delete, dns_socket, push_blocking, rawsave, served_serial, zone_text

Served = int | None  # a serial; None: the zone is not served


@dataclass
class Row:
    """One line of the table that `make faults` prints."""

    fault: str
    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    reordered: int = 0
    wrongly_deleted: int = 0
    recover_s: float = 0.0  # the slowest run: until everything acknowledged was served
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.reordered or self.wrongly_deleted)

    def check(self) -> None:
        """The promise."""
        assert self.clean, self.notes[:20]


class Ledger:
    """Each zone's pushes and deletes in order. One zone is used by one thread at a time."""

    def __init__(self, port: int, *, prefix: str = "") -> None:
        self.port = port
        self.acknowledged = 0
        self._prefix = prefix
        self._done: dict[str, list[tuple[Served, bool]]] = {}
        self._lock = threading.Lock()
        self._serial = 2026112300

    def save(self, name: str) -> bool:
        """Push the zone with a serial of its own; whether that was acknowledged."""
        with self._lock:
            self._serial += 1
            serial = self._serial
        return self._send(name, serial, rawsave(self.full(name), zone_text(self.full(name), serial)))

    def delete(self, name: str) -> bool:
        """Delete the zone; whether that was acknowledged."""
        return self._send(name, None, delete(self.full(name)))

    def full(self, name: str) -> str:
        return f"{name}{self._prefix}.example"

    def _send(self, name: str, wanted: Served, request: bytes) -> bool:
        try:
            push_blocking(self.port, request)
            answered = True
        except (OSError, RuntimeError):
            answered = False
        with self._lock:
            self._done.setdefault(name, []).append((wanted, answered))
            self.acknowledged += answered
        return answered

    def allowed(self, name: str) -> list[Served]:
        """The last acknowledged state, or any asked for after it: it may have been committed without an answer."""
        done = self._done[name]
        last = max((number for number, (_, answered) in enumerate(done) if answered), default=-1)
        before: list[Served] = [None] if last < 0 else []
        return before + [wanted for wanted, _ in done[max(last, 0) :]]

    def judge(self, row: Row, look: Callable[[str], Served], *, limit_s: float = 120.0) -> None:
        """Wait until each zone is served as it may be, and count what is not. The zones' past is then forgotten.

        A zone that was unsure (not answered) is settled by what is served when nothing is on its way any more: what was
        committed without an answer is delivered, too. Later rounds begin there.
        """
        end = time.monotonic() + limit_s
        if any(len(self.allowed(name)) > 1 for name in self._done):
            self._until_nothing_waits(end)
        wrong = list(self._done)
        while wrong and time.monotonic() < end:
            wrong = [name for name in wrong if look(self.full(name)) not in self.allowed(name)]
            if wrong:
                time.sleep(0.05)
        for name in wrong:
            self._count(row, name, look(self.full(name)))
        row.acknowledged += self.acknowledged
        self.acknowledged = 0
        self._done = {name: [(look(self.full(name)), True)] for name in self._done}

    def _until_nothing_waits(self, end: float) -> None:
        """Until every delivery has ended, or `end`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/status", headers={"Authorization": f"Basic {AUTH}"}
        )
        while time.monotonic() < end:
            with contextlib.suppress(OSError), answer_to(request, limit_s=30) as answer:
                if answer.status == 200 and not any(
                    one["pending"] + one["leased"] for one in json.load(answer)["backends"]
                ):
                    return
            time.sleep(0.05)

    def _count(self, row: Row, name: str, served: Served) -> None:
        earlier = [wanted for wanted, _ in self._done[name]]
        row.notes.append(f"{self.full(name)}: served {served}, allowed {self.allowed(name)}, asked for {earlier}")
        if served is None and None in earlier:
            row.wrongly_deleted += 1
        elif served is not None and served in earlier:
            row.reordered += 1
        else:
            row.lost += 1


class Looker:
    """Asks a name server; opens its socket anew when the server was restarted."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __call__(self, name: str) -> Served:
        if self._socket is None:
            self._socket = dns_socket(self._port)
        return served_serial(self._socket, name)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def table(rows: list[Row]) -> Iterator[str]:
    """The rows as text."""
    heads = ("fault", "runs", "acknowledged", "lost", "reordered", "wrongly deleted", "recovered in s")
    lines = [
        heads,
        *(
            (
                row.fault, str(row.runs), str(row.acknowledged), str(row.lost), str(row.reordered),
                str(row.wrongly_deleted), f"{row.recover_s:.1f}",
            )
            for row in rows
        ),
    ]  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        first, *rest = line
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))
