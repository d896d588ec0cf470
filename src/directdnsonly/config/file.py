"""Reads the YAML file as a tree that knows the line of each key.

Values are never quoted in a message: the file holds passwords, and one without quotes is a likely mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from directdnsonly.errors import ConfigProblem

DEEPEST = 4  # dns.backends.<name>.<key>


@dataclass(slots=True)
class Tree:
    """The keys and values given so far, and the origin of each: "line 3", or the name of a variable."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def origin(self, path: str) -> str:
        """Where a key, or the section around it, was given; empty if nowhere."""
        while path and path not in self.origins:
            path = path.rpartition(".")[0]
        return self.origins.get(path, "")


def read(file: Path, problems: list[ConfigProblem]) -> Tree | None:
    """The parsed file; None if it cannot be read at all."""
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
        if node is None:
            return Tree()
        if not isinstance(node, yaml.MappingNode):
            problems.append(ConfigProblem(str(file), "holds no keys and values"))
            return None
        before = len(problems)
        tree = Tree()
        for path, key in _keys(node, ""):
            if not isinstance(key, yaml.ScalarNode):
                problems.append(ConfigProblem(path, "a key must be a word", f"line {key.start_mark.line + 1}"))
            elif path in tree.origins:
                problems.append(
                    ConfigProblem(path, "stands twice", f"{tree.origins[path]} and line {key.start_mark.line + 1}")
                )
            else:
                tree.origins[path] = f"line {key.start_mark.line + 1}"
        if len(problems) > before:
            return None
        tree.values = _plain(yaml.SafeLoader("").construct_document(node), DEEPEST)
    except OSError as error:
        problems.append(ConfigProblem(str(file), f"cannot be read: {error.strerror}"))
        return None
    except yaml.MarkedYAMLError as error:
        problems.append(_not_yaml(file, error))
        return None
    except (yaml.YAMLError, UnicodeDecodeError):
        problems.append(ConfigProblem(str(file), "is not a text file in UTF-8"))
        return None
    except ValueError:
        problems.append(ConfigProblem(str(file), "holds a value that YAML reads as an impossible date or number"))
        return None
    return tree


def _not_yaml(file: Path, error: yaml.MarkedYAMLError) -> ConfigProblem:
    mark = error.problem_mark or error.context_mark
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    # PyYAML names the alias or the tag: that is how a password that begins with * or ! looks to it.
    what = re.sub(r"\b(alias|anchor|tag|handle) ['\"].*", r"\1", error.problem or "it cannot be parsed")
    return ConfigProblem(
        str(file), f"is not YAML{where}: {' '.join(what.split())}", "quote values that hold : # or begin with * ! % @"
    )


def _keys(node: yaml.Node, before: str, depth: int = DEEPEST) -> Iterator[tuple[str, yaml.Node]]:
    """Every key with its dotted path, as deep as settings go."""
    if depth and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag == "tag:yaml.org,2002:merge":
                continue
            path = before + (str(key.value) if isinstance(key, yaml.ScalarNode) else "?")
            yield path, key
            yield from _keys(value, f"{path}.", depth - 1)


def _plain(tree: Any, depth: int) -> Any:
    """Keys as text; keys without a value are left out, so that `app:` with nothing under it means the defaults."""
    if not depth or not isinstance(tree, dict):
        return tree
    return {
        str(key): {} if value is None and depth == DEEPEST - 2 else _plain(value, depth - 1)
        for key, value in tree.items()
        if value is not None or depth == DEEPEST - 2  # `bind:` alone is a backend with every default
    }
