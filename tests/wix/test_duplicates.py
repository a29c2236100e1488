"""Recognising that an earlier write of ours took effect, whichever way Wix says so."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from milestones.kinds.badge.site import SiteBadges
from milestones.kinds.coupon.channel import SiteCoupons
from milestones.kinds.points.channel import SiteEarnings
from milestones.wix import accounts, assignments, contacts, coupons
from milestones.wix.answers import Answer, Call, understand
from milestones.wix.errors import WixError, WixNotFoundError, WixRefusedError, WixUnavailableError
from tests.kinds.builders import SPECIFICATION
from tests.wix.fakes import FakeWix

WRITE = Call("POST", "/things", reads=False)


def refused(status: int, code: str | None = None, message: str = "", data: Any = None) -> WixError:
    details = {"applicationError": {"code": code, "description": message, "data": data}} if code else {}
    body = json.dumps({"message": message, "details": details}).encode()
    with pytest.raises(WixError) as caught:
        understand(Answer(status, body), WRITE, datetime(2026, 11, 20, tzinfo=UTC))
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (409, "ALREADY_EXISTS", "", True),
        (409, None, "", True),
        (400, "ERROR_COUPON_CODE_NOT_UNIQUE", "", True),
        (400, "DUPLICATE_CODE", "", True),
        (400, None, "Coupon code STAR already exists on this site", True),
        (400, None, "code must be unique", True),
        (428, "BADGE_ALREADY_ASSIGNED", "", True),
        (409, "INVALID_REVISION", "", False),
        (409, None, "The contact was already changed since the requested revision", False),
        (409, "SOMETHING_ELSE", "", False),
        (400, "INVALID_ARGUMENT", "percentOffRate is out of range", False),
        (404, "NOT_FOUND", "", False),
        (500, "ALREADY_EXISTS", "", False),
        (429, None, "already exists", False),
    ],
)
def test_a_duplicate_is_known_by_status_code_or_words(
    status: int, code: str | None, message: str, expected: bool
) -> None:
    error = refused(status, code, message)
    for recognises in (
        accounts.already_exists,
        accounts.already_earned,
        assignments.is_already_assigned,
        coupons.is_duplicate_code,
    ):
        assert recognises(error) is expected


def test_a_lost_answer_is_no_duplicate() -> None:
    assert not coupons.is_duplicate_code(WixUnavailableError("nobody answered", lost=True))


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        ("DUPLICATE_CONTACT_EXISTS", {"duplicateContactId": "c-7", "duplicateEmail": "a@b.c"}, "c-7"),
        ("DUPLICATE_CONTACT_EXISTS", {}, None),
        ("DUPLICATE_CONTACT_EXISTS", {"duplicateContactId": 7}, None),
        ("INSUFFICIENT_CONTACT_DATA", {"duplicateContactId": "c-7"}, None),
    ],
)
def test_a_duplicate_contact_names_the_one_that_is_there(code: str, data: Any, expected: str | None) -> None:
    assert contacts.duplicate_of(refused(409, code, data=data)) == expected


# A refusal in words that nobody foresaw

UNFORESEEN = "The request does not comply with rule 4711."


async def test_a_coupon_that_is_there_is_ours_in_whatever_words_its_repetition_is_refused(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    coupon = {"id": "coupon-1", "specification": {"code": SPECIFICATION["code"]}}
    wix.answers(refusal(400, message=UNFORESEEN), {"coupons": [coupon], "totalResults": 1})
    assert await SiteCoupons(wix.client()).create(SPECIFICATION) is None
    wix.answers(refusal(400, message=UNFORESEEN), {"coupons": [], "totalResults": 0})
    with pytest.raises(WixRefusedError):
        await SiteCoupons(wix.client()).create(SPECIFICATION)


async def test_a_badge_that_a_member_has_is_given_in_whatever_words_its_repetition_is_refused(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    assignment = {"id": "a", "badgeId": "badge-1", "memberId": "member-1"}
    wix.answers(refusal(400, message=UNFORESEEN), {"badgeAssignments": [assignment]})
    await SiteBadges(wix.client()).assign("badge-1", "member-1")
    wix.answers(refusal(404), {"badgeAssignments": []})
    with pytest.raises(WixNotFoundError):
        await SiteBadges(wix.client()).assign("badge-1", "member-1")


async def test_points_that_are_booked_are_earned_in_whatever_words_their_repetition_is_refused(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    points = SiteEarnings(wix.client())
    wix.answers(
        refusal(400, message=UNFORESEEN), {"loyaltyTransactions": [{"id": "t", "idempotencyKey": "key-1"}]}
    )
    assert await points.earn("account-1", amount=5, description="Thanks", idempotency_key="key-1") == "t"
    wix.answers(refusal(400, message=UNFORESEEN), {"loyaltyTransactions": []})
    with pytest.raises(WixRefusedError):
        await points.earn("account-1", amount=5, description="Thanks", idempotency_key="key-1")
