"""Files that come with the package: what `dadns init` writes, the example of a configuration.

In a wheel they lie in the package, below `shipped/`; in a checkout they are the repository's own, by the same paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Final

EXAMPLE: Final = "config.example.yml"
CONFIG: Final = "config/app.yml"
UNIT: Final = "systemd/directdnsonly.service"
# What `dadns init` writes, and of which file it is made. pyproject.toml puts each into the wheel, the Dockerfile into the image.
STARTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        UNIT: "deploy/systemd/directdnsonly.service",
        "systemd/sysusers.conf": "deploy/systemd/sysusers.conf",
        "systemd/tmpfiles.conf": "deploy/systemd/tmpfiles.conf",
        "apparmor/allow-named.sh": "deploy/apparmor/allow-named.sh",
        "nginx/directdnsonly.conf": "deploy/nginx/directdnsonly.conf",
        "caddy/Caddyfile": "deploy/caddy/Caddyfile",
        "prometheus/prometheus.yml": "deploy/prometheus/prometheus.yml",
        "prometheus/directdnsonly.rules.yml": "deploy/prometheus/directdnsonly.rules.yml",
        "grafana/directdnsonly.json": "deploy/grafana/directdnsonly.json",
        CONFIG: "deploy/first-config.yml",
    }
)


def text_of(name: str) -> str:
    """The text of a shipped file, by its path in the repository (`deploy/caddy/Caddyfile`)."""
    return _root().joinpath(name).read_text(encoding="utf-8")


def _root() -> Traversable:
    shipped = files("directdnsonly") / "shipped"
    return shipped if shipped.is_dir() else Path(__file__).parents[3]
