from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from milestones.kinds.email.terms import coupon_terms, day, money, number
from tests.kinds.builders import SPECIFICATION

BASE = {name: SPECIFICATION[name] for name in ("expirationTime", "usageLimit")}


@pytest.mark.parametrize(
    ("specification", "sentence"),
    [
        ({**BASE, "percentOffRate": 10.0}, "10% off, valid until 22 December 2026, one use"),
        ({**BASE, "percentOffRate": 12.5}, "12.5% off, valid until 22 December 2026, one use"),
        ({"moneyOffAmount": 5.0, "minimumSubtotal": 50.0}, "€5.00 off, on orders of €50.00 or more"),
        ({"moneyOffAmount": 0.1}, "€0.10 off"),
        ({"fixedPriceAmount": 9.99, "limitedToOneItem": True}, "A special price of €9.99 on one item"),
        ({"freeShipping": True, "usageLimit": 1}, "Free shipping, one use"),
        (
            {"percentOffRate": 10, "scope": {"namespace": "stores", "group": {"name": "product"}}},
            "10% off on selected items",
        ),
        ({"percentOffRate": 10, "scope": {"namespace": "stores"}}, "10% off"),
    ],
)
def test_the_terms_of_a_coupon_are_one_sentence(specification: dict[str, Any], sentence: str) -> None:
    assert coupon_terms(specification, language="en", zone=UTC, currency="EUR") == sentence


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "10\xa0% Rabatt, gültig bis 22. Dezember 2026, einmal einlösbar"),
        ("de-AT", "10\xa0% Rabatt, gültig bis 22. Dezember 2026, einmal einlösbar"),
        ("en-US", "10% off, valid until December 22, 2026, one use"),
        ("it", "10% di sconto, valido fino al 22 dicembre 2026, utilizzabile una volta"),
        ("pl", "10% off, valid until 22 grudnia 2026, one use"),
        ("no such language", "10% off, valid until 22 December 2026, one use"),
        ("", "10% off, valid until 22 December 2026, one use"),
    ],
)
def test_the_terms_are_written_in_the_language_of_the_shop(language: str, sentence: str) -> None:
    specification = {**BASE, "percentOffRate": 10.0}
    assert coupon_terms(specification, language=language, zone=UTC, currency=None) == sentence


def test_wix_may_spell_the_expiry_as_text() -> None:
    specification = {"freeShipping": True, "expirationTime": str(SPECIFICATION["expirationTime"])}
    sentence = coupon_terms(specification, language="en", zone=UTC, currency=None)
    assert sentence == "Free shipping, valid until 22 December 2026"


def test_a_date_is_that_of_the_shop_and_not_of_greenwich() -> None:
    late = datetime(2026, 12, 22, 23, 30, tzinfo=UTC)
    assert day(late, "en", ZoneInfo("Europe/Berlin")) == "23 December 2026"
    assert day(late, "en", ZoneInfo("America/New_York")) == "22 December 2026"


def test_numbers_and_money_have_the_separators_of_the_language() -> None:
    assert number(1234567, "en") == "1,234,567"
    assert number(1234567, "de") == "1.234.567"
    assert money(Decimal(10), "EUR", "de") == "10,00\xa0€"
    assert money(Decimal("10.5"), None, "de") == "10,5"
