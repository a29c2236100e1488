"""Recognising that an earlier write of ours took effect, whichever way Wix says so."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from milestones.wix import accounts, assignments, contacts, coupons
from milestones.wix.answers import Answer, Call, understand
from milestones.wix.errors import WixError, WixUnavailableError

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
