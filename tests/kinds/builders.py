"""Valid things for the tests of the channels; each takes overrides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from milestones.domain.address import Form
from milestones.domain.observation import Customer
from milestones.formats.mail_addresses import address_form
from milestones.kinds.channel import Task
from milestones.kinds.email.consent import Gatekeeper

TEMPLATES = Path(__file__).parents[2] / "templates"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANA = Customer(contact_id="contact-1", member_id="member-1", email="ana@example.com", name="Ana Lima")

SPECIFICATION: Mapping[str, Any] = {
    "name": "10% off for 1,000 stars",
    "code": "AB12CD34EF56G",
    "startTime": 1795348800000,
    "expirationTime": int((NOW + timedelta(days=30)).timestamp() * 1000),
    "usageLimit": 1,
    "active": True,
    "percentOffRate": 10.0,
    "scope": {"namespace": "stores"},
}
VALIDITY: Mapping[str, Any] = {"seconds": 30 * 86_400.0, "timezone": "UTC"}
COUPON_RESULT: Mapping[str, Any] = {
    "coupon_id": "coupon-1",
    "code": SPECIFICATION["code"],
    "name": SPECIFICATION["name"],
    "specification": SPECIFICATION,
}


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def a_task(
    kind: str,
    payload: Mapping[str, Any],
    *,
    number: int = 1,
    customer: Customer = ANA,
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Task:
    facts = {
        "milestone": {"key": "stars-1000", "title": "1,000 stars", "threshold": 1000},
        "points": {"measure": "balance", "value": 1010},
    }
    return Task(
        id=number,
        key=f"grant/site-1/account-{number}/stars-1000/1#0",
        kind=kind,
        site_id="site-1",
        account_id=f"account-{number}",
        milestone="stars-1000",
        payload={**facts, **payload},
        inputs=inputs or {},
        customer=customer,
    )


def a_grant_mail(number: int = 1, *, customer: Customer = ANA, **payload: Any) -> Task:
    """The mail that shows a coupon."""
    frozen = {"template": "milestone-reached", "consent": "marketing", **payload}
    return a_task("email", frozen, number=number, customer=customer, inputs={"coupon": COUPON_RESULT})


def a_reminder(number: int = 1, *, customer: Customer = ANA, **payload: Any) -> Task:
    """The mail to a near customer."""
    frozen = {
        "points": {"measure": "balance", "value": 960, "missing": 40},
        "near": {"measure": "balance", "from": 900, "below": 1000},
        "template": "almost-there",
        "consent": "marketing",
        "reward": {"coupon": "10% off for 1,000 stars"},
        **payload,
    }
    return a_task("email", frozen, number=number, customer=customer)


def write_templates(folder: Path, **files: str) -> Path:
    """A folder of templates: ``mail__body_html="..."`` writes mail/body.html, with the other parts made up."""
    for name, content in files.items():
        template, _, part = name.rpartition("__")
        path = folder / template.replace("_", "-") / ".".join(part.rsplit("_", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        if template:
            link = "{{ unsubscribe_url }}"
            for other, text in (("subject.txt", "Hello"), ("body.txt", link), ("body.html", link)):
                beside = path.with_name(other)
                if not beside.exists():
                    beside.write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Known:
    """A subscription as Wix tells it."""

    subscription_status: str = "SUBSCRIBED"
    deliverability_status: str = "VALID"


@dataclass
class FakeConsent:
    """Wix's subscriptions and our own opt-out list, with the questions that were asked."""

    known: dict[str, Known] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    asked: list[Sequence[str]] = field(default_factory=list)
    error: Exception | None = None

    async def statuses(self, addresses: Sequence[str], /) -> Mapping[str, Known]:
        self.asked.append(addresses)
        if self.error:
            raise self.error
        known = {address_form(spelling): told for spelling, told in self.known.items()}
        return {a: known[address_form(a)] for a in addresses if address_form(a) in known}

    async def suppressed(self, site_id: str, addresses: Sequence[Form], /) -> set[Form]:
        assert site_id == "site-1"
        return set(addresses) & {address_form(spelling) for spelling in self.opted_out}

    def gatekeeper(self, *only_to: str) -> Gatekeeper:
        return Gatekeeper("site-1", self.statuses, self.suppressed, only_to)
