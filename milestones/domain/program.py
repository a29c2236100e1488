"""What a loyalty program should be: the things of it, what is said of each, and the words for them. Pure.

A thing is known by its title, and what is said of it is kept in the words of the configuration. What is not said of it
stays as it is on the site.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

Value = str | int | bool | Decimal | None
"""None is "there is none", which is not the same as saying nothing."""

Fields = Mapping[str, Value]

MOST_TIERS: Final = 20
"""Above the base tier (docs/wix-api.md, 2.5)."""


class ThingKind(StrEnum):
    """What a program consists of. PROGRAM and TIERS, the settings of all tiers, are there once."""

    PROGRAM = "program"
    TIER = "tier"
    TIERS = "tiers"
    BADGE = "badge"
    EARN = "earn"
    REWARD = "reward"


PRICED: Final[Mapping[ThingKind, tuple[str, ...]]] = {
    ThingKind.EARN: ("points", "per_money"),
    ThingKind.REWARD: ("cost", "value"),
}
"""The fields that a tier may have in a way of its own."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is said of a thing.

    fields: by the key of the configuration. at: by the title of a tier, the priced fields of those who are in it; a
    tier that is not named has what the base tier has.
    """

    fields: Fields
    at: Mapping[str, Fields] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A thing as the file has it. id: Wix's, where titles do not tell it from others. was: a title before this one."""

    kind: ThingKind
    title: str
    content: Content
    id: str | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """The whole of it as the file has it. None, and of a thing what is not said, is not this file's business.

    active: whether customers can take part. expires: whether points expire.
    """

    details: Fields = field(default_factory=dict)
    active: bool | None = None
    expires: bool | None = None
    settings: Fields = field(default_factory=dict)
    tiers: tuple[Wanted, ...] | None = None
    badges: tuple[Wanted, ...] | None = None
    earn: tuple[Wanted, ...] | None = None
    rewards: tuple[Wanted, ...] | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is anything at all that the file wants."""
        return self != Program()


def own_prices(kind: ThingKind, content: Content) -> Mapping[str, Fields]:
    """By tier, the priced fields where they differ from those of the base tier: what is only repeated is not said."""
    keys = PRICED.get(kind, ())
    base = {key: content.fields.get(key) for key in keys}
    whole = {tier: {**base, **said} for tier, said in content.at.items()}
    return {tier: prices for tier, prices in sorted(whole.items()) if prices != base}


# What gives points

LOYALTY_APP: Final = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
STORES_APP: Final = "215238eb-22a5-4c36-9e7b-e7c08025e04e"
ECOMMERCE_APP: Final = "1380b703-ce81-ff05-f115-39571d94dfcd"
BOOKINGS_APP: Final = "13d21c63-b5ec-5912-8397-c3a5ddb27a97"
EVENTS_APP: Final = "140603ad-af8d-84a5-2c80-a0f60cb47351"


@dataclass(frozen=True, slots=True)
class Trigger:
    """An activity that gives points (docs/wix-api.md, 2.2).

    apps: under which its rules are seen; new ones are made under the first. rate: whether points may go by money.
    automated: by Wix's own hand, so that its API cannot change the rule. custom: the word with which one is made.
    """

    activity: str
    apps: tuple[str, ...] = ()
    rate: bool = True
    automated: bool = False
    custom: str | None = None


TRIGGERS: Final[Mapping[str, Trigger]] = {
    "order_paid": Trigger("stores/OrderPaid", (STORES_APP, ECOMMERCE_APP)),
    "booking_confirmed": Trigger("bookings/BookingConfirmed", (BOOKINGS_APP,), rate=False),
    "event_order": Trigger("events/OrderConfirmed", (EVENTS_APP,)),
    "event_rsvp": Trigger("events/Rsvp", (EVENTS_APP,)),
    "birthday": Trigger("BIRTHDAY", (LOYALTY_APP,), automated=True, custom="BIRTHDAY"),
    "social_media": Trigger("SOCIAL_MEDIA", (LOYALTY_APP,), automated=True, custom="SOCIAL_MEDIA"),
    "plan_purchased": Trigger("wix_pricing_plans-plan_purchased", automated=True),
    "restaurant_order": Trigger("wix_restaurants_orders-order_submitted", automated=True),
    "restaurant_order_pending": Trigger("restaurants-order-is-pending", automated=True),
}
"""By plain name. Of the last three, Wix installs the rules; nobody else can make one."""


def trigger_name(app: str, activity: str) -> str:
    """The plain name of a trigger, or its two ids: the form in which triggers are compared."""
    for name, known in TRIGGERS.items():
        if activity == known.activity and (not known.apps or app in known.apps):
            return name
    return f"{app} {activity}"
