"""docs/refusals.md knows every rule that the code can refuse by, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import directdnsonly

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


def test_every_rule_is_explained():
    """Why was my zone refused: the answer is on that page."""
    in_code = {rule for file in SOURCE.rglob("*.py") for rule in rules_in(file)} | {"include", "generate"}

    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| `")]

    assert in_code == {rule for row in rows for rule in re.findall(r"`([a-z0-9-]+)`", row[1])}
    assert all(row[2].strip() and row[3].strip() for row in rows)
