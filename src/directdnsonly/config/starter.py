"""Detects who starts the service, which decides where a bundled name server listens by default.

The original's image listened on port 53 of every address; a first trial on somebody's machine must not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from directdnsonly.backends.settings import BackendSettings
from directdnsonly.errors import ConfigProblem
from directdnsonly.networks import is_loopback

VARIABLE: Final = "DADNS_STARTED_BY"
DNS_PORT: Final = 53
NET_BIND_SERVICE: Final = 10  # capabilities(7): bit of "a port below 1024"
IPV6: Final = Path("/proc/net/if_inet6")  # there, though empty, also where every interface has it switched off
FIRST_FREE_PORT: Final = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")

B = TypeVar("B", bound=BackendSettings)


class Starter(StrEnum):
    """Who starts us. The image and `make run` say so in a variable; otherwise it follows from the process's privileges."""

    IMAGE = "image"  # nothing else runs in there: its name server is the world's
    MAKE = "make"  # `make run`: a try
    ROOT = "root"  # or whoever may open port 53, as our unit of systemd
    USER = "user"  # who may not


def who_starts(environ: Mapping[str, str], problems: list[ConfigProblem]) -> Starter:
    """The starter, by the variable or else by this process's privileges. Another value of the variable is added to `problems`."""
    told = environ.get(VARIABLE, "")
    if told in (Starter.IMAGE, Starter.MAKE):
        return Starter(told)
    if told:
        problems.append(ConfigProblem(VARIABLE, f"{told!r} is not a known starter", "image, make, or leave it out"))
    return Starter.ROOT if _may_open_dns_port() else Starter.USER


def placed(settings: B, starter: Starter, door: str) -> B:
    """The backend with the starter's default address and port for its name server, unless its own keys say otherwise.

    `door`: the address on which pushes are accepted; as root, loopback means a trial.
    """
    world = starter is Starter.IMAGE or (starter is Starter.ROOT and not is_loopback(door))
    if not (world and settings.is_managed):
        return settings
    wanted = {"listen": every_address(), "port": DNS_PORT}
    return settings.model_copy(
        update={key: value for key, value in wanted.items() if key not in settings.model_fields_set}
    )


def every_address() -> tuple[str, ...]:
    """The wildcard addresses, IPv6 only if the kernel has it: without it NSD and Knot exit."""
    return ("0.0.0.0", "::") if IPV6.exists() else ("0.0.0.0",)  # noqa: S104 - what a name server is for


def ends_with_us(starter: Starter, environ: Mapping[str, str], *, pid: int, parent: int) -> bool:
    """Whether everything that we start ends with us, or is to.

    In a container's image, under `make run`, and where we, or our parent, are the first process without systemd (which names
    each start of a service in INVOCATION_ID): with process 1 every process of its namespace ends (pid_namespaces(7)).
    """
    if starter in (Starter.IMAGE, Starter.MAKE):
        return True
    return 1 in (pid, parent) and "INVOCATION_ID" not in environ


def _may_open_dns_port() -> bool:
    return os.geteuid() == 0 or _first_free_port() <= DNS_PORT or _has_capability()


def _first_free_port() -> int:
    try:
        return int(FIRST_FREE_PORT.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1024


def _has_capability() -> bool:
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> NET_BIND_SERVICE & 1)
