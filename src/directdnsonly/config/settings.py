"""The whole tree of settings: the sum of the stages' own models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_origin
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from directdnsonly.config.starter import Starter
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.door.settings import AppSettings
from directdnsonly.effect import AtReload, AtRestart
from directdnsonly.errors import ConfigProblem
from directdnsonly.nameservers.outliving import OnStop
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.peers.settings import PeeringSettings, PeerSettings, apart
from directdnsonly.reconcile.settings import ReconciliationSettings


class DnsSettings(BaseModel):
    """The name servers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_backend: AtReload[str | None] = Field(
        None, description="Accepted for the original's sake; every enabled backend is delivered to."
    )
    on_stop: AtRestart[OnStop] = Field(
        OnStop.AUTO,
        description="Bundled name servers when the service stops: `keep` them serving, which the next start adopts; `stop` them too;"
        " `auto`: stop them in a container, under `make run` and at Ctrl-C, else keep them.",
    )
    backends: dict[str, Any] = Field(default_factory=dict, description="The backends by name; see docs/backends/.")


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    app: AppSettings = Field(default_factory=AppSettings)
    dns: DnsSettings = Field(default_factory=DnsSettings)
    outbox: OutboxSettings = Field(default_factory=OutboxSettings)
    dispatch: DispatchSettings = Field(default_factory=DispatchSettings)
    reconciliation: ReconciliationSettings = Field(default_factory=ReconciliationSettings)
    peers: AtReload[list[PeerSettings]] = Field(
        default_factory=list,
        description="Other instances to compare with: name, url, token_file, ca_file or fingerprint; see docs/peers.md.",
    )
    peering: PeeringSettings = Field(default_factory=PeeringSettings)
    data_dir: AtRestart[Path] = Field(Path("data"), description="Folder of everything that we own.")
    queue_location: AtRestart[Path | None] = Field(
        None, description="Folder of the store. Default: `<data_dir>/queues`."
    )
    timezone: AtRestart[str] = Field("UTC", description="Time zone of the log and of the status pages (IANA name).")
    log_level: AtReload[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]] = Field(
        "INFO", description="Least level that is logged."
    )
    log_format: AtRestart[Literal["auto", "json", "console"]] = Field(
        "auto", description="`auto`: console on a terminal, JSON elsewhere."
    )
    _source_file: Path | None = PrivateAttr(None)
    _notes: tuple[ConfigProblem, ...] = PrivateAttr(())
    _starter: Starter = PrivateAttr(Starter.USER)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` has put together: it names each problem by its key."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone (example: Pacific/Auckland)") from None
        return value

    @field_validator("peers")
    @classmethod
    def _apart(cls, value: list[PeerSettings]) -> list[PeerSettings]:
        return apart(value)

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("data_dir", "queue_location", mode="before")
    @classmethod
    def _a_folder(cls, value: object) -> object:
        if value == "":  # an unset variable of a compose file; Path("") would be the working directory
            raise ValueError("is empty: name a folder, or leave it out")
        return value

    @property
    def source_file(self) -> Path | None:
        """The file that was read; None when everything comes from defaults and variables."""
        return self._source_file

    @property
    def notes(self) -> tuple[ConfigProblem, ...]:
        """What the operator should know though it is no mistake: keys of the original that mean something else here."""
        return self._notes

    @property
    def starter(self) -> Starter:
        """Who starts us."""
        return self._starter

    @property
    def store_folder(self) -> Path:
        """Where the outbox is."""
        return self.queue_location or self.data_dir / "queues"

    def enabled_backends(self) -> dict[str, Any]:
        """The settings of each backend that is delivered to."""
        return {name: settings for name, settings in self.dns.backends.items() if settings.enabled}

    def completed(
        self,
        *,
        backends: dict[str, Any],
        source_file: Path | None,
        notes: Sequence[ConfigProblem] = (),
        starter: Starter = Starter.USER,
    ) -> Settings:
        """The same with validated backends, and where all of it comes from."""
        whole = self.model_copy(update={"dns": self.dns.model_copy(update={"backends": backends})})
        whole._source_file, whole._notes, whole._starter = source_file, tuple(notes), starter  # noqa: SLF001 - our own
        return whole


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The model, when a field is a section of its own."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def key_paths(model: type[BaseModel] = Settings, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key outside of `dns.backends`, as a path."""
    for name, field in model.model_fields.items():
        section = section_of(field.annotation)
        if section is not None:
            yield from key_paths(section, (*before, name))
        elif (*before, name) != ("dns", "backends"):
            yield (*before, name)


def is_list(model: type[BaseModel], key: str) -> bool:
    """Whether a key of a model holds several values; a key of the original that is not ours holds one."""
    return key in model.model_fields and get_origin(model.model_fields[key].annotation) in (list, tuple)
