"""The look before a switch: the name server of today beside the one that we run, asked for every zone that we hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.load import PASSWORD, USER, zone_text
from bench.service import DADNS

from tests.support.cells import dadns
from tests.support.name_servers import name_server
from tests.support.terminals import run_on_terminal

SERIAL = 2026113000
SRC = Path(__file__).parents[2] / "src"


def _zone(name: str, serial: int = SERIAL, more: str = "") -> str:
    return f"$ORIGIN {name}.\n" + zone_text(name, serial).decode().lstrip() + more


def test_every_zone_that_we_hold_is_compared(service, tmp_path):
    """Names and texts come from the running service; of zones that the old one does not give out, the names that we know are asked for."""
    names = [f"c{number}.example" for number in range(12)]
    old = {name: _zone(name) for name in names}
    old["c1.example"] = _zone("c1.example", SERIAL + 1, "unguessed\t60\tIN\tA\t192.0.2.1\n")
    del old["c2.example"]
    for name in names:
        more = "unguessed\t60\tIN\tA\t192.0.2.2\n" if name == "c1.example" else ""
        (tmp_path / name).write_text(_zone(name, more=more))
    dadns(service, "push", *(str(tmp_path / name) for name in names), code=0)  # until they are proven

    with name_server("nsd", old, tmp_path) as today:
        addresses = (f"127.0.0.1:{today.port}", f"127.0.0.1:{service.dns_port}")
        told = json.loads(
            dadns(service, "compare", *addresses, "--all", "--transfer", "never", "--json", code=1).stdout
        )
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
        known = {"DADNS_URL": service.url, "DADNS_USERNAME": USER, "DADNS_PASSWORD": PASSWORD, "PYTHONPATH": str(SRC)}
        code, seen = run_on_terminal(
            [DADNS, "compare", *addresses, "--all"], columns=160, cwd=tmp_path, env={**clean, **known}
        )

    assert {"c1.example": "different", "c2.example": "missing at OLD"} == {
        one["zone"]: one["finding"] for one in told["zones"]
    }
    assert ["unguessed.c1.example."] == [each["owner"] for each in told["zones"][0]["differences"]]
    assert (1, True) == (code, "12/12" in seen), seen
    assert "unguessed.c1.example. A: 60 192.0.2.1 | 60 192.0.2.2" in seen
    assert "12 zones in " in seen
