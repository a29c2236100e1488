"""The tables of the API: who may call it, and what was called."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from milestones.store.database.columns import Json, Moment, Serial


class ApiToken(SQLModel, table=True):
    """A token (``domain.token``), by its public name and its hash.

    title: what a person calls it; of those in force, no two are called alike. last_used_at: to a minute.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (UniqueConstraint("name"),)

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True))
    name: str
    title: str
    digest: str
    scopes: list[str] = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime | None = Field(default=None, sa_type=Moment)
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)
    last_used_at: datetime | None = Field(default=None, sa_type=Moment)


class ApiCall(SQLModel, table=True):
    """A call that was made under an ``Idempotency-Key``.

    fingerprint: of what was called, keyed. run: the process that carries it out. answer: None until it is done; it holds
    nothing of a person. An order keeps no answer here: it is its own.
    """

    __tablename__ = "api_calls"
    __table_args__ = (Index("ix_api_calls_begun", "begun_at"),)

    key: str = Field(primary_key=True)
    fingerprint: str
    run: str
    begun_at: datetime = Field(sa_type=Moment)
    answer: dict[str, Any] | None = Field(default=None, sa_type=Json)
