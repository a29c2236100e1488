"""The tables. Rows say what is so; what may be done with them stands in the modules beside this one."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Json, Moment, Revision, Serial


class Meta(SQLModel, table=True):
    """Facts about this database: its secret, its heartbeat, whether it waits for ``resume``."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)


class Site(SQLModel, table=True):
    """One Wix installation.

    state: ``observed`` (told of, decides nothing), ``active``, or ``removed``, since ``removed_at``.
    go_live_at: when it was taken on; what was true before counts for nothing.
    generation: raised by each drain; a worker of an older one is fenced.
    definitions: counts the changes of its definition versions.
    accounts: how many accounts the last full reading saw; the breaker's share is of these.
    """

    __tablename__ = "sites"

    id: str = Field(primary_key=True)
    name: str | None = None
    state: str = "observed"
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


class Account(SQLModel, table=True):
    """The newest known state of an account, by its stamp. Where that is silent about ``tier_points``, they are as they
    were last told.

    run: the ordinal of the last run in ``observations``.
    first_*: the stamp of the first point that was decided; EVERY looks no further back.
    definitions: the site's newest definition version when the account was last decided.
    bases: the point from which a later version looks, by milestone: ``[revision, at, sequence, balance, earned,
        tier_points]``.
    contact_key: a keyed hash that recognises the contact, also after it was erased.
    email_key: a keyed hash that recognises the address; it goes with it.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        Index("ix_accounts_contact", "site_id", "contact_key"),
        Index("ix_accounts_email", "site_id", "email_key"),
        Index("ix_accounts_balance", "site_id", "balance"),
    )

    site_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    contact_id: str | None = None
    contact_key: str | None = None
    member_id: str | None = None
    email: str | None = None
    email_key: str | None = None
    name: str | None = None
    balance: int
    earned: int
    tier_points: int | None = None
    revision: int = Field(sa_type=Revision)
    stamped_at: int = Field(sa_type=Serial)
    sequence: int = Field(sa_type=Revision)
    run: int
    first_revision: int = Field(sa_type=Revision)
    first_stamped_at: int = Field(sa_type=Serial)
    first_sequence: int = Field(sa_type=Revision)
    definitions: int
    bases: dict[str, Any] = Field(sa_type=Json)
    created_at: datetime | None = Field(default=None, sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    erased_at: datetime | None = Field(default=None, sa_type=Moment)


class ObservationRun(SQLModel, table=True):
    """A stretch of an account's history with equal measures: ``domain.observation.Run``.

    stamps: ``[[revision, at, sequence], ...]`` in order.
    """

    __tablename__ = "observations"

    site_id: str = Field(primary_key=True)
    account_id: str = Field(primary_key=True)
    run: int = Field(primary_key=True)
    balance: int
    earned: int
    tier_points: int | None = None
    stamps: list[Any] = Field(sa_type=Json)
    source: str
    recorded_at: datetime = Field(sa_type=Moment)


class Grant(SQLModel, table=True):
    """An account reached a milestone. Nothing is given without such a row, and no two rows are alike.

    revision, stamped_at, value: of the observation that reached it.
    """

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("site_id", "account_id", "milestone", "occurrence"),
        Index("ix_grants_recent", "site_id", "milestone", "recorded_at"),
        Index("ix_grants_recorded", "recorded_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    site_id: str
    account_id: str
    milestone: str
    occurrence: int = Field(sa_type=Serial)
    version: int
    revision: int = Field(sa_type=Revision)
    stamped_at: int = Field(sa_type=Serial)
    value: int
    source: str
    configuration: str
    verdict: str
    recorded_at: datetime = Field(sa_type=Moment)


class Reminder(SQLModel, table=True):
    """A near customer is to be told. ``approach`` and ``number`` as in ``domain.reminder``."""

    __tablename__ = "reminders"
    __table_args__ = (
        UniqueConstraint("site_id", "account_id", "milestone", "approach", "number"),
        Index("ix_reminders_recent", "site_id", "milestone", "recorded_at"),
        Index("ix_reminders_recorded", "recorded_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    site_id: str
    account_id: str
    milestone: str
    approach: int = Field(sa_type=Serial)
    number: int
    version: int
    value: int
    scan_id: int | None = None
    configuration: str
    recorded_at: datetime = Field(sa_type=Moment)


class Action(SQLModel, table=True):
    """One effect that a grant or reminder owes; its life is told in ``domain.actions.State``.

    owner: the key of its grant or reminder.
    waits_for: keys of the actions whose results it shows.
    needs: ``consent``, ``member``, ``threshold`` or, after a merge, ``account``, while it waits for that.
    generation, acted_at: of the drain that holds it, and when that committed "about to act".
    lost_at: when an attempt's answer was lost; the next begins by looking for its effect.
    failing_since: when the first of its failures in a row was, or the first rest of its channel ended.
    scan_id: the scan whose end lets it go.
    """

    __tablename__ = "actions"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_actions_due", "site_id", "state", "kind", "available_at"),
        Index("ix_actions_account", "site_id", "account_id"),
        Index("ix_actions_owner", "owner"),
        Index("ix_actions_recent", "settled_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    key: str
    owner: str
    site_id: str
    account_id: str
    milestone: str
    kind: str
    state: str
    verdict: str | None = None
    available_at: datetime = Field(sa_type=Moment)
    payload: dict[str, Any] = Field(sa_type=Json)
    waits_for: list[str] = Field(sa_type=Json)
    needs: str | None = None
    result: dict[str, Any] | None = Field(default=None, sa_type=Json)
    error: str | None = Field(default=None, sa_type=Text)
    attempts: int = 0
    lost_at: datetime | None = Field(default=None, sa_type=Moment)
    failing_since: datetime | None = Field(default=None, sa_type=Moment)
    scan_id: int | None = None
    generation: int | None = None
    acted_at: datetime | None = Field(default=None, sa_type=Moment)
    recorded_at: datetime = Field(sa_type=Moment)
    settled_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def lost(self) -> bool:
        """Whether it may have happened already."""
        return self.lost_at is not None


class Trace(SQLModel, table=True):
    """The latest verdicts of the gates, by account and milestone: what ``explain`` tells."""

    __tablename__ = "traces"

    site_id: str = Field(primary_key=True)
    account_id: str = Field(primary_key=True)
    milestone: str = Field(primary_key=True)
    stage: str = Field(primary_key=True)
    verdict: str = Field(primary_key=True)
    first_at: datetime = Field(sa_type=Moment)
    last_at: datetime = Field(sa_type=Moment)
    times: int = 1


class Suppression(SQLModel, table=True):
    """An address that must not be mailed, as a keyed hash: it outlives the address.

    told_at: when Wix was told, or there was nobody to tell of.
    """

    __tablename__ = "suppressions"

    address_key: str = Field(primary_key=True)
    reason: str
    recorded_at: datetime = Field(sa_type=Moment)
    told_at: datetime | None = Field(default=None, sa_type=Moment)


class Subscription(SQLModel, table=True):
    """What Wix last told about the mail subscription of an address. For the trace and for waking what waits;
    before a mail, Wix is asked again.
    """

    __tablename__ = "subscriptions"

    site_id: str = Field(primary_key=True)
    email_key: str = Field(primary_key=True)
    status: str
    deliverability: str | None = None
    changed_at: datetime | None = Field(default=None, sa_type=Moment)
    heard_at: datetime = Field(sa_type=Moment)


class ContactChange(SQLModel, table=True):
    """A contact that is gone, by keyed hashes: late events must not bring it back.

    change: ``deleted``, ``merged``, or ``merging`` while a deletion waits for the merge that caused it.
    target_key: the contact into which it went.
    """

    __tablename__ = "contact_changes"
    __table_args__ = (Index("ix_contact_changes_target", "site_id", "target_key"),)

    site_id: str = Field(primary_key=True)
    contact_key: str = Field(primary_key=True)
    change: str
    target_key: str | None = None
    recorded_at: datetime = Field(sa_type=Moment)


class ErasedMail(SQLModel, table=True):
    """A mail to somebody who was erased: its file, if mails go into a folder, is still to be deleted."""

    __tablename__ = "erased_mails"

    site_id: str = Field(primary_key=True)
    message_id: str = Field(primary_key=True)


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
    state: str = "running"
    cursor: str | None = Field(default=None, sa_type=Text)
    pages: int = 0
    counts: dict[str, Any] = Field(sa_type=Json)
    watermark: datetime | None = Field(default=None, sa_type=Moment)
    started_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)
    error: str | None = Field(default=None, sa_type=Text)


READ_ACCOUNT = "read.account"
"""In place of an event's type: an account that a scan read. The body is the account alone, as JSON."""


class Rejected(SQLModel, table=True):
    """What Wix told and could not be understood, a webhook or an account that a scan read; replayable after an upgrade.

    event_type: ``READ_ACCOUNT`` for what a scan read. account_id: only of such, where it could be told.
    """

    __tablename__ = "rejected"

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    site_id: str | None = None
    event_type: str | None = None
    account_id: str | None = None
    reason: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(sa_type=Moment)
