"""The tables of what is kept about people beside their accounts."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Moment, Serial


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


class Change(StrEnum):
    """What became of a contact."""

    DELETED = "deleted"
    MERGED = "merged"
    """It lives on in another, the target."""
    MERGING = "merging"
    """Deleted by a merge of which nobody told yet."""


class ContactChange(SQLModel, table=True):
    """A contact that is gone, by keyed hashes: late events must not bring it back.

    change: a ``Change``.
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
