"""Dates, numbers and money as a customer reads them, and what a coupon is worth in one sentence.

Formats are those of Babel's CLDR data. The sentence itself exists in the languages of ``_PHRASES``; a customer with
another language reads it in English, with dates and money of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent


@dataclass(frozen=True, slots=True)
class _Phrases:
    off: str
    fixed_price: str
    free_shipping: str
    one_item: str
    selected: str
    from_subtotal: str
    until: str
    once: str


_ENGLISH = _Phrases(
    off="{amount} off",
    fixed_price="a special price of {amount}",
    free_shipping="free shipping",
    one_item="on one item",
    selected="on selected items",
    from_subtotal="on orders of {amount} or more",
    until="valid until {date}",
    once="one use",
)
_PHRASES = {
    "en": _ENGLISH,
    "de": _Phrases(
        off="{amount} Rabatt",
        fixed_price="Sonderpreis {amount}",
        free_shipping="kostenloser Versand",
        one_item="auf einen Artikel",
        selected="auf ausgewählte Artikel",
        from_subtotal="ab einem Bestellwert von {amount}",
        until="gültig bis {date}",
        once="einmal einlösbar",
    ),
    "es": _Phrases(
        off="{amount} de descuento",
        fixed_price="precio especial de {amount}",
        free_shipping="envío gratis",
        one_item="en un artículo",
        selected="en artículos seleccionados",
        from_subtotal="en pedidos a partir de {amount}",
        until="válido hasta el {date}",
        once="un solo uso",
    ),
    "fr": _Phrases(
        off="{amount} de réduction",
        fixed_price="prix spécial de {amount}",
        free_shipping="livraison gratuite",
        one_item="sur un article",
        selected="sur une sélection d\N{RIGHT SINGLE QUOTATION MARK}articles",
        from_subtotal="dès {amount} d\N{RIGHT SINGLE QUOTATION MARK}achat",
        until="valable jusqu\N{RIGHT SINGLE QUOTATION MARK}au {date}",
        once="utilisable une fois",
    ),
    "it": _Phrases(
        off="{amount} di sconto",
        fixed_price="prezzo speciale di {amount}",
        free_shipping="spedizione gratuita",
        one_item="su un articolo",
        selected="su articoli selezionati",
        from_subtotal="per ordini da {amount}",
        until="valido fino al {date}",
        once="utilizzabile una volta",
    ),
    "nl": _Phrases(
        off="{amount} korting",
        fixed_price="speciale prijs van {amount}",
        free_shipping="gratis verzending",
        one_item="op één artikel",
        selected="op geselecteerde artikelen",
        from_subtotal="bij bestellingen vanaf {amount}",
        until="geldig tot en met {date}",
        once="één keer te gebruiken",
    ),
}


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """The CLDR locale of a language tag such as ``de`` or ``en-GB``; English where Babel knows no such language.

    English without a country is the world's, whose dates nobody misreads: 22 December 2026.
    """
    try:
        locale = Locale.parse(language.strip().replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError):
        return Locale.parse("en_001")
    return Locale.parse("en_001") if str(locale) == "en" else locale


def number(value: float, language: str) -> str:
    """A number with the separators of the language: 1,000 or 1.000."""
    return str(format_decimal(value, locale=locale_of(language)))


def day(moment: datetime, language: str, zone: tzinfo) -> str:
    """The date of a moment at the shop, written out: 22 December 2026."""
    return str(format_date(moment.astimezone(zone).date(), "long", locale=locale_of(language)))


def money(amount: Decimal, currency: str | None, language: str) -> str:
    """An amount in its currency (ISO 4217), or the bare number where the currency is not known."""
    locale = locale_of(language)
    if not currency:
        return str(format_decimal(amount, locale=locale))
    return str(format_currency(amount, currency, locale=locale))


def expiry(specification: Mapping[str, Any]) -> datetime | None:
    """When a coupon ends (UTC), or None where it never does. Wix counts milliseconds (docs/wix-api.md, 2.11)."""
    milliseconds = specification.get("expirationTime")
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC)


def coupon_terms(
    specification: Mapping[str, Any], *, language: str, zone: tzinfo, currency: str | None
) -> str:
    """What a coupon is worth and when, for people: ``10% off, valid until 22 December 2026, one use``.

    specification: as Wix takes it (docs/wix-api.md, 2.11).
    """
    phrases = _PHRASES.get(locale_of(language).language, _ENGLISH)
    parts = [_worth(specification, phrases, language, currency)]
    if (subtotal := specification.get("minimumSubtotal")) is not None:
        parts.append(phrases.from_subtotal.format(amount=money(_decimal(subtotal), currency, language)))
    if (until := expiry(specification)) is not None:
        parts.append(phrases.until.format(date=day(until, language, zone)))
    if specification.get("usageLimit") == 1:
        parts.append(phrases.once)
    sentence = ", ".join(parts)
    return sentence[:1].upper() + sentence[1:]


def _worth(specification: Mapping[str, Any], phrases: _Phrases, language: str, currency: str | None) -> str:
    if (rate := specification.get("percentOffRate")) is not None:
        share = format_percent(_decimal(rate) / 100, locale=locale_of(language), decimal_quantization=False)
        worth = phrases.off.format(amount=share)
    elif (off := specification.get("moneyOffAmount")) is not None:
        worth = phrases.off.format(amount=money(_decimal(off), currency, language))
    elif (price := specification.get("fixedPriceAmount")) is not None:
        worth = phrases.fixed_price.format(amount=money(_decimal(price), currency, language))
    else:
        worth = phrases.free_shipping
    if specification.get("limitedToOneItem"):
        return f"{worth} {phrases.one_item}"
    if (specification.get("scope") or {}).get("group"):
        return f"{worth} {phrases.selected}"
    return worth


def _decimal(value: Any) -> Decimal:
    # By way of text: Decimal(0.1) would show the fifty digits of a binary fraction.
    return Decimal(str(value))
