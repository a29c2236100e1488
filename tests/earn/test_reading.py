"""Which events are worth points and whose, and a sentence for each that cannot be understood."""

import json
from pathlib import Path
from typing import Any

import pytest

from milestones.domain.earn import EarnRule
from milestones.domain.order import Create
from milestones.earn import kept
from milestones.earn.people import People
from milestones.earn.reading import Reading, Unneeded, Unread, Wanted, read_body, read_events, select_headers
from milestones.earn.record import find_external
from tests.earn.samples import a_rule, received

MAIL = 'email = "mail"\n'
ADA: dict[str, Any] = {"id": 1, "mail": "ada@example.com", "webinar": {"id": 5}}


def read(rule: EarnRule, document: Any, **headers: str) -> list[Reading]:
    return read_events(rule, read_body(json.dumps(document).encode()), headers)


def wanted(rule: EarnRule, document: Any) -> Wanted:
    (one,) = read(rule, document)
    assert isinstance(one, Wanted), one
    return one


def test_without_an_id_all_of_an_event_is_its_id() -> None:
    rule = a_rule(MAIL)
    assert wanted(rule, ADA).id == wanted(rule, dict(reversed(ADA.items()))).id
    assert wanted(rule, ADA).id != wanted(rule, ADA | {"more": 1}).id


def test_a_number_and_its_text_are_one_id() -> None:
    rule = a_rule(MAIL + 'id = "id"')
    assert wanted(rule, ADA).id == wanted(rule, ADA | {"id": "1"}).id == ("1",)


def test_places_may_be_in_the_body_around_the_event_and_in_a_header() -> None:
    rule = a_rule('events = "all[]"\nemail = "mail"\nid = [{ body = "batch" }, { header = "X-Part" }, "id"]')
    (one,) = read_events(rule, {"batch": 7, "all": [ADA]}, {"x-part": "b"})
    assert isinstance(one, Wanted)
    assert one.id == ("7", "b", "1")
    assert rule.event is not None
    request = received(b"", {"X-Part": "b", "Authorization": "Bearer s3cret"})
    assert select_headers(rule.event, request) == {"x-part": "b"}


def test_points_may_stand_in_the_event() -> None:
    rule = a_rule(MAIL, points="floor(total)")
    assert wanted(rule, ADA | {"total": 12.9}).points == 12
    assert wanted(a_rule(MAIL, points="total"), ADA | {"total": "12"}).points == 12


def test_names_are_taken_along_where_they_can_be_names() -> None:
    rule = a_rule(MAIL + 'create = "contact"\nfirst_name = "first"\nlast_name = "last"\nphone = "phone"')
    person = wanted(rule, ADA | {"first": " Ada ", "last": "x" * 101, "phone": ["no"]}).person
    assert (person.create, person.first_name, person.last_name, person.phone) == (
        Create.CONTACT,
        "Ada",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("lines", "points", "document", "why"),
    [
        (MAIL, 5, {"mail": None}, "mail (email) finds nothing by which a customer could be known"),
        (MAIL, 5, {"mail": "ada"}, "mail (email) finds what cannot be: that is no mail address"),
        (MAIL, 5, {"mail": "a@example.com\0"}, "finds nothing by which"),
        (MAIL, 5, {"mail": "a" * 600 + "@example.com"}, "finds nothing by which"),
        (MAIL, 5, {"mail": {"a": 1}}, "finds nothing by which"),
        (MAIL, 5, {"mail": "\ud800@example.com"}, "finds nothing by which"),
        (MAIL + 'id = "no"', 5, ADA, "no (id) finds nothing, so nobody could tell whether it came before"),
        (MAIL + 'id = "lines[].id"', 5, ADA | {"lines": [{}]}, "finds nothing, so nobody could tell"),
        (MAIL + 'id = "ref"', 5, ADA | {"ref": {}}, "finds nothing, so nobody could tell"),
        (MAIL, "total", ADA, "total (points) finds no whole number"),
        (MAIL, "total", ADA | {"total": 1.5}, "total (points) finds no whole number"),
        (MAIL, "total", ADA | {"total": True}, "total (points) finds no whole number"),
        (MAIL, "total", ADA | {"total": 0}, "a number that is not 1 to 9,999,999"),
        (MAIL, "total", ADA | {"total": -5}, "a number that is not 1 to 9,999,999"),
        (MAIL, "total", ADA | {"total": 10_000_000}, "a number that is not 1 to 9,999,999"),
        (MAIL, "total", ADA | {"total": 10**400}, "a number that is not 1 to 9,999,999"),
        (MAIL, "floor(total)", ADA | {"total": float("inf")}, "floor(total) (points) cannot be evaluated"),
        (MAIL, "floor(total)", ADA | {"total": "x"}, "floor(total) (points) cannot be evaluated"),
        (MAIL + 'when = "contains(id, `1`)"', 5, ADA, "contains(id, `1`) (when) cannot be evaluated"),
        (MAIL + 'once_per = "customer and no.id"', 5, ADA, "no.id (once_per) finds nothing"),
        ('contact_id = "id"', 5, {"id": "a b"}, "id (contact_id) finds what cannot be: an id has letters"),
    ],
)
def test_what_cannot_be_understood_is_told_without_its_value(
    lines: str, points: object, document: Any, why: str
) -> None:
    (one,) = read_events(a_rule(lines, points=points), document, {})
    assert isinstance(one, Unread), one
    assert why in one.why
    assert one.why.endswith(".")
    assert "ada" not in one.why


