"""Writes the skeleton of a backend into this tree: `python -m docs.new_backend NAME`, or `make new-backend NAME=foo`.

What it writes passes `make check`; its contract tests fail, and each says what is to be done. docs/writing-a-backend.md
goes on from there. The lines that it adds to other files go to their place in the alphabet.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from pathlib import Path
from string import Template

from directdnsonly.backends.registry import BACKENDS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LONGEST = 32


def why_no_name(name: str) -> str:
    """Why a backend cannot be called so; empty when it can."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > LONGEST or keyword.iskeyword(name):
        return f"{name!r} is no name: lower-case letters, digits, single underscores, a letter first"
    places = (f"src/directdnsonly/backends/{name}", f"src/directdnsonly/backends/{name}.py", f"tests/support/{name}.py")
    if name in BACKENDS or any((ROOT / place).exists() for place in places):
        return f"there is a {name} already"
    return ""


def files_of(name: str) -> dict[Path, str]:
    """Each new file and what it holds."""
    words = {"name": name, "Class": "".join(part.capitalize() for part in name.split("_")), "title": name}
    text = {file.stem: Template(file.read_text(encoding="utf-8")).substitute(words) for file in HERE.glob("*.txt")}
    server = ROOT / "src/directdnsonly/backends" / name
    return {
        server / "__init__.py": f'"""{name}. See docs/backends/{name}.md."""\n',
        server / "settings.py": text["settings"],
        server / "backend.py": text["backend"],
        ROOT / f"tests/support/{name}.py": text["rig"],
        ROOT / f"docs/backends/{name}.md": text["page"],
    }


def among(text: str, line: str, like: str) -> str:
    """The text with one more line, behind the last one that begins with `like` and comes before it in the alphabet."""
    lines = text.splitlines(keepends=True)
    fitting = [number for number, each in enumerate(lines) if each.startswith(like)]
    before = [number for number in fitting if lines[number] < line]
    lines.insert(before[-1] + 1 if before else fitting[0], line)
    return "".join(lines)


def registered(text: str, name: str) -> str:
    """backends/registry.py with this type."""
    of = "".join(part.capitalize() for part in name.split("_"))
    imported = "from directdnsonly.backends."
    text = among(text, f"{imported}{name} import backend as {name}\n", imported)
    text = among(text, f"{imported}{name}.settings import {of}Settings\n", imported)
    head, types, rest = text.partition("BACKENDS: ")
    entries, end, tail = rest.partition("\n}\n")
    return head + types + entries + f'\n    "{name}": BackendType({of}Settings, {name}.build),' + end + tail


def rigged(text: str, name: str) -> str:
    """tests/contract/kinds.py with its rigs."""
    begin = "from tests.support import "
    (line,) = (each for each in text.splitlines() if each.startswith(begin))
    modules = sorted({*line.removeprefix(begin).split(", "), name})
    head, end, tail = text.replace(line, begin + ", ".join(modules)).rpartition("\n]")
    return f"{head}\n    *{name}.RIGS,{end}{tail}"


def parted(text: str, name: str) -> str:
    """pyproject.toml, where no name server may know another."""
    (line,) = (each for each in text.splitlines() if re.fullmatch(r' *"bind \| .*",', each))
    servers = sorted({*line.strip(' ",').split(" | "), name})
    return text.replace(line, f'  "{" | ".join(servers)}",')


EDITED = {
    "src/directdnsonly/backends/registry.py": registered,
    "tests/contract/kinds.py": rigged,
    "pyproject.toml": parted,
}


def main(name: str) -> int:
    """0 when it is written; 2 for a name that cannot be."""
    if reason := why_no_name(name):
        print(reason, file=sys.stderr)  # noqa: T201 - a command
        return 2
    edited = {ROOT / path: edit((ROOT / path).read_text(encoding="utf-8"), name) for path, edit in EDITED.items()}
    written = files_of(name) | edited
    for path, text in written.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))  # noqa: T201 - a command
    ruff, code = Path(sys.executable).with_name("ruff"), [path for path in written if path.suffix == ".py"]
    for command in (["check", "--select", "I", "--fix"], ["format"]):  # the name decides where its imports stand
        subprocess.run([ruff, *command, "--quiet", *code], cwd=ROOT, check=True)  # noqa: S603 - our own tool
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
