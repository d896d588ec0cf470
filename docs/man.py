"""The manual pages, made from the commands and from the settings: `make man` writes them into docs/man.

man(7) macros only. No date stands in them, so that the same source gives the same files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from docs.keys import Key, keys

from directdnsonly import __version__
from directdnsonly.backends.registry import BACKENDS
from directdnsonly.cli import whole
from directdnsonly.config import NOT_SETTINGS, Settings
from directdnsonly.config.load import PLACES

PLACE = Path(__file__).parent / "man"
IN_MANY = 10  # an option that so many commands have is explained once
FILES = tuple(f"`{place}`" for place in PLACES)
READ = f"""\
Later wins: the file (`--config`, `DADNS_CONFIG`, or the first that is there of {", ".join(FILES)}), then `DADNS_` variables,
then files named by variables: each variable may carry `_FILE` at its end and then names a file that holds the value, for
secrets. Several values of one key are separated by commas, or JSON. A variable may also make a backend that the file does
not have: `DADNS_DNS_BACKENDS_BIND_DC2_PORT` makes `bind_dc2`. Relative folders begin where the service was started."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command as its page shows it."""

    name: str
    about: str
    options: tuple[Any, ...]
    arguments: tuple[Any, ...]


def manual() -> Mapping[str, str]:
    """Each page by the name of its file, in a fixed order."""
    top = typer.main.get_command(whole())
    found = tuple(commands(top))
    return {
        "dadns.1": dadns(top, found),
        "directdnsonly.1": directdnsonly(next(one for one in found if one.name == "serve")),
        "directdnsonly.yml.5": configuration(),
    }


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[Command]:
    """Every command below one, in the order of `dadns --help`; a group that does something by itself is one, too."""
    below = getattr(command, "commands", {})
    if path and (not below or command.invoke_without_command):
        shown = [each for each in command.params if not each.hidden and each.name != "help"]
        options = tuple(each for each in shown if each.param_type_name == "option")
        arguments = tuple(each for each in shown if each.param_type_name == "argument")
        yield Command(" ".join(path), command.help or "", options, arguments)
    for name, inner in below.items():
        yield from commands(inner, (*path, name))


def dadns(top: Any, found: tuple[Command, ...]) -> str:
    """Of the command line, section 1."""
    counts = Counter(_told(option) for each in found for option in each.options)
    common = {told for told, count in counts.items() if count >= IN_MANY}
    once = {_told(option): option for each in found for option in each.options if _told(option) in common}
    lines = [
        *_head("dadns", 1, "the operator's hands of DirectDNSOnly"),
        ".SH SYNOPSIS", r"\fBdadns\fR \fICOMMAND\fR [\fIOPTION\fR]...",
        ".SH DESCRIPTION", _prose(top.help), ".PP",
        _prose("It speaks to a running service, which it finds by `--url`, `DADNS_URL` or the configuration."),
        ".SH COMMANDS",
    ]  # fmt: skip
    for each in found:
        lines += _section(each, common)
    lines += [".SH OPTIONS OF MANY COMMANDS", *(line for option in once.values() for line in _option(option))]
    lines += [".SH EXIT STATUS", _prose(top.epilog.removeprefix("Exit codes: "))]
    lines += [".SH ENVIRONMENT", *(line for name, what in NOT_SETTINGS.items() for line in _item(_bold(name), what))]
    lines += [".SH FILES", *(line for place in PLACES[:3] for line in _item(_bold(str(place)), "The configuration."))]
    return _page(lines, "directdnsonly(1), directdnsonly.yml(5)")


def directdnsonly(serve: Command) -> str:
    """Of the service, section 1."""
    lines = [
        *_head("directdnsonly", 1, "the extra DNS server of DirectAdmin's Multi Server Setup"),
        ".SH SYNOPSIS", r"\fBdirectdnsonly\fR" + "".join(f" {_usage(option)}" for option in serve.options),
        ".SH DESCRIPTION", _prose(f"{serve.about} The same as `dadns serve`."), ".PP",
        _prose("DirectAdmin pushes zones by HTTP; each is committed to disk before it is acknowledged, published on every name "
               "server of the configuration, and asked for by DNS until it is proven."),
        ".SH OPTIONS", *(line for option in serve.options for line in _option(option)),
        ".SH EXIT STATUS", *_item("0", "It was stopped by SIGTERM."), *_item("2", "The configuration cannot be used."),
        *_item("another", "It has ended by a fault, and the last line of the log says by which; start it again."),
    ]  # fmt: skip
    return _page(lines, "dadns(1), directdnsonly.yml(5), named(8), nsd(8), knotd(8)")


