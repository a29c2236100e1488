"""The first day of a simulated shop: the same customers, balances and consents for the same seed."""

import gc
import random
import unicodedata
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from wixsandbox.ledger import balance_of, reward_in_reach, tier_for
from wixsandbox.names import DOMAINS, LANGUAGES, LOCALES, NAMES
from wixsandbox.records import Account, Contact, Member, Subscription
from wixsandbox.wire import Document, guid, stamp
from wixsandbox.world import LOYALTY_APP_ID, World

FIRST_CUSTOMER, LAST_CUSTOMER = 800.0, 1.0  # days ago
STORES_APP_ID = "215238eb-22a5-4c36-9e7b-e7c08025e04e"  # triggers of Wix Stores (docs/wix-api.md, 2.2)

# (status, deliverability, percent); None is an address that Wix never heard of
CONSENTS: tuple[tuple[str | None, str, float], ...] = (
    ("SUBSCRIBED", "VALID", 58.5),
    ("SUBSCRIBED", "NOT_SET", 3.0),
    ("SUBSCRIBED", "BOUNCED", 1.0),
    ("SUBSCRIBED", "SPAM_COMPLAINT", 0.5),
    ("SUBSCRIBED", "INACTIVE", 0.5),
    ("UNSUBSCRIBED", "VALID", 12.0),
    ("UNSUBSCRIBED", "SPAM_COMPLAINT", 0.5),
    ("PENDING", "NOT_SET", 4.0),
    ("NOT_SET", "NOT_SET", 6.0),
    (None, "NOT_SET", 14.0),
)


def seed_world(world: World, customers: int, *, new_program: bool = False) -> None:
    """Fill an empty world: a program with its rules, rewards and tiers, and its customers.

    new_program: the program was only just installed (docs/wix-api.md, 2.1), and so nobody has an account.
    """
    rng = random.Random(f"{world.seed}:customers")  # noqa: S311 - a simulated shop, not a secret
    now = world.now.replace(microsecond=0)
    world.program = _installation(stamp(now if new_program else now - timedelta(days=900)))
    if not new_program:
        _program(world)
        _rewards(world, now)
        _tiers(world, now)
        _badges(world, now)
    collecting = gc.isenabled()
    gc.disable()  # a hundred thousand records are all kept: looking for rubbish among them only costs time
    try:
        for number in range(customers):
            _customer(world, rng, number, _Past.of(now, number / customers), with_account=not new_program)
        others = customers // 12
        for number in range(others):
            past = _Past.of(now, number / others)
            _customer(world, rng, customers + number, past, with_account=False)
    finally:
        if collecting:
            gc.enable()
    for number, account in zip(range(5), world.accounts, strict=False):
        checkout = guid(world.seed, "checkout", number)
        world.checkouts.put({"id": checkout, "accountId": account.id})


def _installation(when: str) -> Document:
    return {
        "pointDefinition": {"customName": "Points"},
        "status": "DRAFT",
        "createdDate": when,
        "updatedDate": when,
        "pointsExpiration": {"status": "DISABLED", "monthsOfInactivity": 3, "expiringPointsPercentage": 100},
    }


def _program(world: World) -> None:
    world.program |= {"name": "Star Club", "pointDefinition": {"customName": "Stars"}, "status": "ACTIVE"}
    opened = world.program["createdDate"]
    rule = {
        "id": guid(world.seed, "rule", 1),
        "sourceAppId": LOYALTY_APP_ID,
        "triggerAppId": STORES_APP_ID,
        "triggerActivityType": "stores/OrderPaid",
        "title": "Place an order",
        "conversionRate": {"configs": [{"moneyAmount": 1, "points": 10}], "field": "order.total"},
        "status": "ACTIVE",
        "metadata": {"canBeDeleted": True},
        "triggerFilters": [],
    }
    world.earning_rules.put({**rule, **_date_fields(opened)})


def _rewards(world: World, now: datetime) -> None:
    opened = stamp(now - timedelta(days=880))
    scope = {"namespace": "stores"}
    rewards: list[Document] = [
        {
            "name": "5 off your order",
            "active": True,
            "type": "COUPON_REWARD",
            "couponReward": {
                "fixedAmount": {"configsByTier": [{"costInPoints": 500, "amount": 5.0}]},
                "minimumSubtotal": 20.0,
            },
        },
        {
            "name": "15% off everything",
            "active": True,
            "type": "COUPON_REWARD",
            "couponReward": {
                "percentage": {"configsByTier": [{"costInPoints": 1500, "percentage": 15}]},
                "scope": scope,
            },
        },
        {
            "name": "Points for money",
            "active": True,
            "type": "DISCOUNT_AMOUNT",
            "discountAmount": {"configsByTier": [{"costInPoints": 100, "amount": "1.00"}]},
        },
    ]
    for number, reward in enumerate(rewards):
        world.rewards.put({"id": guid(world.seed, "reward", number), **reward, **_date_fields(opened)})


def _tiers(world: World, now: datetime) -> None:
    opened = stamp(now - timedelta(days=870))
    for number, (name, points) in enumerate((("Silver", 2500), ("Gold", 5000))):
        definition = {"name": name, "description": f"From {points} stars in twelve months"}
        tier = {
            "id": guid(world.seed, "tier", number),
            "tierDefinition": definition,
            "requiredPoints": points,
        }
        world.tiers.put({**tier, **_date_fields(opened)})
    world.tier_settings = {
        "status": "ACTIVE",
        "rollingWindow": {"durationInMonths": 12},
        "baseTierDefinition": {"name": "Bronze", "description": "Everybody starts here"},
        **_date_fields(opened),
    }


