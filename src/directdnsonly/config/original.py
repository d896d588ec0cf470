"""Keys of the original (directdnsonly 2.3 to 2.8) that are not ours: converted, reported as without effect, or refused.

Pure. The original's file starts our service, with one log line for each key that has another meaning here.
docs/migrate-from-original.md lists them all; a test holds that table against this file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from directdnsonly.backends.registry import type_of
from directdnsonly.config import original_peers
from directdnsonly.config.file import Tree
from directdnsonly.config.starter import Starter
from directdnsonly.errors import ConfigProblem

NO_EFFECT: Final = "has no effect here"
# Keys by their dotted path, and what takes their place.
ASIDE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "environment": "nothing takes its place",
        "app.log_level": "log_level applies to everything",
        "app.log_to": "the log goes to standard error: journald or the container engine keeps it",
        "app.token_valid_for_days": "each token has its own lifetime: dadns token create --help",
        "app.queue_location": "the store is in queue_location",
        "app.proxy_support_base": "our answers never contain an address of ours",
    }
)
TLS: Final[Mapping[str, str]] = MappingProxyType({"ssl_cert": "tls_certificate", "ssl_key": "tls_key"})
APP: Final = ("ssl_enable", *TLS, "ssl_bundle", "proxy_support")  # what `_tls` and `_proxies` take over
SECTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "datastore": ("type", "db_location", "host", "port", "name", "user", "pass"),
        "peer_sync": (
            "enabled", "interval_minutes", "auth_username", "auth_password", "peers",
            "peer_url", "peer_username", "peer_password",
        ),
    }
)  # fmt: skip
# For the nearest match of a misspelt key.
BESIDE: Final = (*APP, *(path.rpartition(".")[2] for path in ASIDE), *SECTIONS)
PATHS: Final[tuple[tuple[str, ...], ...]] = (
    *(tuple(path.split(".")) for path in ASIDE),
    *(("app", key) for key in APP),
    *((section, key) for section, keys in SECTIONS.items() for key in keys),
)
OLD_VARIABLES: Final = "DNS_BACKENDS__"
YES: Final = ("true", "yes", "on", "1")
THIS_MACHINE: Final = ("127.0.0.1", "::1")
INCLUDES: Final[Mapping[str, str]] = MappingProxyType({"bind": "named_conf", "nsd": "nsd_conf"})
# What says that a name server of somebody else's is meant, also in the image.
EXTERNAL: Final = frozenset(
    {
        "managed",
        "verify_address",
        "rndc_host",
        "rndc_port",
        "rndc_key_file",
        "zone_home",
        "control_socket",
        "control_host",
        "pattern",
    }
)


@dataclass(slots=True)
class Adopted:
    """The outcome of converting the original's keys: notes and problems."""

    problems: list[ConfigProblem]
    notes: list[ConfigProblem] = field(default_factory=list)


def adopt(
    tree: Tree, starter: Starter, environ: Mapping[str, str], problems: list[ConfigProblem]
) -> list[ConfigProblem]:
    """Convert the original's keys in the tree to ours; returns notes for the operator, and problems for what cannot be converted."""
    adopted = Adopted(problems)
    log_format = tree.values.get("log_format")
    if isinstance(log_format, str) and log_format.lower() == "text":
        tree.values["log_format"] = "console"
    _set_aside(tree, adopted)
    app = tree.values.get("app")
    if isinstance(app, dict):
        _tls(app, tree, adopted)
        _proxies(app, tree, adopted)
    for section, tell in (("datastore", _datastore), ("peer_sync", _peers)):
        if section in tree.values and (values := _section(section, tree, adopted)) is not None:
            tell(values, tree, adopted)
    for name, values in _backends(tree):
        _name_server(name, values, tree, starter, adopted)
    adopted.notes += _old_variables(environ)
    return adopted.notes


