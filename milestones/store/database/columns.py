"""Column types that SQL does not bring along."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, String, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB

Json = JSON().with_variant(JSONB(), "postgresql")

Serial = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts up. SQLite counts by itself only in a column that it calls INTEGER."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. Naive values are refused: they have no meaning on a machine in another zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Revision(TypeDecorator[int]):
    """An integer of any length (Wix's revisions are decimal strings), stored so that text order is number order."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else f"{len(str(value)):04d}:{value}"

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else int(value.partition(":")[2])
