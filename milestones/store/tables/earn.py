"""The table of what outside events and claims gave, as far as their rules count it."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Moment


class Earning(SQLModel, table=True):
    """Points of a rule that gives them once, or only so many, to a customer. Nobody is named in it: keys are keyed hashes.

    owner: of the order's actions. account_id: empty while there was none. person_key: how the event named the customer.
    value_key: the thing for which they are given once. forget_at: None for what is given once.
    """

    __tablename__ = "earnings"
    __table_args__ = (
        Index("ix_earnings_person", "site_id", "rule", "person_key"),
        Index("ix_earnings_account", "site_id", "rule", "account_id"),
        Index("ix_earnings_forget", "forget_at"),
    )

    owner: str = Field(primary_key=True)
    site_id: str
    rule: str
    person_key: str
    account_id: str = ""
    value_key: str = ""
    points: int
    recorded_at: datetime = Field(sa_type=Moment)
    forget_at: datetime | None = Field(default=None, sa_type=Moment)
