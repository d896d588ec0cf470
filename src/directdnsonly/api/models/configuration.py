"""Shapes of the JSON API: the configuration in force, and the result of a reload."""

from __future__ import annotations

from pydantic import BaseModel, Field

from directdnsonly.errors import ConfigProblem
from directdnsonly.operate.configuration import Reloaded, Standing
from directdnsonly.shapes import Moment

KEYS = [["app.takeover", "dns.backends.ns2 (added)"]]
WAITING = [["app.listen_port"]]


class WrongKey(BaseModel):
    """One mistake in the configuration."""

    key: str = Field(description="The key, or the variable", examples=["app.max_body_bytes"])
    problem: str = Field(description="What is wrong, and in which line; never a value, which may be a secret")

    @classmethod
    def of(cls, problem: ConfigProblem) -> WrongKey:
        """The view of a problem."""
        hint = f" ({problem.hint})" if problem.hint else ""
        return cls(key=problem.path, problem=f"{problem.problem}{hint}")


class ConfigurationView(BaseModel):
    """The configuration in force, and the result of the last reload."""

    file: str = Field(
        description="The file; empty if there are only defaults and variables", examples=["/etc/directdnsonly/app.yml"]
    )
    loaded_at: Moment = Field(description="When the configuration in force was read")
    tried_at: Moment | None = Field(description="When the last reload was requested; null: none since the start")
    failed_at: Moment | None = Field(description="Since when reloads have failed; null: the last one did not fail")
    problems: list[WrongKey] = Field(
        description="Everything that was wrong in the last reload; empty if it was applied"
    )
    changed: list[str] = Field(description="Keys that the last successful reload changed", examples=KEYS)
    needs_restart: list[str] = Field(
        description="Keys that differ in the file and take effect only after a restart",
        examples=WAITING,
    )

    @classmethod
    def of(cls, standing: Standing) -> ConfigurationView:
        """The view of how it stands."""
        return cls(
            file=standing.file,
            loaded_at=standing.loaded_at,
            tried_at=standing.tried_at,
            failed_at=standing.failed_at,
            problems=[WrongKey.of(one) for one in standing.problems],
            changed=list(standing.changed),
            needs_restart=list(standing.needs_restart),
        )


class ReloadView(BaseModel):
    """What was applied, or with `dry_run` would be."""

    changed: list[str] = Field(description="Keys that were applied; never their values", examples=KEYS)
    needs_restart: list[str] = Field(
        description="Keys that differ in the file and take effect only after a restart", examples=WAITING
    )
    dry_run: bool = Field(description="Whether this only says what would be applied")

    @classmethod
    def of(cls, done: Reloaded) -> ReloadView:
        """The view of what was done."""
        return cls(changed=list(done.changed), needs_restart=list(done.needs_restart), dry_run=done.dry_run)
