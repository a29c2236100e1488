"""The table of steps that are this program's own."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Moment, Revision, Serial


class MutedStep(SQLModel, table=True):
    """A step of an account's history that is no customer's: ``domain.mute.Mute``.

    key: of the action that takes it. revision, at, balance, earned, tier_points: the account as it was read for it.
    leads_to: the balance that it leaves. closed_at: None while it may still come to nothing.
    """

    __tablename__ = "mutes"
    __table_args__ = (
        Index("ix_mutes_account", "site_id", "account_id"),
        Index("ix_mutes_closed", "closed_at"),
    )

    key: str = Field(primary_key=True)
    site_id: str
    account_id: str
    revision: int = Field(sa_type=Revision)
    at: int = Field(sa_type=Serial)
    balance: int
    earned: int
    tier_points: int | None = None
    leads_to: int
    opened_at: datetime = Field(sa_type=Moment)
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
