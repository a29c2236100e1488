"""The tables of what is owed and what came of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Json, Moment, Revision, Serial


class Grant(SQLModel, table=True):
    """An account reached a milestone. Nothing is given without such a row, and no two rows are alike.

    revision, stamped_at, value: of the observation that reached it.
    """

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("site_id", "account_id", "milestone", "occurrence"),
        Index("ix_grants_recent", "site_id", "recorded_at", "milestone", "verdict"),
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
        Index("ix_reminders_recent", "site_id", "recorded_at", "milestone", "scan_id"),
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


class Order(SQLModel, table=True):
    """What somebody else than a milestone asks for (``domain.order``). No two of a site have the same source and key.

    key: as it was given; empty once the customer is erased. owner: under which its actions are found, and which is unique
    because it is made of site, source and key. fingerprint: of what was asked for. account_id: empty until it is known.
    contact_key: recognises the contact while the account is not known. verdict: ORDERED, or why its actions began as held
    or cancelled.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("owner"),
        Index("ix_orders_account", "site_id", "account_id"),
        Index("ix_orders_contact", "site_id", "contact_key"),
        Index("ix_orders_recent", "site_id", "source", "recorded_at"),
        Index("ix_orders_recorded", "recorded_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    site_id: str
    source: str
    key: str
    owner: str
    fingerprint: str
    kind: str
    account_id: str
    contact_key: str | None = None
    configuration: str
    verdict: str
    recorded_at: datetime = Field(sa_type=Moment)


class Action(SQLModel, table=True):
    """One effect that a grant, a reminder or an order owes; its life is told in ``domain.actions.State``.

    owner: the key of its grant, reminder or order. milestone: empty where an order owes it. account_id: empty until an
        order's is known.
    waits_for: keys of the actions whose results it shows.
    needs: ``consent``, ``member``, ``threshold`` or, after a merge, ``account``, while it waits for that.
    generation, acted_at: of the drain that holds it, and when that committed "about to act".
    lost_at: when an attempt's answer was lost; the next begins by looking for its effect.
    failing_since: when the first of its failures in a row was, or the first rest of its channel ended.
    intent: what was committed with "about to act" (``effects.intending``).
    scan_id: the scan whose end lets it go. fast: somebody waits for what becomes of it, so it is done before others.
    """

    __tablename__ = "actions"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_actions_due", "site_id", "state", "kind", "available_at"),
        Index(
            "ix_actions_fast",
            "site_id",
            "available_at",
            sqlite_where=text("fast = 1 AND settled_at IS NULL"),
            postgresql_where=text("fast AND settled_at IS NULL"),
        ),
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
    fast: bool = False
    generation: int | None = None
    acted_at: datetime | None = Field(default=None, sa_type=Moment)
    intent: dict[str, Any] | None = Field(default=None, sa_type=Json)
    recorded_at: datetime = Field(sa_type=Moment)
    settled_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def lost(self) -> bool:
        """Whether it may have happened already."""
        return self.lost_at is not None


class Attempt(SQLModel, table=True):
    """One try of an action's effect, or one look for it after a lost answer.

    ended_at: None where the process ended in between. state: where the action went. error: a sentence, which goes when
    the customer is erased.
    """

    __tablename__ = "attempts"

    action_id: int = Field(sa_column=Column(Serial, primary_key=True, autoincrement=False))
    number: int = Field(primary_key=True)
    began_at: datetime = Field(sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    state: str
    verdict: str
    error: str | None = Field(default=None, sa_type=Text)


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
