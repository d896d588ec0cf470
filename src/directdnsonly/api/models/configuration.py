"""Shapes of the JSON API: the configuration that is in force, and what a reload did."""

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
    problem: str = Field(description="What is wrong, and where it stands; never a value that may be a secret")

    @classmethod
    def of(cls, problem: ConfigProblem) -> WrongKey:
        """The view of a problem."""
        hint = f" ({problem.hint})" if problem.hint else ""
        return cls(key=problem.path, problem=f"{problem.problem}{hint}")


class ConfigurationView(BaseModel):
    """What is in force, and what became of the last reload."""

    file: str = Field(description="Empty: defaults and variables only", examples=["/etc/directdnsonly/app.yml"])
    loaded_at: Moment = Field(description="When what is in force was read")
    tried_at: Moment | None = Field(description="When a reload was asked for last; null: never since the start")
    failed_at: Moment | None = Field(description="Since when reloads fail; null: the last one did not")
    problems: list[WrongKey] = Field(description="What was wrong at the last one; empty when it was applied")
    changed: list[str] = Field(description="Keys that the last applied reload has changed", examples=KEYS)
    needs_restart: list[str] = Field(
        description="Keys that are another way in the file, and are left until the service is restarted",
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
    """What was applied, or would be."""

    changed: list[str] = Field(description="Keys that were applied, never their values", examples=KEYS)
    needs_restart: list[str] = Field(description="Keys that are left as they were until a restart", examples=WAITING)
    dry_run: bool = Field(description="Nothing was applied: this is what would be")

    @classmethod
    def of(cls, done: Reloaded) -> ReloadView:
        """The view of what was done."""
        return cls(changed=list(done.changed), needs_restart=list(done.needs_restart), dry_run=done.dry_run)
