"""What an HTTP answer means: the table of statuses and bodies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milestones.wix.answers import Answer, Call, read_complaint, understand
from milestones.wix.errors import (
    WixConflictError,
    WixError,
    WixNotFoundError,
    WixPreconditionError,
    WixRefusedError,
    WixThrottledError,
    WixUnauthorizedError,
    WixUnavailableError,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
READ = Call("GET", "/things/{id}", reads=True)
WRITE = Call("POST", "/things", reads=False)

# status, error, permanent, lost after a write, connection_wide
STATUSES: list[tuple[int, type[WixError], bool, bool, bool]] = [
    (302, WixUnavailableError, False, True, False),
    (400, WixRefusedError, True, False, False),
    (401, WixUnauthorizedError, True, False, True),
    (403, WixUnauthorizedError, True, False, True),
    (404, WixNotFoundError, True, False, False),
    (405, WixRefusedError, True, False, False),
    (408, WixUnavailableError, False, True, False),
    (409, WixConflictError, False, False, False),
    (413, WixRefusedError, True, False, False),
    (422, WixRefusedError, True, False, False),
    (428, WixPreconditionError, True, False, False),
    (429, WixThrottledError, False, False, True),
    (500, WixUnavailableError, False, True, False),
    (501, WixRefusedError, True, False, False),
    (502, WixUnavailableError, False, True, True),
    (503, WixUnavailableError, False, True, True),
    (504, WixUnavailableError, False, True, True),
    (599, WixUnavailableError, False, True, False),
]


def error_of(answer: Answer, call: Call = READ) -> WixError:
    with pytest.raises(WixError) as caught:
        understand(answer, call, NOW)
    return caught.value


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: str(row[0]))
@pytest.mark.parametrize("body", [b"", b'{"message": "no"}', b"plain words", b"[]"])
def test_each_status_becomes_one_error(
    row: tuple[int, type[WixError], bool, bool, bool], body: bytes
) -> None:
    status, kind, permanent, lost, connection_wide = row
    after_read = error_of(Answer(status, body, request_id="req-1"))
    assert type(after_read) is kind
    assert (after_read.status, after_read.request_id) == (status, "req-1")
    assert (after_read.permanent, after_read.lost) == (permanent, False)
    assert after_read.connection_wide is connection_wide
    assert error_of(Answer(status, body), WRITE).lost is lost
    assert str(status) in str(after_read)
    assert "req-1" in str(after_read)


@pytest.mark.parametrize("status", [200, 201, 401, 403, 404, 409, 500, 503])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html; charset=utf-8", b"busy"),
        ("", b" <!DOCTYPE html><p>Sign in to the hotel"),
        ("", b"<HTML>"),
    ],
)
def test_a_web_page_is_never_wix_saying_no(status: int, content_type: str, body: bytes) -> None:
    error = error_of(Answer(status, body, content_type), WRITE)
    assert type(error) is WixUnavailableError
    assert error.lost
    assert error.connection_wide
    assert not error.permanent


@pytest.mark.parametrize("body", [b"{", b"not json", b"[1]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_success_that_cannot_be_read_is_a_lost_answer(body: bytes) -> None:
    assert error_of(Answer(200, body), WRITE).lost
    assert not error_of(Answer(200, body), READ).lost


@pytest.mark.parametrize(("body", "expected"), [(b"", {}), (b" \n", {}), (b'{"a": 1}', {"a": 1})])
def test_a_success_is_its_object_and_an_empty_one_is_empty(body: bytes, expected: dict[str, Any]) -> None:
    assert understand(Answer(200, body), READ, NOW) == expected


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, 60),
        ("", 60),
        ("7", 7),
        ("0", 1),
        ("-5", 60),
        ("soon", 60),
        ("99999", 3600),
        ("9" * 99, 60),
        ("²", 60),
    ],
)
def test_a_throttled_call_is_told_when_to_come_again(retry_after: str | None, seconds: int) -> None:
    error = error_of(Answer(429, b"", retry_after=retry_after))
    assert error.retry_at == NOW + timedelta(seconds=seconds)


def test_a_throttled_call_stays_throttled_when_a_gateway_says_it_in_html() -> None:
    assert type(error_of(Answer(429, b"<html>", "text/html"))) is WixThrottledError


@pytest.mark.parametrize("status", [400, 409, 428])
@pytest.mark.parametrize("code", ["INVALID_REVISION", "CONTACT_ALREADY_CHANGED"])
def test_a_stale_revision_is_a_conflict_whatever_status_says_so(status: int, code: str) -> None:
    body = b'{"details": {"applicationError": {"code": "%s"}}}' % code.encode()
    error = error_of(Answer(status, body))
    assert type(error) is WixConflictError
    assert not error.permanent


def test_a_refusal_names_code_and_fields_and_never_what_wix_wrote_about_them() -> None:
    body = (
        b'{"message": "ann@example.com is wrong", "details": {"validationError": {"fieldViolations": ['
        b'{"field": "programName", "description": "ann@example.com", "ruleName": "REQUIRED"},'
        b'{"field": "ann@example.com <x>", "description": "", "ruleName": "x y"}]}}}'
    )
    error = error_of(Answer(400, body, request_id="req-9"))
    assert str(error) == "Wix refused GET /things/{id}: 400 REQUIRED for programName (request id req-9)."
    assert "ann@" not in repr(error.complaint)
    assert "ann@example.com is wrong" in error.complaint.words


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b"{",
        b'{"details": []}',
        b'{"details": {"applicationError": 7, "validationError": {"fieldViolations": {}}}}',
        b'{"details": {"applicationError": {"code": 7, "data": []}}, "message": {}}',
        b'{"details": {"validationError": {"fieldViolations": [null, 7, {}]}}}',
    ],
)
def test_any_shape_of_complaint_is_survived(body: bytes) -> None:
    complaint = read_complaint(body)
    assert complaint.code is None
    assert complaint.fields == ()
    assert not complaint.data
