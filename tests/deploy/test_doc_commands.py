"""Every command that a reader may type has been typed, or says that it cannot be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.deploy.doc_commands import CLASS, ROOT, SHELLS, blocks, loose_commands, pages
from tests.support.programs import require_program

WAIT = """
tries=0
until python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:2222/readyz", timeout=2)' 2>/dev/null; do
  tries=$((tries + 1)); [ "$tries" -lt 240 ] || { echo "the service does not come"; cat service.log; exit 1; }
  kill -0 "$service" 2>/dev/null || { echo "the service ended"; cat service.log; exit 1; }
  sleep 0.25
done
"""


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_says_how_it_is_tried(page):
    """The ways are told in doc_commands.py; a test that a block names is there."""
    for block in blocks(page):
        if block.language in SHELLS:
            found = CLASS.fullmatch(block.kind)
            assert found, f"{block.place}: ```{block.info}: say run, service, tested=PATH or illustrative"
            assert not found[1] or (ROOT / found[1]).exists(), f"{block.place}: there is no {found[1]}"
    assert [] == list(loose_commands(page)), "put commands into a block ```sh ..."


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_to_is_there(page):
    """Tests by path and name, and links to other files."""
    text = page.read_text()
    for path, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", text):
        assert (ROOT / path).exists(), path
        text_of_test = (ROOT / path).read_text()
        assert not name or f"def {name}(" in text_of_test or f"\n{name} = " in text_of_test, (
            f"{path} has no test {name}"
        )
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
        assert (page.parent / target).exists(), f"link to {target}"


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if any(block.kind in ("run", "service") for block in blocks(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_commands_of_a_page_work(page, tmp_path):
    """In a copy of the checkout, in a network of its own: the ports are the documented ones and nobody's."""
    require_program("named")
    script = ["set -eu", "service="]
    for block in blocks(page):
        if block.kind == "service":
            # Of several commands only the last stays; those before it do their work first.
            script += [f"(\n{block.body.strip()}\n) > service.log 2>&1 &", "service=$!", WAIT]
        elif block.kind == "run":
            script += [_checked(line) for line in block.body.replace("\\\n", " ").splitlines()]
    script += ['[ -z "$service" ] || kill "$service"', "wait", "echo all done"]

    done = subprocess.run(
        [*_apart(), "sh", "-c", "\n".join(script)],
        cwd=_checkout(tmp_path),
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("all done")


def _apart() -> list[str]:
    """Own processes and own network; only own processes inside a container that may not set up a network."""
    unshare = [require_program("unshare"), "--pid", "--fork", "--mount-proc", "--kill-child"]
    unshare += ["--map-root-user"] if os.geteuid() else []
    with_network = [*unshare, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    may = subprocess.run([*with_network, "true"], capture_output=True, check=False).returncode == 0
    return with_network if may else unshare


def _checked(line: str) -> str:
    """The command; with `# => text` its output must hold the text."""
    command, arrow, expected = line.partition("# => ")
    if not arrow:
        return line
    quoted = expected.strip().replace("'", "'\\''")
    return (
        f'seen=$({command.strip()} 2>&1) || {{ echo "$seen"; exit 1; }}\n'
        f"case \"$seen\" in *'{quoted}'*) ;; *) echo 'expected: {quoted}'; echo \"$seen\"; exit 1 ;; esac"
    )


def _checkout(folder: Path) -> Path:
    """What git has of this tree, with the packages of this environment instead of a download."""
    place = folder / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    venv.create(place / ".venv", with_pip=False, symlinks=True)
    packages = next((place / ".venv").glob("lib/python3*/site-packages"))
    (packages / "dependencies.pth").write_text(f"{place / 'src'}\n{sysconfig.get_path('purelib')}\n")
    (place / ".venv/.dev").touch()
    return place


@pytest.mark.parametrize(
    ("works", "line"),
    [(True, "echo 'a b'  # => a b"), (False, "echo a  # => b"), (False, "false  # => "), (False, "false")],
)
def test_a_wrong_promise_is_found(works, line):
    """What stands behind `# =>` must be in the output, and the command must succeed."""
    done = subprocess.run(["sh", "-euc", _checked(line)], capture_output=True, text=True, check=False)

    assert works == (done.returncode == 0)
