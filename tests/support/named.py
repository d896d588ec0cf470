"""A real named for tests: bundled (our own supervisor) or external (somebody else's configuration)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bench.service import free_port

from directdnsonly.backends.bind.backend import BindBackend, build
from directdnsonly.backends.bind.settings import BindSettings
from directdnsonly.backends.daemons import NAMESERVERS
from tests.support.programs import no_lock_file, require_program
from tests.support.rig import ChildDaemon, Daemon, RigKind, SupervisedDaemon, is_ready

EXTERNAL = """
key "k" {{ algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="; }};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "k"; }}; }};
options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile none; {lock}
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;
  empty-zones-enable no; allow-transfer {{ none; }}; {options} }};
logging {{ channel f {{ file "{folder}/named.log"; }}; category default {{ f; }}; }};
{include}
"""


@asynccontextmanager
async def bind_under_test(folder: Path, kind: str, *, own: str = "") -> AsyncIterator[tuple[BindBackend, Daemon]]:
    """`kind`: managed-native, managed-rndc, external-include, external-addzone. `own`: of the operator's named.conf."""
    require_program("named")
    folder.chmod(0o755)
    port, control = free_port(), free_port()
    if kind.startswith("managed"):
        settings = BindSettings(port=port, rndc_port=control, control=kind.split("-")[1], run_as="")
    else:
        place = folder / "external"
        place.mkdir()
        include = place / "zones.conf"
        include.write_text('zone "foreign.example" { type primary; file "nowhere.db"; };\n')
        listed = kind == "external-include"
        text = EXTERNAL.format(
            folder=place, port=port, control=control, lock=no_lock_file(), options="" if listed else "allow-new-zones yes;",
            include=f'include "{include}";' if listed else "",
        )  # fmt: skip
        (place / "named.conf").write_text(text + own)
        (place / "rndc.key").write_text(text.splitlines()[1])
        settings = BindSettings(
            managed=False, named_conf=include if listed else None, zones_dir=place / "zones", rndc_port=control,
            rndc_key_file=place / "rndc.key", verify_address=f"127.0.0.1#{port}",
        )  # fmt: skip
    backend = build("bind", settings, folder)
    daemon: Daemon
    if settings.is_managed:
        daemon = SupervisedDaemon(lambda: NAMESERVERS["bind"].build("bind", settings, folder))
    else:
        conf = str(folder / "external" / "named.conf")
        command = [require_program("named"), "-f", "-n", "1", "-c", conf]
        daemon = ChildDaemon(command, ready=partial(is_ready, backend))
    await daemon.start()
    try:
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()


RIGS = [
    RigKind(
        name=f"bind-{kind}",
        open=partial(bind_under_test, kind=kind),
        batch=40 if kind == "managed-rndc" else 500,
        title="BIND" if kind == "managed-native" else "",
    )
    for kind in ("managed-native", "managed-rndc", "external-include", "external-addzone")
]
