"""A session with every command of `dadns` on a running service, and the page docs/cli.md made from it. `make docs-cli`.

The service is real: a bundled BIND that answers, and a PowerDNS that is down, so that there is something to explain.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import typer
from bench.load import HOSTNAME, PASSWORD, USER, push_blocking, rawsave
from bench.service import DADNS, MANAGED, Service, free_port
from tests.support.directadmin import StandIn
from tests.support.name_servers import name_server
from tests.support.terminals import run_on_terminal

from directdnsonly.cli import whole

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).parent / "cli.md"
COLUMNS = 100
LIMIT_S = 90.0
DOWN = """\
    ns2:
      type: powerdns
      api_url: http://127.0.0.1:{down}
      api_key: not-shown
      verify_address: "127.0.0.1#{down}"
"""
HEAD = (Path(__file__).parent / "cli-head.md").read_text()

Change = Callable[["Session"], None]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens between commands, told as a comment."""

    told: str
    do: Change


@dataclass(frozen=True, slots=True)
class Call:
    """One command line and the exit code that it is to have. `{name}` is what `keep` of an earlier call has found."""

    line: str
    code: int = 0
    keep: str = ""  # a pattern with named groups
    stdin: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What was seen of one call."""

    command: str
    line: str
    code: int
    output: str
    before: tuple[str, ...] = ()


def zone(name: str, serial: int, *records: str) -> str:
    """A zone file as people write them."""
    lines = [
        "$TTL 3600",
        f"@ IN SOA ns1.{name}. hostmaster.{name}. {serial} 3600 900 1209600 300",
        f"@ IN NS ns1.{name}.",
        "ns1 IN A 192.0.2.53",
        *records,
    ]
    return "\n".join(lines) + "\n"


SHOP = ("@ IN MX 10 mail", "mail IN A 192.0.2.25", "www IN A 192.0.2.80", "blog IN CNAME www")


class Degraded(Service):
    """One of its backends is down, so it never says that everything is ready."""

    def start(self, *, until: str = "accepting") -> float:
        """Start (again) and wait until pushes are accepted."""
        return super().start(until=until)


@dataclass
class Session:
    """Use as a context manager; `run` gives what was seen, in order."""

    kept: dict[str, str] = field(default_factory=dict)
    others: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)  # other name servers
    today: int = 0  # port of the one that served until now
    peer: int = 0  # port of another instance

    def __enter__(self) -> Session:
        self.da = StandIn()
        self.da.__enter__()
        self.down = free_port()
        reconciliation = (
            "reconciliation:\n  enabled: true\n  initial_delay_minutes: 1000\n  serials: false\n  directadmin_servers:\n"
            f"    - {{hostname: {self.da.address}, port: {self.da.port}, password: {self.da.password}, ssl: false,"
            f" pushed_as: [{self.da.hostname}]}}\n"
        )
        self.service = Degraded(
            backends=MANAGED + DOWN.replace("{down}", str(self.down)),
            extra=reconciliation
            + "outbox:\n  busy_timeout_s: 1\ndispatch:\n  retry_delays_s: [0.2]\n  max_attempts: 1\n",
            environ={"DADNS_APP_HOLD_LOSSES": "true"},
        )
        self.folder = self.service.folder
        self._start_first_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.others.close()
        self.service.__exit__(*error)
        self.da.__exit__(*error)

    def _start_first_time(self) -> None:
        """The second backend is down, so the service becomes degraded, not ready."""
        self.service.__enter__()
        self.until(lambda: self.ask("backends/bind")["state"] in ("ok", "busy"))
        self.until(lambda: self.ask("backends/ns2")["state"] == "down")

    def ask(self, path: str) -> Any:
        """The API's answer."""
        return httpx.get(f"{self.service.url}/api/v1/{path}", auth=(USER, PASSWORD), trust_env=False, timeout=30).json()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, with a limit."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def proven(self, name: str, state: str = "verified") -> None:
        """Until BIND has proven (or given up) the zone."""
        self.until(
            lambda: any(
                each["backend"] == "bind" and each["state"] == state for each in self.ask(f"zones/{name}")["placements"]
            )
        )

    def write(self, name: str, text: str) -> None:
        """A file of the operator."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)

    def pushed(self, name: str, text: str) -> None:
        """DirectAdmin pushes."""
        push_blocking(self.service.port, rawsave(name, text.encode()))

    def run(self, steps: list[Act | Call]) -> Iterator[Shown]:
        """Do the steps; fails at a call that ends otherwise than it should."""
        told: list[str] = []
        for step in steps:
            if isinstance(step, Act):
                step.do(self)
                told += [step.told] if step.told else []
                continue
            shown = self._call(step, tuple(told))
            told = []
            yield shown

    def _call(self, step: Call, before: tuple[str, ...]) -> Shown:
        line = step.line.format(**self.kept)
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
        known = {"DADNS_CONFIG": str(self.folder / "app.yml"), "PYTHONPATH": str(ROOT / "src")}
        plain = {"NO_COLOR": "1", "TTY_INTERACTIVE": "0", "TZ": "UTC", "DADNS_APP_HOLD_LOSSES": "true"}
        code, seen = run_on_terminal(
            [DADNS, *shlex.split(line)],
            columns=COLUMNS, cwd=self.folder, env={**clean, **known, **plain}, stdin=step.stdin, limit_s=LIMIT_S,
        )  # fmt: skip
        if step.code != code:
            raise RuntimeError(f"dadns {line}: exit code {code}, not {step.code}\n{seen}")
        if step.keep:
            found = re.search(step.keep, seen)
            assert found is not None, seen
            self.kept |= found.groupdict()
        piped = "echo 'a long passphrase' | " if step.stdin else ""
        return Shown(name_of(line), f"{piped}dadns {self.tidy(line)}", code, self.tidy(seen), before)

    def tidy(self, text: str) -> str:
        """Without what belongs to the temporary folder: places, ports, the secret of a token."""
        text = text.replace(str(self.folder), "/srv/dns")
        ports = {
            self.service.port: 2222,
            self.service.dns_port: 5300,
            self.down: 8081,
            self.da.port: 2223,
            self.today: 5301,
            self.peer: 2224,
        }
        for port, usual in ((port, usual) for port, usual in ports.items() if port):
            text = re.sub(rf"\b{port}\b", str(usual), text)
        text = re.sub(r"\bdadns_[A-Za-z0-9_-]{20,}", "dadns_(a secret of 43 characters)", text)
        return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def name_of(line: str) -> str:
    """The command of a line: one word, or two of a group."""
    words = shlex.split(line)
    grouped = words[0] in ("token", "migrate") or words[:2] in (
        ["backends", "forget"],
        ["nameservers", "stop"],
        ["peers", "take"],
        ["peers", "approve"],
    )
    return " ".join(words[:2]) if grouped else words[0]


def commands() -> dict[str, str]:
    """Every command with the first sentence of its help."""
    found: dict[str, str] = {}

    def walk(command: Any, path: tuple[str, ...]) -> None:
        if hasattr(command, "commands"):
            for name, below in command.commands.items():
                walk(below, (*path, name))
        if not hasattr(command, "commands") or (command.invoke_without_command and path):
            found[" ".join(path)] = (command.help or "").strip().splitlines()[0]

    walk(typer.main.get_command(whole()), ())
    return found


def serve(session: Session) -> Shown:
    """Stop the service, start it by hand and end it with SIGTERM, as a person with a terminal would."""
    session.service.stop()
    env = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
    config = str(session.folder / "app.yml")
    process = subprocess.Popen(  # noqa: S603 - our own command
        [DADNS, "serve"], cwd=session.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**env, "DADNS_CONFIG": config, "PYTHONPATH": str(ROOT / "src"), "DADNS_LOG_LEVEL": "INFO", "NO_COLOR": "1",
             "DADNS_LOG_FORMAT": "console"},
    )  # fmt: skip
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if "nameserver.adopted" in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    seen += process.stdout.readlines()
    process.stdout.close()
    code = process.wait(timeout=30)
    wanted = ("service.started", "nameserver.adopted", "nameserver.kept", "service.stopped")
    lines = [line for line in seen if any(word in line for word in wanted)]
    return Shown("serve", "dadns serve", code, session.tidy("".join(lines)))


def _import_files(session: Session) -> None:
    session.write("zones/one.example.db", zone("one.example", 2026112501, *SHOP))
    session.write("zones/two.example.db", zone("two.example", 2026112501, *SHOP, "_dmarc IN TXT v=DMARC1; p=none"))
    session.write("zones/bad.example.db", zone("bad.example", 2026112501, "www IN A 192.0.2.256", "@ IN MX mail"))


def _today(session: Session) -> None:
    """One that lacks a zone, and has another address in the second."""
    session.proven("one.example")
    texts = {f"{name}.example": zone(f"{name}.example", 2026112501, *SHOP) for name in ("one", "two")}
    texts["two.example"] = texts["two.example"].replace("192.0.2.80", "192.0.2.81") + "_dmarc IN TXT v=DMARC1\n"
    folder = session.folder / "today"
    folder.mkdir()
    server = session.others.enter_context(name_server("named", texts, folder))
    session.today = server.port
    session.kept |= {"today": str(server.port), "ours": str(session.service.dns_port)}


def _many(serial: int, number: int) -> str:
    return zone("big.example", serial, *(f"host{each} IN A 192.0.2.{each + 1}" for each in range(number)))


def _held(session: Session) -> None:
    session.pushed("big.example", _many(2026112501, 30))
    session.pushed("big.example", _many(2026112502, 3))


def steps() -> list[Act | Call]:
    """The session."""
    return [
        Act("", lambda it: it.write("shop.example.zone", zone("shop.example", 2026112501, *SHOP))),
        Call("init start"),
        Call("config"),
        Call("check", 1),
        Call("push shop.example.zone --timeout 2", 1, keep=r"change (?P<change>\w{26})"),
        Call("explain shop.example", 1),
        Call("backends"),
        Call("nameservers"),
        Call("status", 1),
        Call("status --nagios", 1),
        Call("probe bind"),
        Call("probe ns2", 1),
        Call("wait {change} --timeout 1", 1),
        Act("", _import_files),
        Call("import zones --no-wait", 1),
        Act("", lambda it: it.proven("two.example")),
        Call("zones"),
        Call("show two.example"),
        Act("# the name server that has served these zones until today answers at port 5301", _today),
        Call("compare 127.0.0.1:{today} 127.0.0.1:{ours} --all", 1),
        Call("outbox --backend ns2 --limit 1"),
        Act("# DirectAdmin pushes a zone that no name server could load", _refused),
        Call("refused"),
        Act(
            "# somebody has added stuck.example to BIND by hand, as a dynamic zone; then DirectAdmin pushes it", _stuck
        ),
        Call("outbox --dead"),
        Call("attempts stuck.example"),
        Act("# rndc delzone stuck.example", _cured),
        Call("revive stuck.example"),
        Act("", lambda it: it.proven("stuck.example")),
        Call("revive --all"),
        Call("redeliver one.example --backend bind"),
        Call("pause bind --reason 'moving the machine'"),
        Call("resume bind"),
        Act(
            "# DirectAdmin pushes shop.example with another address of www",
            lambda it: it.pushed("shop.example", zone("shop.example", 2026112502, *SHOP[:2], "www IN A 192.0.2.81")),
        ),
        Call("history shop.example"),
        Call("diff shop.example"),
        Call("rollback shop.example 1 --no-wait"),
        Call("pin shop.example --reason 'until the shop is fixed'"),
        Call("unpin shop.example --no-wait"),
        Act("# DirectAdmin pushes big.example, first with 30 hosts and then with 3", _held),
        Call("held", keep=r"approve big.example (?P<digest>\w+)"),
        Call("reject big.example {digest}"),
        Act("# the same again", lambda it: it.pushed("big.example", _many(2026112503, 3))),
        Call("approve big.example {digest}"),
        Act("# another program locks the store for a moment, just when DirectAdmin pushes late.example", _lost),
        Call("lost"),
        Call("lost --forget"),
        Call("delete two.example"),
        Call("events --limit 5"),
        Call("token create monitoring --role read --days 30", keep=r"token (?P<token>\w+) of"),
        Call("token list"),
        Call("token revoke {token}"),
        Call("hash-password", stdin="a long passphrase\n"),
        Call("migrate open old.host.example new.host.example --for 24h", keep=r"move (?P<move>\d+)"),
        Call("migrate list"),
        Call("migrate close {move}"),
        Call("register --da 127.0.0.1 --address 192.0.2.53"),
        Call("reconcile --plan"),
        Call("reconcile"),
        Call("backup copy"),
        Act("# systemctl stop directdnsonly", lambda it: it.service.stop()),
        Call("nameservers", 3),
        Call("restore copy --replace"),
        Call("nameservers stop"),
        Act("# systemctl start directdnsonly", lambda it: it.service.start()),
        Act("# ns2 is taken out of the configuration for good", _removed),
        Call("reload --dry-run"),
        Call("reload"),
        Call("backends"),
        Call("backends forget ns2"),
        Act(
            "# a second instance, ns3, and this one are configured as each other's peers;"
            " meanwhile another DirectAdmin server has pushed shop.example to ns3",
            _peers,
        ),
        Call("peers", 1),
        Call("peers take shop.example ns3"),
        Act("", _agreed),
        Call("peers"),
        Call("peers approve ns3 3b1f0c9a7d52", 1),
    ]


def _peers(session: Session) -> None:
    """This instance has no peer until the other one has got its own push: then neither has had the other's version."""
    entry = (
        "peers:\n  - {{name: {name}, url: 'http://127.0.0.1:{port}', username: {user}, password: {password}}}\n"
        "peering:\n  interval_s: 1\n"
    )
    here = entry.format(name="ns1", port=session.service.port, user=USER, password=PASSWORD)
    other = session.others.enter_context(Service(extra=here))
    session.peer = other.port
    push = rawsave("shop.example", zone("shop.example", 2026112601, *SHOP).encode())
    push_blocking(other.port, push.replace(HOSTNAME.encode(), b"da9.host.example"))
    config = session.folder / "app.yml"
    there = entry.format(name="ns3", port=other.port, user=USER, password=PASSWORD)
    config.write_text(config.read_text() + there)
    answer = httpx.post(f"{session.service.url}/api/v1/reload", auth=(USER, PASSWORD), trust_env=False, timeout=60)
    answer.raise_for_status()
    for url, name in ((session.service.url, "ns3"), (other.url, "ns1")):
        session.until(partial(_stands, url, name, "differs"))


