"""The settings under `dispatch`: retries, leases, timeouts and batch sizes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DispatchSettings(BaseModel):
    """How zones are delivered, proven and tried again."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    retry_delays_s: tuple[float, ...] = Field(
        (30.0, 120.0, 300.0, 900.0, 1800.0),
        min_length=1,
        description="Seconds before each retry of a zone that failed on one backend; the last one repeats.",
    )
    retry_jitter: float = Field(
        0.2, ge=0, le=1, description="Share by which each delay is varied, so that retries do not come in step."
    )
    max_attempts: int = Field(
        5, ge=0, description="Retries after the first try; then the delivery is dead until revived."
    )
    lease_s: float = Field(
        60.0, ge=5, description="Seconds for which an attempt owns its zones; a lost lease is due again."
    )
    apply_timeout_s: float = Field(30.0, gt=0, description="Seconds that a backend may take for one batch.")
    verify_patience_s: float = Field(5.0, gt=0, description="Seconds in which the name server must prove a zone.")
    probe_delay_s: float = Field(0.5, gt=0, description="Seconds before a backend that failed is asked again; doubles.")
    probe_delay_max_s: float = Field(
        5.0, gt=0, description="Longest time between two questions to a dead backend, in seconds."
    )
    probe_timeout_s: float = Field(5.0, gt=0, description="Seconds that a backend may take to say that it is ready.")
    watch_every_s: float = Field(
        10.0, gt=0, description="Seconds between two looks at a backend that has no work, so that the status is true."
    )
    express_batch: int = Field(
        8, ge=1, description="Zones that the express worker (pushes people wait for) takes at once."
    )
    bulk_workers: int = Field(
        2,
        ge=1,
        description="Workers per backend beside the express one, at least: one applies while one verifies.",
    )
    bulk_slows_answers: float = Field(
        4.0,
        ge=0,
        description="How many times as long the name server may take to answer while a bulk goes on, before the bulk rests; 0: it never rests.",
    )
    sweep_page: int = Field(1000, ge=1, description="Zones per step when a name server is compared with the store.")
