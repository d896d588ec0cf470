"""The commands in our documentation, and how each of them is tried.

A fenced block of shell says behind its language what becomes of it:

    ```sh run           runs, in the order of the page; `# => text` at the end of a line: its output holds this text
    ```sh service       starts and stays while the page's later blocks run
    ```sh tested=PATH   this test, or this page's blocks that run, runs these commands (or the script that they start)
    ```sh illustrative  cannot run here: it needs a DirectAdmin, an account, a machine of yours
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHELLS = ("sh", "bash", "shell", "console", "shell-session")
CLASS = re.compile(r"run|service|illustrative|tested=(\S+)")
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)(?P=fence)\s*$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(
    r"^\s*(?:\$ |# )?(?:sudo |\.venv/bin/)?"
    r"(?:make|dadns|dig|curl|docker|podman|systemctl|apt-get|pip|git|rndc|cp|cat|echo|journalctl|install|python3?|pytest|ip|ln|openssl|mariadb|mysql)\s+[\w./-]"
)


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, its info string, its lines."""

    page: Path
    line: int
    info: str
    body: str

    @property
    def language(self) -> str:
        return self.info.split(maxsplit=1)[0] if self.info else ""

    @property
    def kind(self) -> str:
        """What becomes of it; empty when it does not say."""
        return self.info.partition(" ")[2].strip()

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Everything that people read."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = page.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["info"].strip(), found["body"])


def loose_commands(page: Path) -> Iterator[str]:
    """Commands outside of shell blocks: in blocks without a language, or indented."""
    text = page.read_text()
    for block in blocks(page):
        if block.language in ("", "text"):
            yield from (line.strip() for line in block.body.splitlines() if _COMMAND.match(line))
    without = _FENCE.sub("", text)
    yield from (line.strip() for line in without.splitlines() if line.startswith("    ") and _COMMAND.match(line))
