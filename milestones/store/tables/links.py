"""The tables of the sync with other loyalty programs."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Moment, Revision, Serial


class LinkState(StrEnum):
    """What a member of another program is to this one."""

    NEW = "new"
    """Seen there; no account here is known to be theirs."""
    LINKED = "linked"
    """Kept in step."""
    LISTED = "listed"
    """A person must look: ``reason`` says why (``sync resolve``)."""
    UNLINKED = "unlinked"
    """Deleted there, or here. Points stay as they are."""


class AgreementState(StrEnum):
    """How far an agreement is."""

    OPEN = "open"
    SETTLED = "settled"
    BROKEN = "broken"
    """One side could not be adjusted."""


class Link(SQLModel, table=True):
    """A member of another program (``external``) and the account here.

    number: of the last agreement, 0 before the first. ours, theirs: the balances that it left. written: the revision at
    which our account was last adjusted by a sync; what is known of it counts once it is newer.
    look: whether something may have changed there. is_open: whether the last agreement is not settled yet.
    email_key: the keyed hash by which an account of the same address is found.
    active: what their program says of the member. updated: their own mark of the last change that was read.
    """

    __tablename__ = "links"
    __table_args__ = (
        UniqueConstraint("site_id", "external", "member_id"),
        UniqueConstraint("site_id", "external", "account_id"),
        Index("ix_links_state", "site_id", "external", "state"),
        Index("ix_links_account", "site_id", "account_id"),
        Index("ix_links_email", "site_id", "email_key"),
    )

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    site_id: str
    external: str
    member_id: str
    account_id: str | None = None
    email: str | None = None
    email_key: str | None = None
    phone: str | None = None
    state: str = LinkState.NEW
    reason: str | None = Field(default=None, sa_type=Text)
    active: bool = True
    number: int = 0
    ours: int | None = None
    theirs: int | None = None
    written: int | None = Field(default=None, sa_type=Revision)
    look: bool = False
    is_open: bool = False
    updated: str | None = None
    recorded_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    agreed_at: datetime | None = Field(default=None, sa_type=Moment)


class AgreementRow(SQLModel, table=True):
    """``domain.agreement.Agreement`` as it was frozen. checks: how often the other program was asked whether it shows what
    it has booked.
    """

    __tablename__ = "agreements"
    __table_args__ = (
        Index("ix_agreements_state", "site_id", "external", "state"),
        Index("ix_agreements_recorded", "recorded_at"),
    )

    link_id: int = Field(sa_column=Column(Serial, primary_key=True, autoincrement=False))
    number: int = Field(primary_key=True)
    site_id: str
    external: str
    ours: int
    theirs: int
    to_ours: int
    to_theirs: int
    state: str = AgreementState.OPEN
    checks: int = 0
    recorded_at: datetime = Field(sa_type=Moment)
    settled_at: datetime | None = Field(default=None, sa_type=Moment)


class ExternalProgram(SQLModel, table=True):
    """Where reading another program stands. read_at, full_at: when the last reading of what changed, or of all members,
    began that came to its end. failing_since, failure: since when and why it cannot be read.
    """

    __tablename__ = "external_programs"

    site_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    read_at: datetime | None = Field(default=None, sa_type=Moment)
    full_at: datetime | None = Field(default=None, sa_type=Moment)
    members: int = 0
    failing_since: datetime | None = Field(default=None, sa_type=Moment)
    failure: str | None = Field(default=None, sa_type=Text)