def _set_aside(tree: Tree, adopted: Adopted) -> None:
    for path, instead in ASIDE.items():
        section, _, key = path.rpartition(".")
        values = tree.values.get(section) if section else tree.values
        if isinstance(values, dict) and key in values:
            del values[key]
            adopted.notes.append(_note(tree, path, NO_EFFECT, instead))


def _tls(app: dict[str, Any], tree: Tree, adopted: Adopted) -> None:
    """`ssl_enable` with `ssl_cert` and `ssl_key` is our `tls_certificate` and `tls_key`."""
    given = {key: app.pop(key) for key in (*TLS, "ssl_bundle") if key in app}
    enabled = _truth("app.ssl_enable", app.pop("ssl_enable", False), adopted)
    given = {key: value for key, value in given.items() if value not in ("", None)}
    if not enabled:
        adopted.notes += [_note(tree, f"app.{key}", NO_EFFECT, "app.ssl_enable is off") for key in given]
        return
    for key, ours in TLS.items():
        if key not in given:
            if ours not in app:
                adopted.problems.append(ConfigProblem(f"app.{key}", "is missing: app.ssl_enable needs it"))
        elif ours in app:
            adopted.problems.append(ConfigProblem(f"app.{key}", f"and app.{ours} are both set: choose one"))
        else:
            app[ours] = given[key]
            tree.origins[f"app.{ours}"] = f"app.{key} of {tree.origin(f'app.{key}')}"
    if "ssl_bundle" in given:
        adopted.problems.append(
            ConfigProblem(
                "app.ssl_bundle",
                "here certificate and chain are one file",
                "write both into one, the certificate first, and name it app.tls_certificate",
            )
        )


def _proxies(app: dict[str, Any], tree: Tree, adopted: Adopted) -> None:
    """There X-Forwarded-For of everybody was believed, so that anybody could choose his address."""
    if "proxy_support" not in app:
        return
    if not _truth("app.proxy_support", app.pop("proxy_support"), adopted) or "trusted_proxies" in app:
        return
    app["trusted_proxies"] = list(THIS_MACHINE)
    adopted.notes.append(
        _note(
            tree,
            "app.proxy_support",
            "X-Forwarded-For is believed only from proxies on this machine",
            "name others in app.trusted_proxies",
        )
    )


def _section(section: str, tree: Tree, adopted: Adopted) -> Mapping[str, Any] | None:
    """A section of the original's, taken out: its slips are told as those of ours are. None when it is off, or none."""
    values = tree.values.pop(section)
    if not isinstance(values, dict):
        adopted.problems.append(ConfigProblem(section, "holds no keys and values"))
        return None
    known = SECTIONS[section]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            adopted.problems.append(
                ConfigProblem(f"{section}.{key}", "is not a key", f"did you mean {near[0]}?" if near else "")
            )
    return values if _truth(f"{section}.enabled", values.get("enabled", section == "datastore"), adopted) else None


def _datastore(values: Mapping[str, Any], tree: Tree, adopted: Adopted) -> None:
    place = values.get("db_location", "data/directdns.db")
    if str(values.get("type", "sqlite")).lower() == "mysql":
        user, host, port, name = (values.get(key, key.upper()) for key in ("user", "host", "port", "name"))
        place = f"mysql://{user}@{host}:{3306 if port == 'PORT' else port}/{name}"
    what = "is the original's: our store is a file of its own in queue_location"
    instead = f"zones and owners come over by: dadns import original {place}"
    first = next((f"datastore.{key}" for key in SECTIONS["datastore"] if key in values), "datastore")
    origin = tree.origins.get("datastore") or tree.origin(first)
    adopted.notes.append(_note(tree, "datastore", what, instead, origin=origin))


