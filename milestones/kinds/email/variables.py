"""The variables that a template may show: their names, their values for one mail, and samples for a preview.

A template sees groups (``coupon``) of plain values (``coupon.code``). What a mail does not have is absent as a whole
group; what a customer or a shop has not told is an empty text, so that a template may write ``{% if customer.name %}``.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any

from milestones.domain.milestone import Milestone
from milestones.kinds.channel import Task
from milestones.kinds.email import terms
from milestones.kinds.email.claims import NAME, ClaimUrls, sample_urls
from milestones.kinds.email.names import first_name, person, plain
from milestones.kinds.email.payload import Email

BRAND_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {"color": "#4338ca", "logo_url": "", "website": "", "address": "", "signature": ""}
)
"""What the shipped layout shows of a brand. A shop may add names of its own and use them as ``brand.<name>``."""

_ALWAYS = frozenset(
    {
        "customer.name",
        "customer.first_name",
        "customer.email",
        "customer.language",
        "site.name",
        "milestone.key",
        "milestone.title",
        "milestone.threshold",
        "points.measure",
        "points.value",
        "points.name",
        "program.name",
        "brand.text_color",
        "unsubscribe_url",
        NAME,
        *(f"brand.{name}" for name in BRAND_DEFAULTS),
    }
)
_COUPON = frozenset({"coupon.code", "coupon.name", "coupon.terms", "coupon.expires"})
_BADGE = frozenset({"badge.title"})
_REMINDER = frozenset({"points.missing", "reward"})
_PROMISE = frozenset({"reward.coupon", "reward.badge"})

VARIABLES = _ALWAYS | _COUPON | _BADGE | _REMINDER | _PROMISE
"""Every name that some mail has, as dotted paths. A reminder always has ``reward``, with what is promised in it."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a mail says about the shop.

    name: as customers know it. language: a tag such as ``de`` or ``en-GB``. currency: ISO 4217, if known.
    brand: texts by name; see BRAND_DEFAULTS.
    """

    name: str
    language: str = "en"
    zone: tzinfo = UTC
    currency: str | None = None
    brand: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Program:
    """The loyalty program as Wix has it now (docs/wix-api.md, 2.1).

    points_name: what the program calls a point. active: whether points are earned and redeemed at all.
    """

    name: str
    points_name: str = "Points"
    active: bool = True


def available_variables(
    *,
    reminder: bool,
    coupon: bool,
    badge: bool,
    brand: Iterable[str] = (),
    claims: Iterable[str] = (),
) -> frozenset[str]:
    """The paths that one mail has: a reminder's are what is missing and what is promised, a grant's what was given.

    coupon, badge: whether the milestone gives one. brand: names that the shop added. claims: rules that are links.
    """
    result = _ALWAYS | {f"brand.{name}" for name in brand} | claim_paths(claims)
    if reminder:
        result |= _REMINDER
        result |= {path for path, given in (("reward.coupon", coupon), ("reward.badge", badge)) if given}
        return result
    if coupon:
        result |= _COUPON
    if badge:
        result |= _BADGE
    return result


def claim_paths(claims: Iterable[str]) -> frozenset[str]:
    """What a mail has by which these claims can be linked. They are checked like variables, and called."""
    return frozenset(f"{NAME}.{name}" for name in claims)


def claims_among(paths: Iterable[str]) -> frozenset[str]:
    """The claims that can be linked by a mail with these paths."""
    return frozenset(path.removeprefix(f"{NAME}.") for path in paths if path.startswith(f"{NAME}."))


def requirements(
    milestones: Iterable[Milestone], brand: Iterable[str] = (), claims: Iterable[str] = ()
) -> dict[str, frozenset[str]]:
    """For each template that these milestones name, the variables that every mail made from it has."""
    names, links = frozenset(brand), frozenset(claims)
    result: dict[str, frozenset[str]] = {}
    for milestone in milestones:
        given = {reward.kind for reward in milestone.rewards if reward.is_shown}
        mails = [(reward.template, False) for reward in milestone.rewards if isinstance(reward, Email)]
        if milestone.near is not None:
            mails.append((milestone.near.template, True))
        for template, reminder in mails:
            has = available_variables(
                reminder=reminder,
                coupon="coupon" in given,
                badge="badge" in given,
                brand=names,
                claims=links,
            )
            result[template] = result.get(template, has) & has
    return result


def variables(
    task: Task, *, site: Site, program: Program, unsubscribe_url: str, claim_urls: ClaimUrls
) -> dict[str, Any]:
    """What the mail of this task may show."""
    name = person(task.customer.name)
    result: dict[str, Any] = {
        "customer": {
            "name": name,
            "first_name": first_name(name),
            "email": plain(task.customer.email or ""),
            "language": site.language,
        },
        "site": {"name": plain(site.name)},
        "milestone": dict(task.payload["milestone"]),
        "points": {**task.payload["points"], "name": plain(program.points_name)},
        "program": {"name": plain(program.name)},
        "brand": _brand(site.brand),
        "unsubscribe_url": unsubscribe_url,
        NAME: claim_urls,
    }
    if "near" in task.payload:
        result["reward"] = dict(task.payload.get("reward") or {})
    if coupon := task.inputs.get("coupon"):
        result["coupon"] = _coupon(coupon, site)
    if badge := task.inputs.get("badge"):
        result["badge"] = {"title": plain(str(badge["title"]))}
    return result


def preview_variables(
    site: Site,
    *,
    now: datetime,
    milestone: Milestone | None = None,
    claims: Collection[str] | None = None,
) -> dict[str, Any]:
    """A sample of every variable, for looking at a template. Nobody real is in it.

    milestone: whose title and threshold to show; one of 1,000 points without it. claims: those that may be linked; any
    without it.
    """
    threshold = milestone.threshold if milestone else 1000
    missing = max(1, threshold // 25)
    specification = {
        "percentOffRate": 10.0,
        "usageLimit": 1,
        "expirationTime": int((now + timedelta(days=30)).timestamp() * 1000),
    }
    coupon = {"code": "STARS7Q2MX4KD9", "name": "10% off your next order", "specification": specification}
    return {
        "customer": {
            "name": "Robin Sample",
            "first_name": "Robin",
            "email": "robin@example.com",
            "language": site.language,
        },
        "site": {"name": plain(site.name)},
        "milestone": {
            "key": milestone.key if milestone else "stars-1000",
            "title": milestone.title if milestone else "1,000 stars",
            "threshold": threshold,
        },
        "points": {
            "measure": milestone.measure.value if milestone else "balance",
            "value": threshold - missing,
            "missing": missing,
            "name": "Stars",
        },
        "program": {"name": "Rewards"},
        "brand": _brand(site.brand),
        "unsubscribe_url": "https://example.com/u/sample",
        NAME: sample_urls(claims),
        "reward": {"coupon": coupon["name"], "badge": "Star customer"},
        "coupon": _coupon(coupon, site),
        "badge": {"title": "Star customer"},
    }


def only(values: Mapping[str, Any], paths: frozenset[str]) -> dict[str, Any]:
    """The variables without those that are not among the paths, as a mail without them would have it."""
    result: dict[str, Any] = {}
    for group, value in values.items():
        if not isinstance(value, Mapping):
            if group in paths:
                result[group] = value
            continue
        kept = {name: leaf for name, leaf in value.items() if f"{group}.{name}" in paths}
        if kept or group in paths:
            result[group] = kept
    return result


def _coupon(result: Mapping[str, Any], site: Site) -> dict[str, str]:
    specification = result["specification"]
    until = terms.expiry(specification)
    return {
        "code": str(result["code"]),
        "name": plain(str(result["name"])),
        "terms": terms.coupon_terms(
            specification, language=site.language, zone=site.zone, currency=site.currency
        ),
        "expires": terms.day(until, site.language, site.zone) if until else "",
    }


def _brand(brand: Mapping[str, str]) -> dict[str, str]:
    values = {**BRAND_DEFAULTS, **brand}
    values.setdefault("text_color", _readable_on(values["color"]))
    return values


def _readable_on(color: str) -> str:
    """Black or white, whichever reads better on ``#rrggbb`` (relative luminance of WCAG 2, section 1.4.3)."""
    digits = color.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    try:
        channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    except ValueError:
        return "#ffffff"
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"