def _agreed(session: Session) -> None:
    session.until(partial(_stands, session.service.url, "ns3", "equal"))


def _stands(url: str, peer: str, state: str) -> bool:
    found = httpx.get(f"{url}/api/v1/peers/{peer}", auth=(USER, PASSWORD), trust_env=False, timeout=30).json()
    return bool(found["state"] == state and found["behind"] == 0)


def _removed(session: Session) -> None:
    config = session.folder / "app.yml"
    config.write_text(config.read_text().replace(DOWN.replace("{down}", str(session.down)), ""))


def _refused(session: Session) -> None:
    try:
        session.pushed("shop.example", "$INCLUDE /etc/passwd\n")
    except RuntimeError:
        return
    raise AssertionError("it was not refused")


def _lost(session: Session) -> None:
    store = session.folder / "data/queues/outbox.sqlite"
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            session.pushed("late.example", zone("late.example", 2026112501))
        except RuntimeError:
            other.execute("ROLLBACK")
            return
    raise AssertionError("it was recorded")


def _rndc(session: Session, *words: str) -> None:
    folder = session.folder / "data/backends/bind"
    port = (folder / "control.port").read_text().strip()
    command = ["rndc", "-s", "127.0.0.1", "-p", port, "-k", str(folder / "rndc.key"), *words]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own session


