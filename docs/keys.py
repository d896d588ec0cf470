"""Every key of the settings, for the pages that list them: configuration.md and directdnsonly.yml(5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from directdnsonly.effect import Effect, effect_of


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `default`: as it is written, empty when there is none; `meaning`: Markdown."""

    path: str
    variable: str
    default: str
    required: bool
    meaning: str
    effect: Effect


def keys(model: type[BaseModel], path: str) -> Iterator[Key]:
    """The keys of a model in its order, sections opened, backends left out."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{path}{name}.")
        elif name != "backends":
            variable = f"DADNS_{path}{name}".replace(".", "_").replace("<name>", "<NAME>").upper()
            default = "" if field.is_required() else _shown(field.get_default(call_default_factory=True))
            yield Key(
                f"{path}{name}", variable, default, field.is_required(), field.description or "", effect_of(field)
            )


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if value is None or value == ():
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
