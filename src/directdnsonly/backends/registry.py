"""Every type of backend: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from directdnsonly.backends import bind, coredns_file, coredns_mysql, knot, nsd, powerdns, powerdns_mysql
from directdnsonly.backends.bind_settings import BindSettings
from directdnsonly.backends.contract import Backend
from directdnsonly.backends.coredns_mysql_settings import CorednsMysqlSettings
from directdnsonly.backends.knot_settings import KnotSettings
from directdnsonly.backends.nsd_settings import NsdSettings
from directdnsonly.backends.powerdns_mysql_settings import PowerDnsMysqlSettings
from directdnsonly.backends.powerdns_settings import PowerDnsSettings


@dataclass(frozen=True, slots=True)
class BackendType:
    """The settings of a type, and how a backend is made of them: build(name, settings, data_dir)."""

    settings: type[BaseModel]
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
