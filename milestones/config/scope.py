"""What a coupon is good for: a namespace of Wix, a group of it, or one thing."""

from typing import Annotated

from pydantic import AfterValidator

from milestones.config.faults import nearest

_SCOPES: dict[str, tuple[str, ...]] = {
    "stores": ("product", "collection"),
    "bookings": ("service",),
    "events": ("event", "ticket"),
    "pricingPlans": ("plan",),
    "restaurants": ("menu", "menuSection", "menuItem"),
}
"""Namespaces and their groups (docs/wix-api.md, 2.11)."""


def _scope(value: str) -> str:
    namespace, _, rest = value.partition("/")
    group, slash, entity = rest.partition("/")
    if namespace not in _SCOPES:
        raise ValueError(f"must begin with one of {', '.join(_SCOPES)}{nearest(namespace, _SCOPES)}")
    if (group or "/" in value) and group not in _SCOPES[namespace]:
        raise ValueError(f"must go on, after {namespace}, with one of {', '.join(_SCOPES[namespace])}")
    if slash and not entity:
        raise ValueError("ends with a slash; write the id after it, or leave it out")
    return value


Scope = Annotated[str, AfterValidator(_scope)]