def configuration() -> str:
    """Of the configuration, section 5."""
    lines = [*_head("directdnsonly.yml", 5, "configuration of DirectDNSOnly"), ".SH DESCRIPTION", _prose(READ), ".PP"]
    lines += [
        _prose("YAML; a dot in a key below is one more level. `dadns config --example` prints a file with every key,")
    ]
    lines += [_prose("`dadns check` tells every mistake."), ".SH KEYS", *_keys(keys(Settings, ""))]
    for kind, backend in BACKENDS.items():
        lines += [f".SH BACKEND {_text(kind).upper()}", *_keys(keys(backend.settings, "dns.backends.<name>."))]
    return _page(lines, "dadns(1), directdnsonly(1)")


def _keys(found: Iterable[Key]) -> Iterator[str]:
    for key in found:
        default = "Required." if key.required else f"Default: `{key.default}`." if key.default else ""
        told = " ".join(part for part in (_ended(key.meaning), default, f"Variable: `{key.variable}`.") if part)
        yield from _item(_bold(key.path), told)


def _ended(sentence: str) -> str:
    return sentence if not sentence or sentence.endswith((".", ")")) else f"{sentence}."


def _section(command: Command, common: set[tuple[str, str]]) -> Iterator[str]:
    yield f".SS {_text(command.name)}"
    usage = [_usage(each) for each in (*command.arguments, *command.options)]
    yield f"{_bold(f'dadns {command.name}')} {' '.join(usage)}".rstrip()
    for paragraph in re.split(r"\n\s*\n", command.about):
        yield from (".PP", _prose(paragraph))
    for argument in command.arguments:
        if argument.help:
            yield from _item(f"\\fI{_text(_word(argument))}\\fR", argument.help)
    for option in command.options:
        if _told(option) not in common:
            yield from _option(option)


def _told(option: Any) -> tuple[str, str]:
    return " ".join(option.opts), option.help or ""


def _option(option: Any) -> Iterator[str]:
    names = ", ".join(_bold(name) for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" \\fI{_text(_word(option))}\\fR"
    default = option.default if not option.is_flag and option.default not in (None, "", ()) else None
    shown = (
        ""
        if default is None or callable(default)
        else f" Default: {default:g}."
        if isinstance(default, float)
        else f" Default: {default}."
    )
    yield from _item(names + value, (option.help or "") + shown)


def _usage(param: Any) -> str:
    if param.param_type_name == "argument":
        word = f"\\fI{_text(_word(param))}\\fR" + ("..." if param.nargs == -1 else "")
        return word if param.required else f"[{word}]"
    names = "|".join(_bold(name) for name in (*param.opts, *param.secondary_opts))
    whole_option = names if param.is_flag else f"{names} \\fI{_text(_word(param))}\\fR"
    return whole_option if param.required else f"[{whole_option}]" + ("..." if param.multiple else "")


def _word(param: Any) -> str:
    return str(param.metavar or param.name).upper()


def _head(name: str, section: int, about: str) -> list[str]:
    title = f'.TH "{_text(name).upper()}" {section} "" "DirectDNSOnly {_text(__version__)}" "DirectDNSOnly"'
    return [
        r".\" Made by docs/man.py (`make man`); do not edit.",
        title,
        ".SH NAME",
        f"{_text(name)} \\- {_text(about)}",
    ]


def _page(lines: Iterable[str], also: str) -> str:
    return "\n".join([*lines, ".SH SEE ALSO", _text(also)]) + "\n"


def _item(name: str, told: str) -> Iterator[str]:
    yield from (".TP", name, _prose(told) if told.strip() else "\\&")


def _bold(text: str) -> str:
    return f"\\fB{_text(text)}\\fR"


def _prose(text: str) -> str:
    """Markdown of one paragraph: `code` is bold, links are their words; one sentence or more on one line."""
    flat = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(text.split()))
    parts = flat.split("`")
    marked = "".join(_bold(part) if number % 2 else _text(part) for number, part in enumerate(parts))
    return f"\\&{marked}" if marked.startswith((".", "'")) else marked


def _text(text: str) -> str:
    """Letters as they are: groff would make typographic ones of these."""
    for letter, instead in (
        ("\\", r"\e"),
        ("-", r"\-"),
        ("'", r"\(aq"),
        ("`", r"\(ga"),
        ("^", r"\(ha"),
        ("~", r"\(ti"),
    ):
        text = text.replace(letter, instead)
    return text


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for name, text in manual().items():
        (PLACE / name).write_text(text, encoding="utf-8")
