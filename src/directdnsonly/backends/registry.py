"""The registry of backend types, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directdnsonly.backends.bind import backend as bind
from directdnsonly.backends.bind.settings import BindSettings
from directdnsonly.backends.contract import Backend
from directdnsonly.backends.coredns import file_backend as coredns_file
from directdnsonly.backends.coredns import mysql_backend as coredns_mysql
from directdnsonly.backends.coredns.mysql_settings import CorednsMysqlSettings
from directdnsonly.backends.knot import backend as knot
from directdnsonly.backends.knot.settings import KnotSettings
from directdnsonly.backends.nsd import backend as nsd
from directdnsonly.backends.nsd.settings import NsdSettings
from directdnsonly.backends.powerdns import backend as powerdns
from directdnsonly.backends.powerdns import mysql_backend as powerdns_mysql
from directdnsonly.backends.powerdns.mysql_settings import PowerDnsMysqlSettings
from directdnsonly.backends.powerdns.settings import PowerDnsSettings
from directdnsonly.backends.settings import BackendSettings


@dataclass(frozen=True, slots=True)
class BackendType:
    """The settings of a type, and how a backend is made of them: build(name, settings, data_dir)."""

    settings: type[BackendSettings]
    build: Callable[[str, Any, Path], Backend]


BACKENDS: Mapping[str, BackendType] = {
    "bind": BackendType(BindSettings, bind.build),
    "nsd": BackendType(NsdSettings, nsd.build),
    "knot": BackendType(KnotSettings, knot.build),
    "coredns_file": BackendType(coredns_file.CorednsFileSettings, coredns_file.build),
    "coredns_mysql": BackendType(CorednsMysqlSettings, coredns_mysql.build),
    "powerdns": BackendType(PowerDnsSettings, powerdns.build),
    "powerdns_mysql": BackendType(PowerDnsMysqlSettings, powerdns_mysql.build),
}


def type_of(name: str) -> str | None:
    """The type that a backend's name tells when `type` is left out: coredns_mysql_dc1 is a coredns_mysql."""
    fitting = [kind for kind in BACKENDS if name == kind or name.startswith((f"{kind}_", f"{kind}-"))]
    return max(fitting, key=len, default=None)