def _stuck(session: Session) -> None:
    """BIND refuses the file of a zone that it holds as a dynamic one: no retry cures that."""
    session.write("by-hand.db", zone("stuck.example", 1))
    file = session.folder / "by-hand.db"
    _rndc(session, "addzone", f'stuck.example {{ type primary; file "{file}"; allow-update {{ localhost; }}; }};')
    session.pushed("stuck.example", zone("stuck.example", 2026112501, *SHOP))
    session.proven("stuck.example", "dead")


def _cured(session: Session) -> None:
    _rndc(session, "delzone", "stuck.example")


def play() -> list[Shown]:
    """The whole session; fails when a command has no example."""
    with Session() as session:
        shown = [*session.run(steps()), serve(session)]
    missing = set(commands_once()) - {each.command for each in shown}
    assert not missing, f"no example of: {', '.join(sorted(missing))}"
    return shown


def page(shown: list[Shown]) -> str:
    """docs/cli.md."""
    parts = [HEAD.rstrip()]
    about = commands_once()
    for name in dict.fromkeys(each.command for each in shown):
        parts.append(f"### {name}\n\n{about[name]}")
        for each in shown:
            if each.command == name:
                comments = "".join(f"{line}\n" for line in each.before)
                output = f"{each.output}\n" if each.output else ""
                end = f"exit code {each.code}\n" if each.code else ""
                parts.append(f"```console tested=tests/e2e/test_cli_page.py\n{comments}$ {each.line}\n{output}{end}```")
    return "\n\n".join(parts) + "\n"