def test_what_is_not_asked_for_is_no_fault() -> None:
    rule = a_rule(MAIL + 'when = "type == \'created\'"\nheaders = { X-Topic = ["a", "b"] }')
    for headers in ({}, {"x-topic": "c"}):
        (one,) = read(rule, ADA, **headers)
        assert isinstance(one, Unneeded)
        assert "x-topic" in one.why
    (one,) = read_events(rule, ADA, {"x-topic": "b"})
    assert isinstance(one, Unneeded)
    assert "type == 'created' (when) does not hold" in one.why
    assert read(a_rule('events = "all[]"\n' + MAIL), {"all": []}) == []


def test_one_event_that_cannot_be_read_keeps_no_other_back() -> None:
    readings = read(a_rule('events = "[]"\n' + MAIL), [ADA, {}, 5, None, [ADA], ADA | {"id": 2}])
    # JMESPath flattens the list within the list, and leaves out null.
    assert [type(one) for one in readings] == [Wanted, Unread, Unread, Wanted, Wanted]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is not valid JSON"),
        (b"mail=ada%40example.com&points=5", "is not valid JSON"),
        (b"\x00\xff\xfe", "is not valid JSON"),
        (b"[" * 10_000, "is nested too deeply|is not valid JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "is nested too deeply|is nested more than 64 deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "is nested more than 64 deep"),
        (b"[" + b"1," * 100_001 + b"1]", "holds more than 100,000 values"),
    ],
)
def test_a_body_that_is_none_is_told_as_such(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_body(body)


def test_a_body_has_its_events_and_not_too_many() -> None:
    rule = a_rule('events = "all[]"\n' + MAIL)
    with pytest.raises(ValueError, match=r"has nothing in all\[\]"):
        read(rule, {"other": 1})
    with pytest.raises(ValueError, match="has more than 500 events"):
        read(rule, {"all": [1] * 501})


def test_what_is_kept_comes_back_as_it_was() -> None:
    for headers, body in (
        ({}, b'{"a": 1}'),
        ({"x-a": "b: c", "x-é": "d"}, b"\r\n\r\nx"),
        ({}, b""),
        ({}, b"a\r\n\r\nb"),
    ):
        assert kept.unpack(kept.pack(headers, body)) == (headers, body)
    assert kept.unpack(b'{"a": 1}') == ({}, b'{"a": 1}')


# The shop's own file


def test_an_external_id_is_looked_up_in_the_file_as_it_is_now(tmp_path: Path) -> None:
    file, people = tmp_path / "people.csv", People()
    file.write_text("\ufeffName;x,ID,Email\n", encoding="utf-8")
    event = Wanted(("1",), 5, wanted(a_rule(MAIL), ADA).person.__class__(create=Create.ACCOUNT), "901")
    missing = find_external(people, str(file), event)
    assert isinstance(missing, Unread)
    assert "knows nobody with the id" in missing.why
    file.write_text('x,id,email\n"Ada, L", 901 ,ada@example.com\nshort\n,902,not an address\n')
    found = find_external(people, str(file), event)
    assert isinstance(found, Wanted)
    assert found.person.email == "ada@example.com"
    wrong = find_external(people, str(file), Wanted(("1",), 5, event.person, "902"))
    assert isinstance(wrong, Unread)
    assert wrong.why == "The file of people says of it: That is no mail address."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "must begin with a line that names its columns"),
        (b"id,name\n", "must begin with a line"),
        (b"id,email,contact_id\n", "must begin with a line"),
        (b"id,email\n\xff\xfe", "is no CSV in UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_as_such(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "people.csv"
    if content is not None:
        file.write_bytes(content)
    event = Wanted(("1",), 5, wanted(a_rule(MAIL), ADA).person, "901")
    found = find_external(People(), str(file), event)
    assert isinstance(found, Unread)
    assert why in found.why
    assert str(tmp_path) not in found.why