def _peers(values: Mapping[str, Any], tree: Tree, adopted: Adopted) -> None:
    done = original_peers.convert(values)
    adopted.problems += [ConfigProblem(f"peer_sync.{key}", what) for key, what in done.problems]
    adopted.notes += [_note(tree, f"peer_sync.{key}", what, instead) for key, what, instead in done.notes]
    origin = tree.origin("peer_sync.peers") or tree.origin("peer_sync.peer_url")
    if done.peers and "peers" in tree.values:
        adopted.problems.append(ConfigProblem("peer_sync.peers", "and peers are both set: choose one"))
    elif done.peers:
        tree.values["peers"], tree.origins["peers"] = done.peers, f"peer_sync of {origin}"
    peering = tree.values.setdefault("peering", {})
    if done.interval_s is not None and isinstance(peering, dict) and "interval_s" not in peering:
        peering["interval_s"] = done.interval_s
        tree.origins["peering.interval_s"] = (
            f"peer_sync.interval_minutes of {tree.origin('peer_sync.interval_minutes')}"
        )
    if done.credential is not None:
        _add_credential(done.credential, tree, adopted)


def _add_credential(credential: dict[str, Any], tree: Tree, adopted: Adopted) -> None:
    """The name by which the peers ask us; one that is there already does what it did."""
    app = tree.values.setdefault("app", {})
    listed = app.setdefault("credentials", []) if isinstance(app, dict) else None
    if not isinstance(listed, list):
        return  # told elsewhere
    names = [app.get("auth_username", "directdnsonly"), *(one.get("name") for one in listed if isinstance(one, dict))]
    if credential["name"] in names:
        what, instead = f"{credential['name']} is known already, with its own password", "give peers another name"
        adopted.notes.append(_note(tree, "peer_sync.auth_username", what, instead))
    else:
        app["credentials"] = [*listed, credential]


def _backends(tree: Tree) -> Iterator[tuple[str, dict[str, Any]]]:
    dns = tree.values.get("dns")
    listed = dns.get("backends") if isinstance(dns, dict) else None
    if isinstance(listed, dict):
        for name, values in listed.items():
            if isinstance(values, dict):
                yield name, values


def _name_server(name: str, values: dict[str, Any], tree: Tree, starter: Starter, adopted: Adopted) -> None:
    """The original's include file: in its image that of the bundled name server, on a host that of one that runs there."""
    kind = str(values.get("type") or type_of(name) or "")
    include = INCLUDES.get(kind)
    ours = (include, "zones_dir") if starter is Starter.IMAGE else (include,)
    if include is None or EXTERNAL & set(values) or not set(ours) & set(values):
        return
    path = f"dns.backends.{name}"
    if "enabled" not in values and (starter is Starter.IMAGE or kind == "nsd"):
        values["enabled"] = False
        adopted.notes.append(_note(tree, path, "is off, as it was: it has no key enabled", "enabled: true turns it on"))
    if starter is Starter.IMAGE:
        for key in ours:
            if key in values:
                del values[key]
                adopted.notes.append(
                    _note(
                        tree,
                        f"{path}.{key}",
                        NO_EFFECT,
                        "we run the image's own name server, in a folder of its own; managed: true keeps zones_dir, false is for another one",
                    )
                )
    elif kind == "nsd" and str(values["enabled"]).lower() in YES:
        adopted.problems.append(
            ConfigProblem(
                f"{path}.{include}",
                "is a list of zones, which we do not maintain",
                "a running nsd is reached by control_socket (docs/backends/nsd.md); without nsd_conf and zones_dir we run one",
            )
        )


def _old_variables(environ: Mapping[str, str]) -> Iterator[ConfigProblem]:
    for variable in sorted(environ):
        if variable.startswith(OLD_VARIABLES):
            ours = f"DADNS_{variable.replace('__', '_')}"
            yield ConfigProblem(variable, "has no effect, and had none", f"the variable is {ours}")


def _truth(path: str, value: Any, adopted: Adopted) -> bool:
    text = str(value).lower()
    if text in YES:
        return True
    if text not in ("false", "no", "off", "0", ""):
        adopted.problems.append(ConfigProblem(path, "must be true or false"))
    return False


def _note(tree: Tree, path: str, what: str, instead: str, *, origin: str = "") -> ConfigProblem:
    return ConfigProblem(path, what, "; ".join(part for part in (origin or tree.origin(path), instead) if part))