def calls_on(text: str) -> list[tuple[str, int, str]]:
    """What a page says: command line, exit code, output of each call, in its order."""
    found = []
    for block in re.findall(r"```console[^\n]*\n(.*?)```", text, re.DOTALL):
        lines = [line for line in block.splitlines() if not line.startswith("# ")]
        code = int(lines[-1].removeprefix("exit code ")) if lines[-1].startswith("exit code ") else 0
        output = lines[1:-1] if code else lines[1:]
        found.append((lines[0].removeprefix("$ "), code, "\n".join(output)))
    return found


def stable(text: str) -> str:
    """The part of an output that is the same in every run: without moments, durations, sizes, identities and widths."""
    for pattern, mask in (
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00)?", "TIME"),
        (r"\b\d{1,2}:\d\d:\d\d(\.\d+)?", "TIME"),
        (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
        (r"\b\d{8}-\d{6}\b", "TIME"),
        (r"\b01[0-9A-Z]{24}\b", "CHANGE"),
        (r"\$argon2id\S+", "HASH"),
        (r"\b[0-9a-f]{12,64}\b", "HEX"),
        (r"\d+(\.\d+)? ?(ms|s|MiB|MB)\b|(?<=_s=)\d+(\.\d+)?", "AMOUNT"),
        (r"DirectDNSOnly \d\S*|version=\S+|\b\d+\.\d+\.\d+-\S+", "VERSION"),
        (r"pid=\d+|process \d+|(?<=running )\d+", "PID"),
        (r"\d+B;", "AMOUNT"),
        (r"(?<= dead )\d+\.\d\d\b", "AMOUNT"),  # the seconds of an attempt
        (r"\b\d+ deliver(?:y is|ies are) (?=still outstanding)|(?<=proven) +\d+/\d+", " SOME "),  # of that moment
        (r"[-─━═]{3,}", "LINE"),
        (r"[0-9a-zA-Z]{8}\b(?= (of )?monitoring)", "TOKEN"),
        (r"\s+", " "),
    ):
        text = re.sub(pattern, mask, text)
    return text.strip()


_ABOUT: dict[str, str] = {}


def commands_once() -> dict[str, str]:
    """`commands`, which may be asked once in a process."""
    if not _ABOUT:
        _ABOUT.update(commands())
    return _ABOUT


if __name__ == "__main__":
    PAGE.write_text(page(play()))
