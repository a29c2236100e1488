"""How long a coupon works: until the end of a day at the shop, so that the date in its mail is its last day."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(milliseconds=1)


def last_moment(start: datetime, valid_for: timedelta, zone: ZoneInfo) -> datetime:
    """The last millisecond (UTC) of the local day in which a validity from ``start`` is over.

    Days are those of the calendar: from 1 June, whenever that day, 30 days last through 1 July, be a day between of 23
    hours or of 25.
    """
    last_day = (start.astimezone(zone).replace(tzinfo=None) + valid_for).date()
    following = datetime.combine(last_day + timedelta(days=1), time(), zone)
    return following.astimezone(UTC) - _STEP


def specify(start: datetime, valid_for: timedelta, zone: ZoneInfo) -> Mapping[str, int]:
    """Start and end as a coupon's specification has them: milliseconds (fact sheet, section 2.11)."""
    return {
        "startTime": milliseconds(start),
        "expirationTime": milliseconds(last_moment(start, valid_for, zone)),
    }


def milliseconds(moment: datetime) -> int:
    """A moment as Wix counts coupons' times."""
    return (moment - _EPOCH) // _STEP


def renew(
    specification: Mapping[str, Any], validity: Mapping[str, Any] | None, now: datetime
) -> Mapping[str, Any]:
    """The specification of a coupon that is made now: it starts no later, and is not over already.

    validity: seconds and time zone of a coupon that ends; None of one that does not. It begins anew only where it ended
    before there was a coupon: the customer may have agreed to mail late, or a person released what was held.
    """
    if validity is not None and specification["expirationTime"] <= milliseconds(now):
        valid_for = timedelta(seconds=validity["seconds"])
        return {**specification, **specify(now, valid_for, ZoneInfo(validity["timezone"]))}
    return {**specification, "startTime": min(specification["startTime"], milliseconds(now))}
