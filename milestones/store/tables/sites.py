"""The tables of sites: what is known of one, its definitions, its scans."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Json, Moment, Serial


class Meta(SQLModel, table=True):
    """Facts about this database: its secret, its heartbeat, whether it waits for ``resume``."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)


class SiteState(StrEnum):
    """What a site is to this program."""

    OBSERVED = "observed"
    """Told of; nothing is decided for it."""
    ACTIVE = "active"
    REMOVED = "removed"
    """Its app is gone, since ``removed_at``."""


class Site(SQLModel, table=True):
    """One Wix installation.

    state: a ``SiteState``.
    go_live_at: when it was taken on; what was true before counts for nothing.
    generation: raised by each drain; a worker of an older one is fenced.
    definitions: counts the changes of its definition versions.
    accounts: how many accounts the last full reading saw; the breaker's share is of these.
    """

    __tablename__ = "sites"

    id: str = Field(primary_key=True)
    name: str | None = None
    state: str = SiteState.OBSERVED
    first_heard_at: datetime = Field(sa_type=Moment)
    go_live_at: datetime | None = Field(default=None, sa_type=Moment)
    baseline_done_at: datetime | None = Field(default=None, sa_type=Moment)
    removed_at: datetime | None = Field(default=None, sa_type=Moment)
    generation: int = 0
    definitions: int = 0
    accounts: int = 0
    paused: bool = False
    program_status: str | None = None
    program_name: str | None = None
    points_name: str | None = None
    program_checked_at: datetime | None = Field(default=None, sa_type=Moment)


class ChannelRest(SQLModel, table=True):
    """A channel of a site that failed as a whole and has not worked since; gone with its first success.

    since: its first failure. begun_at, until: of the newest rest. failures: in a row. reason: a sentence.
    """

    __tablename__ = "channel_rests"

    site_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Moment)
    begun_at: datetime = Field(sa_type=Moment)
    until: datetime = Field(sa_type=Moment)
    failures: int
    reason: str = Field(sa_type=Text)


class DefinitionVersion(SQLModel, table=True):
    """A milestone as it was defined during a time. ``number`` counts all versions of a site."""

    __tablename__ = "definition_versions"

    site_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    milestone: str = Field(index=True)
    definition: dict[str, Any] = Field(sa_type=Json)
    activated_at: datetime = Field(sa_type=Moment)
    retired_at: datetime | None = Field(default=None, sa_type=Moment)
    paused: bool = False


class ScanState(StrEnum):
    """How far a scan has come."""

    RUNNING = "running"
    """Under way, or stopped on its way: it goes on at its page."""
    FINISHED = "finished"


class Scan(SQLModel, table=True):
    """One scan of a site, resumable at the page where it stopped.

    cursor: of the next page; None at the start and at the end.
    watermark: accounts that changed before it are known; a time of Wix's clock, whatever this machine's says.
    counts: accounts by verdict.
    """

    __tablename__ = "scans"
    __table_args__ = (Index("ix_scans_site", "site_id", "kind", "id"),)

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    site_id: str
    kind: str
    state: str = ScanState.RUNNING
    cursor: str | None = Field(default=None, sa_type=Text)
    pages: int = 0
    counts: dict[str, Any] = Field(sa_type=Json)
    watermark: datetime | None = Field(default=None, sa_type=Moment)
    started_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)
    error: str | None = Field(default=None, sa_type=Text)
