"""docs/refusals.md knows every rule that the code can refuse by, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import directdnsonly
from directdnsonly.outbox.sqlite import neighbours

SOURCE = Path(directdnsonly.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "refusals.md"
RULE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+\Z")


def rules_in(file: Path) -> set[str]:
    """What stands as rule="..." in calls and as the default of a parameter `rule`; in validate.py, all that looks so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "rule" and isinstance(node.value, ast.Constant):
            found.add(node.value.value)
        elif isinstance(node, ast.FunctionDef):
            for parameter, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if parameter.arg == "rule" and isinstance(default, ast.Constant):
                    found.add(str(default.value))
        elif isinstance(node, ast.Constant) and file.name == "validate.py" and RULE.match(str(node.value)):
            found.add(str(node.value))
    return found


def warnings_in(file: Path) -> set[str]:
    """The first argument of `.add("...", ...)` and of what makes a warning or its rule, in the files of warnings."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"add", "ZoneWarning", "LineRule", "RdataRule"} and RULE.match(f"{node.args[0].value}-x"):
                found.add(node.args[0].value)
    return found


def table(text: str) -> set[str]:
    """The rules of the tables; every row has its three cells."""
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    assert all(row[2].strip() and row[3].strip() for row in rows)
    return {rule for row in rows for rule in re.findall(r"`([a-z0-9-]+)`", row[1])}


def test_every_rule_is_explained():
    """Why was my zone refused: the answer is on that page."""
    in_code = {rule for file in SOURCE.rglob("*.py") for rule in rules_in(file)} | {"include", "generate"}

    assert in_code == table(PAGE.read_text().split("## Warnings")[0])


def test_every_warning_is_explained():
    """What does this warning mean, and what is to be done: the same page."""
    in_code = {rule for file in (SOURCE / "zone").glob("*.py") for rule in warnings_in(file)}
    in_code |= {neighbours.RULE, "ns-without-address", "ns-cname"}  # the last two by a variable

    assert in_code == table(PAGE.read_text().split("## Warnings")[1])
