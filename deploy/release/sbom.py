"""The bill of materials of a release (CycloneDX 1.6, JSON) and its list of licences, from the lock and what is installed."""

from __future__ import annotations

import re
import tomllib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from lock import Locked

from directdnsonly import __version__

ROOT = Path(__file__).parents[2]
UNKNOWN = "unknown (not installed on the machine that built this)"
SPACE = uuid.UUID("1f7d6c0e-5d0a-5c1e-9a54-6b1f5d3a9c11")  # of our serial numbers, drawn once


def bill(locked: Sequence[Locked], built_at: int) -> dict[str, Any]:
    """The whole document; the same for the same lock, version and time."""
    root = f"pkg:pypi/directdnsonly@{__version__}"
    content = "".join(one.purl for one in locked)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, root + content)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(built_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "directdnsonly",
                "version": __version__,
                "purl": root,
                "licenses": [{"license": {"id": "MIT"}}],
            },
        },
        "components": [_component(one) for one in locked],
        "dependencies": _dependencies(root, locked),
    }


def licence_list(locked: Sequence[Locked]) -> str:
    """A line for each package: name, version, licence."""
    width = max(len(f"{one.name} {one.version}") for one in locked)
    lines = [f"{f'{one.name} {one.version}':{width}}  {licence_of(one)}" for one in locked]
    return (
        f"DirectDNSOnly {__version__} is under the MIT licence. What it is installed with:\n\n"
        + "\n".join(lines)
        + "\n"
    )


def licence_of(one: Locked) -> str:
    """The SPDX expression where the package gives one, else its own words."""
    about = _about(one)
    if about is None:
        return UNKNOWN
    if expression := about.get("License-Expression"):
        return str(expression)
    named = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    return ", ".join(named) or (about.get("License") or "not told").splitlines()[0]


def _component(one: Locked) -> dict[str, Any]:
    about = _about(one)
    expression = about.get("License-Expression") if about is not None else None
    licence = {"expression": str(expression)} if expression else {"license": {"name": licence_of(one)}}
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": one.purl,
        "name": one.name,
        "version": one.version,
        "purl": one.purl,
        "licenses": [licence],
        # One file of a release is installed; the lock lists the digest of each.
        "properties": [{"name": "directdnsonly:sha256", "value": digest} for digest in one.sha256],
    }
    if one.marker:
        component["properties"].append({"name": "directdnsonly:marker", "value": one.marker})
    return component


def _dependencies(root: str, locked: Sequence[Locked]) -> list[dict[str, Any]]:
    purls = {_normal(one.name): one.purl for one in locked}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    graph = [{"ref": root, "dependsOn": _known(project["dependencies"], purls)}]
    for one in locked:
        about = _about(one)
        needs = about.get_all("Requires-Dist") or [] if about is not None else []
        graph.append({"ref": one.purl, "dependsOn": _known([need for need in needs if "extra ==" not in need], purls)})
    return graph


def _known(requirements: Sequence[str], purls: dict[str, str]) -> list[str]:
    names = (_normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]) for requirement in requirements)
    return sorted({purls[name] for name in names if name in purls})


def _about(one: Locked) -> metadata.PackageMetadata | None:
    """What the installed package says about itself; None when it is not installed in this version."""
    try:
        about = metadata.metadata(one.name)
    except metadata.PackageNotFoundError:
        return None
    return about if about["Version"] == one.version else None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
