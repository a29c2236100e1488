"""Customers who are known by their telephone number alone: a contact counts if it is the only one that has it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from milestones.cli import importing
from milestones.cli.import_order import ImportOrder
from milestones.commands import imports
from milestones.commands.models.command import Command
from milestones.commands.models.imports import FindPhones, PhonesAnswer
from milestones.sync.importing.file import open_file
from milestones.sync.importing.rows import Choices
from milestones.sync.importing.staging import opened_staging
from milestones.wix import contacts
from milestones.wix.contacts import Contact
from tests.shop import Shop

ADA, BOB, KIM = (f"c1c1c1c1-0000-4000-8000-00000000000{number}" for number in range(3))
US = Choices(region="US")


def a_contact(contact_id: str, **phone: str) -> Contact:
    """As Wix tells it."""
    return Contact.model_validate(
        {"id": contact_id, "info": {"phones": {"items": [{"tag": "MOBILE", **phone}]}}}
    )


@dataclass
class _Page:
    items: tuple[Contact, ...]


async def pages(_client: Any) -> AsyncIterator[_Page]:
    yield _Page(
        (a_contact(ADA, phone="(415) 555-0100"), a_contact(BOB, e164Phone="+14155550101", phone="555"))
    )
    yield _Page((a_contact(KIM, phone="+1 415-555-0101"), Contact(id="nobody")))


async def test_all_contacts_are_looked_through_and_numbers_compared_in_one_form(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "query_all", pages)
    monkeypatch.setattr(Shop, "scan_work", lambda _shop, _site: type("Work", (), {"client": None}))
    asked = FindPhones(phones=("+14155550100", "+14155550101", "+14155550102"), region="US")
    answer = await imports.find_phones(small_shop, asked, lambda _report: None)
    assert answer.contacts == {"+14155550100": (ADA,), "+14155550101": (BOB, KIM), "+14155550102": ()}


def test_a_number_that_several_have_or_none_is_nobody_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "points.csv"
    path.write_text("Phone,Points\n4155550100,5\n4155550101,6\n4155550102,7\n")

    def carry_out(_settings: Any, command: Command[Any, Any], **_: Any) -> PhonesAnswer:
        assert isinstance(command, FindPhones)
        known = {"+14155550100": (ADA,), "+14155550101": (BOB, KIM)}
        return PhonesAnswer(contacts={phone: known.get(phone, ()) for phone in command.phones})

    monkeypatch.setattr(importing, "carry_out", carry_out)
    with opened_staging() as staging:
        list(staging.load(open_file(path, {}, US)))
        order = ImportOrder(
            path, {}, US, None, None, creates=False, fires=False, name="", reason="", site=None, rejected=None
        )
        settings: Any = None
        importing._find_phones(settings, order, staging)
        [[entry]] = staging.list_batches(10)
        assert (entry.line, entry.contact_id, entry.person) == (2, ADA, ADA)
        rejected = {line: why for line, why, _ in staging.list_rejected()}
    assert rejected.keys() == {3, 4}
    assert "2 contacts have this telephone number" in rejected[3]
    assert "No contact has" in rejected[4]


def test_two_numbers_of_one_contact_are_one_customer_s(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("Phone,Points\n4155550100,5\n4155550101,6\n4155550102,7\n4155550103,7\n")
    with opened_staging() as staging:
        list(staging.load(open_file(path, {}, US)))
        for phone, contact in (("0", ADA), ("1", ADA), ("2", KIM), ("3", KIM)):
            staging.identify(f"+1415555010{phone}", contact)
        assert staging.compare_again("person")
        [[entry]] = staging.list_batches(10)
        assert (entry.line, staging.repeated) == (4, 1)
        assert [line for line, _, _ in staging.list_rejected()] == [2, 3]


def test_who_wants_no_mail_and_has_no_address_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("Phone,Email,Points,Subscribed\n4155550100,,5,no\n4155550101,ada@example.com,6,no\n")
    file = open_file(path, {}, US)
    with opened_staging() as staging:
        list(staging.load(file))
        assert (file.aside.unreachable, staging.count("unwilling")) == (1, 1)
