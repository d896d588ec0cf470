"""The settings under `outbox`: history, limits and disk reserve."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.effect import AtReload, AtRestart


class OutboxSettings(BaseModel):
    """How much is kept, and when pushes are refused rather than kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    history_versions: AtReload[int] = Field(50, ge=1, le=10_000, description="How many versions of each zone are kept.")
    history_days: AtReload[int] = Field(
        90, ge=1, le=36_500, description="Days after which history, receipts and audit events are deleted."
    )
    max_backlog: AtReload[int] = Field(
        1_000_000, ge=1, description="Outstanding deliveries above which pushes are answered error=1 with the reason."
    )
    disk_reserve_mb: AtReload[int] = Field(
        64, ge=0, description="Free space on the store's disk, in MiB, below which pushes are answered error=1."
    )
    max_store_mb: AtReload[int] = Field(
        0, ge=0, description="Largest size of the store in MiB; 0 means as large as the disk."
    )
    busy_timeout_s: AtRestart[float] = Field(
        10.0,
        ge=0,
        le=300,
        description="Longest time that a commit waits for another program's lock on the store (a backup), in seconds.",
    )
    commit_batch: AtReload[int] = Field(
        512, ge=1, le=10_000, description="Most pushes that share one transaction and one fsync."
    )
