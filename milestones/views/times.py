"""Times as stamps hold them, and as sentences say them."""

from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of_stamp(microseconds: int) -> datetime | None:
    """The time of a stamp; None for 0, which means that Wix told none."""
    return _EPOCH + timedelta(microseconds=microseconds) if microseconds else None


def spell_time(moment: datetime, zone: tzinfo) -> str:
    """A time inside a sentence, as the shop reads its clock."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M}"
