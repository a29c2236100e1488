"""The tables of accounts and their histories."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Json, Moment, Revision, Serial


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
        Index("ix_accounts_member", "site_id", "member_id"),
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