def _badges(world: World, now: datetime) -> None:
    badge = {
        "id": guid(world.seed, "badge", 0),
        "title": "First order",
        "description": "Bought something once",
        "backgroundColor": "#796EFF",
        "textColor": "#FFFFFF",
        "slug": "first-order",
        "permissionsEnabled": False,
    }
    world.badges.put({**badge, **_date_fields(stamp(now - timedelta(days=860)))})
    world.badge_order.append(str(badge["id"]))


def _date_fields(when: str) -> Document:
    return {"revision": "1", "createdDate": when, "updatedDate": when}


_LANGUAGE_SHARES = list(accumulate(LANGUAGES.values()))
_CONSENT_SHARES = list(accumulate(share for _, _, share in CONSENTS))


class _Past(NamedTuple):
    """What a customer has behind them: they joined so many days before now."""

    now: datetime
    days: float

    @classmethod
    def of(cls, now: datetime, place: float) -> "_Past":
        """The past of the customer at this place between the first, 0, and the last, 1."""
        return cls(now, FIRST_CUSTOMER - (FIRST_CUSTOMER - LAST_CUSTOMER) * place)

    def ago(self, days: float) -> str:
        """So many days ago, but not before they joined."""
        return stamp(self.now - timedelta(days=min(days, self.days)))


def _customer(world: World, rng: random.Random, number: int, past: _Past, *, with_account: bool) -> None:
    language = rng.choices(list(LANGUAGES), cum_weights=_LANGUAGE_SHARES)[0]
    firsts, lasts = NAMES[language]
    first, last = rng.choice(firsts), rng.choice(lasts)
    # accounts come in the order of their creation, as they would in a shop that grew
    joined = past.ago(past.days)
    email = None if rng.random() < 0.01 else _address(first, last, number, rng)
    contact_id = guid(world.seed, "contact", number)
    info: Document = {"name": {"first": first, "last": last}, "locale": LOCALES[language]}
    if email is not None:
        item = {
            "id": guid(world.seed, "contact-email", number),
            "tag": "MAIN",
            "email": email,
            "primary": True,
        }
        info["emails"] = {"items": [item]}
    world.contacts.put(Contact(contact_id, info, "WIX_STORES", joined, joined, revision=rng.randint(1, 4)))
    if email is not None:
        _consent(world, rng, number, email, past)
    member_id = None
    if email is not None and rng.random() < 0.85:
        member_id = _member(world, rng, number, contact_id, (first, last, email), joined)
    if with_account:
        _account(world, rng, number, (contact_id, member_id), joined, past)


def _address(first: str, last: str, number: int, rng: random.Random) -> str:
    text = unicodedata.normalize("NFKD", f"{first}.{last}".replace("Ł", "L").replace("ł", "l").lower())
    local = "".join(letter for letter in text if letter.isascii() and (letter.isalnum() or letter == "."))
    return f"{local.strip('.') or 'customer'}.{number}@{rng.choice(DOMAINS)}"


def _consent(world: World, rng: random.Random, number: int, email: str, past: _Past) -> None:
    status, deliverability, _ = rng.choices(CONSENTS, cum_weights=_CONSENT_SHARES)[0]
    if status is None:
        return
    changed = past.ago(rng.uniform(1, 700))
    world.subscriptions.put(
        Subscription(guid(world.seed, "subscription", number), email, status, deliverability, changed)
    )


def _member(
    world: World, rng: random.Random, number: int, contact_id: str, person: tuple[str, str, str], joined: str
) -> str:
    first, last, email = person
    member = Member(
        id=guid(world.seed, "member", number),
        contact_id=contact_id,
        login_email=email,
        verified=rng.random() < 0.9,
        status="APPROVED" if rng.random() < 0.97 else "PENDING",
        privacy="PUBLIC" if rng.random() < 0.6 else "PRIVATE",
        activity="ACTIVE",
        profile={"nickname": f"{first} {last}", "slug": f"customer-{number}"},
        contact={"firstName": first, "lastName": last},
        created=joined,
        updated=joined,
        last_login=joined,
    )
    world.members.put(member)
    return member.id


def _account(
    world: World, rng: random.Random, number: int, person: tuple[str, str | None], joined: str, past: _Past
) -> None:
    balance = _balance(rng)
    redeemed = 500 * rng.choices((0, 1, 2, 5), (60, 25, 10, 5))[0]
    adjusted = rng.choices((0, 50, 100, -25), (80, 10, 5, 5))[0]
    if balance + redeemed < adjusted:
        adjusted = 0
    earned = balance + redeemed - adjusted
    active = past.ago(rng.uniform(0.1, 300))
    window = earned + adjusted
    tier_id = tier_for(world, window)
    world.accounts.put(
        Account(
            id=guid(world.seed, "account", number),
            contact_id=person[0],
            member_id=person[1],
            balance=balance_of(world, earned, adjusted, redeemed, 0),
            earned=earned,
            adjusted=adjusted,
            redeemed=redeemed,
            expired=0,
            tier_id=tier_id,
            tier_points=window,
            tier_updated=active,
            reward_available=reward_in_reach(world, balance, tier_id),
            created=joined,
            updated=active,
            last_activity=active,
            revision=rng.randint(2, 60),
        )
    )


def _balance(rng: random.Random) -> int:
    """Every 1,000-milestone has customers who are near it, about to cross it, and far from it."""
    thousands = rng.choices((0, 1, 2, 3, 4), (50, 24, 14, 8, 4))[0] * 1000
    place = rng.random()
    if place < 0.04:
        return 0
    if place < 0.20:
        return thousands + rng.randint(900, 974)
    if place < 0.28:
        return thousands + rng.randint(975, 999)
    return thousands + rng.randint(1, 899)
