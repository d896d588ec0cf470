"""Commands that act: pause, resume, probe, redeliver, token, hash-password."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from directdnsonly.cli.client import Client, find_target, segment, zone_path
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    err,
    fetch_items,
    run,
    say,
    when,
)
from directdnsonly.wording import counted

tokens = typer.Typer(name="token", help="Bearer tokens of the API.", no_args_is_help=True)
SHORTEST_PASSWORD = 8


def register(app: typer.Typer) -> None:
    """Add pause, resume, probe, redeliver, hash-password and token to `dadns`."""
    for command in (pause, resume, probe, redeliver):
        app.command()(command)
    app.command("hash-password")(hash_password)
    app.add_typer(tokens)


def pause(
    backend: str,
    reason: Annotated[str, typer.Option("--reason", help="The reason, visible to everyone.")] = "",
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop deliveries to a backend until it is resumed, even across restarts. Pushes are still accepted."""
    found = run(_send(url, config, "POST", f"{_backend(backend)}/pause", {"reason": reason}))
    _tell(found, _paused(found, reason), as_json=as_json)


def _paused(found: Any, reason: str) -> str:
    """The pause in force; if the backend was already paused, by whom, and that the new reason is only in the audit log."""
    if not found["already"]:
        return f"{found['name']}: {found['paused']}; {found['pending']} outstanding"
    first = found["pause"]
    why = f": {first['reason']}" if first["reason"] else ", without a reason"
    kept = (
        f"; that pause stays, and {reason!r} is only in the audit log (to replace it: dadns resume, then dadns pause)"
        if reason
        else ""
    )
    return f"{found['name']}: already paused by {first['by']} since {when(first['at'])}{why}{kept}; {found['pending']} outstanding"


def resume(backend: str, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Resume deliveries to a paused backend."""
    found = run(_send(url, config, "POST", f"{_backend(backend)}/resume"))
    _tell(found, f"{backend}: {found['state']}, {found['pending']} outstanding", as_json=as_json)


def probe(backend: str, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check now whether a backend and its name server answer."""
    found = run(_send(url, config, "POST", f"{_backend(backend)}/probe"))
    what = "ready" if found["ready"] else f"not ready: {found['reason']}"
    _tell(found, f"{backend}: {what} ({found['elapsed_ms']} ms)", as_json=as_json)
    if not found["ready"]:
        raise typer.Exit(EXIT_FAILED)


def redeliver(
    zone: str,
    backend: Annotated[str | None, typer.Option("--backend", help="Only to this backend (default: to all).")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deliver the newest version of a zone again, now."""
    query = f"?backend={quote(backend, safe='')}" if backend else ""
    found = run(_send(url, config, "POST", f"{zone_path(zone)}/redeliver{query}"))
    _tell(
        found,
        f"{found['zone']}: due now on {found['requeued']} of {counted(len(found['backends']), 'backend')}",
        as_json=as_json,
    )


def hash_password() -> None:
    """Print a password's argon2id hash for app.credentials. Prompts without echo, or reads standard input."""
    from directdnsonly.access.credentials import hash_of  # noqa: PLC0415 - other commands need not load it

    if sys.stdin.isatty():
        word = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        word = sys.stdin.readline().rstrip("\n")
    if len(word) < SHORTEST_PASSWORD:
        say(f"a password needs at least {SHORTEST_PASSWORD} characters", to=err)
        raise typer.Exit(EXIT_FAILED)
    print(hash_of(word))


@tokens.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[list[str], typer.Option("--role", help="push, read, operate or peer; repeatable.")],
    network: Annotated[
        list[str] | None, typer.Option("--network", help="Network from which it may be used; repeatable.")
    ] = None,
    days: Annotated[float | None, typer.Option("--days", min=0, help="Days until it expires (default: never).")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a token. It is shown once, on standard output; everything else goes to standard error."""
    new = {"name": name, "roles": role, "networks": network or [], "days": days}
    found = run(_send(url, config, "POST", "/api/v1/tokens", new))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    say(f"token {found['id']} of {name}: {', '.join(found['roles'])}; it cannot be shown again", to=err)
    print(found["token"])


@tokens.command("list")
def listed(
    timeout: LookOption = LOOK_S, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List all tokens, without their secrets."""
    found = run(fetch_items(url, config, "/api/v1/tokens", limit_s=timeout))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("id", "name", "roles", "networks", "made by", "made", "ends")
    for each in sorted(found, key=lambda one: str(one["created_at"])):
        ends = (each["expires_at"] or "never")[:10]
        cells = (each["id"], each["name"], " ".join(each["roles"]), " ".join(each["networks"]), each["created_by"])
        table.add(*cells, each["created_at"][:10], ends)
    table.show(none="there are no tokens: dadns token create makes one")


@tokens.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="Its id.")], url: UrlOption = None, config: ConfigOption = None
) -> None:
    """Revoke a token at once."""
    run(_send(url, config, "DELETE", f"/api/v1/tokens/{segment(token, 'id of a token')}"))
    say(f"token {token} is revoked")


def _backend(name: str) -> str:
    return f"/api/v1/backends/{segment(name, 'name of a backend')}"


def _tell(found: Any, line: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        say(line)


async def _send(url: str | None, config: Path | None, method: str, path: str, body: Any = None) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call(method, path, **({} if body is None else {"json": body}))
