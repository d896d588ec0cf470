"""uvicorn as we run it: limited connections, certificate renewal, a unix socket, and our own signal handling."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from directdnsonly.door.connections import BoundedHttp
from directdnsonly.door.crowd import Bounds, Crowd
from directdnsonly.door.forwarded import is_proxy, networks_of
from directdnsonly.door.listening import AT_ONCE, Listener
from directdnsonly.door.settings import AppSettings
from directdnsonly.door.tls import Certificate

GRACE_S = 4  # seconds that requests in flight get at shutdown; the whole exit stays under ten
YOUNG_OBJECTS = 2_000  # of the garbage collector: a look at so many takes less than a millisecond
# Descriptors for the store, the backends and what we start; and for connections that are taken, or gone, in this turn of
# the loop and not yet counted, or not yet closed.
OTHER_FILES = 128 + 2 * AT_ONCE


class Server(uvicorn.Server):
    """uvicorn with our signal handling; its own would kill the process by the signal before the store is closed."""

    def __init__(self, config: uvicorn.Config, *, crowd: Crowd, certificate: Certificate | None = None) -> None:
        super().__init__(config)
        self._crowd = crowd
        self._certificate = certificate
        self._listeners: list[Listener] = []
        self.by_hand = False  # Ctrl-C ended it

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, accepting connections only while there are places."""
        await self.lifespan.startup()
        make: Any = self.config.http_protocol_class
        protocol = partial(
            make,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            crowd=self._crowd,
        )
        self._listeners = [
            Listener(
                listening,
                crowd=self._crowd,
                make=protocol,
                certificate=None if listening.family == socket.AF_UNIX else self._certificate,
                backlog=self.config.backlog,
            )
            for listening in sockets or []
        ]
        self.servers = []  # uvicorn's are asyncio's
        self.started = True

    def follow(self, settings: AppSettings) -> None:
        """Take new bounds and proxies. Connections that are open stay; a keep-alive time is theirs from their next answer."""
        self._crowd.bounds = bounds(settings)
        self._crowd.is_proxy = _trusting(settings)
        self.config.timeout_keep_alive = _keep_alive_s(settings)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; once a second it closes connections whose time is over."""
        if counter % 10 == 0:
            self._crowd.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and end the open ones."""
        for listener in self._listeners:
            listener.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT end the serving and nothing else; outside the main thread there are no signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _asked_to_stop(self, number: int) -> None:
        structlog.get_logger().info("service.stopping", signal=signal.Signals(number).name)
        self.by_hand = number == signal.SIGINT
        self.should_exit = True


def make_server(app: ASGIApp, settings: AppSettings, *, certificate: Certificate | None = None) -> Server:
    """A server for the app, as configured."""
    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        proxy_headers=False,  # uvicorn would believe anybody on loopback
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=_keep_alive_s(settings),
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load()
    crowd = Crowd(bounds(settings), is_proxy=_trusting(settings))
    return Server(config, crowd=crowd, certificate=certificate)


def _trusting(settings: AppSettings) -> Callable[[str], bool]:
    return partial(is_proxy, trusted=networks_of(settings.trusted_proxies))


def _keep_alive_s(settings: AppSettings) -> int:
    """A second more than the crowd's own."""
    return int(settings.idle_timeout_s) + 1


def bounds(settings: AppSettings) -> Bounds:
    """The configured limits, but never more connections than the process may have file descriptors."""
    return Bounds(
        max_connections=min(settings.max_connections, _raise_file_limit(settings.max_connections) - OTHER_FILES),
        max_header_bytes=settings.max_header_bytes,
        header_timeout_s=settings.header_timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
    )


def keep_what_is_there() -> None:
    """Exempt the program's own 100,000 objects from garbage collection, because scanning them is a pause."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _raise_file_limit(wanted: int) -> int:
    """Raise the limit of file descriptors as far as needed and allowed; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 2 * OTHER_FILES)


def listen(settings: AppSettings) -> list[socket.socket]:
    """The bound listening sockets. Raises OSError."""
    host = settings.listen_host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named: asyncio sets TCP_NODELAY only then, and without it a kept connection waits 40 ms.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, settings.listen_port))
        return [door] if settings.listen_socket is None else [door, _unix(settings.listen_socket)]
    except OSError:
        door.close()
        raise


def _unix(path: Path) -> socket.socket:
    """A unix socket that only our own user may open; one left behind by a killed process is replaced."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        made.bind(str(path))
    except OSError:
        made.close()
        raise
    finally:
        os.umask(mask)
    return made
