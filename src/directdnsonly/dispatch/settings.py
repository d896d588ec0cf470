"""The settings under `dispatch`: retries, leases, timeouts and batch sizes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.effect import AtReload


class DispatchSettings(BaseModel):
    """How zones are delivered, proven and tried again."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    retry_delays_s: AtReload[tuple[float, ...]] = Field(
        (30.0, 120.0, 300.0, 900.0, 1800.0),
        min_length=1,
        description="Seconds before each retry of a zone that failed on one backend; the last one repeats.",
    )
    retry_jitter: AtReload[float] = Field(
        0.2, ge=0, le=1, description="Fraction by which each delay is varied, so that retries do not happen in step."
    )
    max_attempts: AtReload[int] = Field(
        5, ge=0, description="Retries after the first attempt; then the delivery is dead until revived."
    )
    lease_s: AtReload[float] = Field(
        60.0, ge=5, description="Lease: seconds for which an attempt owns its zones; after that they are due again."
    )
    apply_timeout_s: AtReload[float] = Field(
        30.0, gt=0, description="Longest time that a backend may take for one batch, in seconds."
    )
    verify_patience_s: AtReload[float] = Field(
        5.0, gt=0, description="Seconds within which the name server must prove a zone."
    )
    probe_delay_s: AtReload[float] = Field(
        0.5, gt=0, description="Seconds before a failed backend is probed again; doubles each time."
    )
    probe_delay_max_s: AtReload[float] = Field(
        5.0, gt=0, description="Longest time between two probes of a backend that is down, in seconds."
    )
    probe_timeout_s: AtReload[float] = Field(
        5.0, gt=0, description="Longest time that a backend may take to answer a probe, in seconds."
    )
    watch_every_s: AtReload[float] = Field(
        10.0, gt=0, description="Seconds between two checks of an idle backend, so that its status is true."
    )
    express_batch: AtReload[int] = Field(
        8, ge=1, description="Zones per batch of the express worker (for pushes that people are waiting for)."
    )
    bulk_workers: AtReload[int] = Field(
        2,
        ge=1,
        description="Least number of workers per backend besides the express one: one applies while another verifies.",
    )
    bulk_slows_answers: AtReload[float] = Field(
        4.0,
        ge=0,
        description="How many times as long as without it answers of the name server may take on average while a bulk runs; it rests between batches for that. 0: never.",
    )
    sweep_page: AtReload[int] = Field(
        1000, ge=1, description="Zones per page when a name server is compared with the store."
    )
