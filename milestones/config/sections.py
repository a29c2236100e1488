"""The tables of ``config.toml`` that concern the program itself. Attributes are named like the keys."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, model_validator

from milestones.config.references import ConfiguredPath, Secret
from milestones.config.tables import Written
from milestones.config.values import (
    Duration,
    QuietHoursText,
    RateText,
    Schedule,
    Zone,
    duration,
)
from milestones.config.web_addresses import BaseAddress, DatabaseUrl, HostAndPort, host_and_port
from milestones.domain.policy import Breaker

_DATABASE = "sqlite:///var/milestones.db"

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]


class Table(BaseModel):
    """A table of the file: fixed once read, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DaemonSettings(Table):
    """``[daemon]``: where it listens and what it keeps.

    mode: ``shadow`` decides and records everything and sends nothing.
    public_url: where customers and Wix reach it; without one, the address that it listens on.
    database: ``sqlite:///path`` or ``postgresql://...``. May hold a password, so it is wrapped.
    socket: the local control socket, which only its owner can open.
    password_file: where `milestones password` keeps the hash of the dashboard's password.
    resume_gap: a database that was asleep for longer starts in hold.
    same_machine: a database that comes from another machine or path starts in hold; false for containers.
    log: ``text`` for people, ``json`` for machines, ``auto`` for whichever reads.
    """

    mode: Literal["live", "shadow"] = "shadow"
    listen: HostAndPort = "127.0.0.1:8080"
    public_url: BaseAddress = ""
    database: DatabaseUrl = Secret(_DATABASE, _DATABASE)
    templates: ConfiguredPath = Path("templates")
    timezone: Zone = ZoneInfo("UTC")
    socket: ConfiguredPath = Path("var/milestones.sock")
    password_file: ConfiguredPath = Path("var/password")
    resume_gap: Duration = duration("6h")
    same_machine: Flag = True
    log: Literal["auto", "text", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="before")
    @classmethod
    def _public_url_of_listen(cls, values: Any) -> Any:
        if isinstance(values, dict) and "public_url" not in values:
            listen = values.get("listen", "127.0.0.1:8080")
            try:
                _, port = host_and_port(listen)
            except ValueError:
                # The fault of ``listen`` is told; it must not be told twice.
                listen, port = "127.0.0.1:8080", 8080
            # Which port is free is not known yet.
            place = listen if port else listen.rpartition(":")[0]
            return {**values, "public_url": f"http://{place}"}
        return values

    @property
    def host(self) -> str:
        """The address to listen on, without brackets."""
        return host_and_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port to listen on; 0 takes any free one."""
        return host_and_port(self.listen)[1]


class ScanSettings(Table):
    """``[scan]``: how often Wix is asked.

    every: how often near and reached accounts are looked for; an interval or a cron expression.
    sweep: how often every account is read.
    misfire_grace: a scan that could not start in time is still run when it is late by no more than this.
    lag: how far a scan for changed accounts looks back behind the last one, since search lags behind writes.
    """

    every: Schedule = duration("1h")
    sweep: Schedule = duration("7d")
    misfire_grace: Duration = duration("1d")
    lag: Duration = duration("10m")


class BreakerTable(Table):
    """``breaker``: more grants or reminders of one milestone in 24 hours than ``max(floor, share x accounts)`` are held."""

    share: Number = Field(default=0.2, gt=0, le=1)
    floor: Whole = Field(default=50, ge=0)

    def definition(self) -> Breaker:
        """As the rules know it."""
        return Breaker(self.share, self.floor)


class PolicySettings(Table):
    """``[policy]``: what is owed to the reader of a mail.

    quiet_hours: no reminder leaves then, in the site's own time.
    at_most: reminders to one customer, over all milestones; those of different milestones are a day apart anyhow.
    """

    quiet_hours: QuietHoursText | None = None
    at_most: RateText | None = None
    breaker: Annotated[Breaker, Written(BreakerTable)] = BreakerTable().definition()


class ApiSettings(Table):
    """``[api]``: how often programs may call ``/api/v1``.

    requests_per_minute: of each token. wrong_tokens_per_minute: past it, whoever shows a wrong one is put off; whoever has
    a token is served all the same.
    """

    requests_per_minute: Whole = Field(default=600, ge=1, le=1_000_000)
    wrong_tokens_per_minute: Whole = Field(default=60, ge=1, le=1_000_000)


def _outlasts_repeats(value: timedelta) -> timedelta:
    if value < timedelta(days=3):
        raise ValueError(
            'must be at least "3d": Wix repeats an event for two days, and what is told late is held against this log'
        )
    return value


class RetentionSettings(Table):
    """``[retention]``: how long what happened is kept.

    observations: the log from which ``verify`` recomputes grants, and which shows what an event that comes late crossed.
        Wix repeats one for 47 hours (docs/wix-api.md, 4.1).
    actions: what was done, discarded or cancelled; and keys of calls to the API.
    bodies: requests that could not be understood.
    """

    observations: Annotated[Duration, AfterValidator(_outlasts_repeats)] = duration("400d")
    actions: Duration = duration("180d")
    bodies: Duration = duration("30d")
