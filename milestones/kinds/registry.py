"""Every kind of action, one line each. Whoever must know of all kinds asks here and names none.

A kind is a package beside this file. Its ``payload`` is loaded with the registry and is pure; its ``table`` is loaded by
the configuration, and its ``channel`` when a site is put together: so a command that sends nothing loads no channel.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from milestones.kinds.kind import Kind, Payload

if TYPE_CHECKING:
    from milestones.kinds.channel import Channel
    from milestones.kinds.services import SiteServices

NAMES = (
    "contact",
    "account",
    "adjust",
    "external",
    "redemption",
    "discount",
    "coupon",
    "badge",
    "points",
    "email",
    "webhook",
)
"""In the order in which a drain looks at them; they do not wait for each other."""


def _kind(name: str) -> Kind:
    kind: Kind = import_module(f"milestones.kinds.{name}.payload").KIND
    assert kind.name == name, "a kind is stored by the name of its package"
    return kind


KINDS: Mapping[str, Kind] = {name: _kind(name) for name in NAMES}


def read_payload(kind: str, frozen: Mapping[str, Any]) -> Payload:
    """The payload of a recorded action."""
    return KINDS[kind].read(frozen)


def load_tables() -> Mapping[str, Any]:
    """What a shop writes for each kind that may be a reward: a ``config.rewards.RewardTable``, by its key."""
    modules = {name: f"milestones.kinds.{name}.table" for name in NAMES}
    return {name: import_module(module).TABLE for name, module in modules.items() if find_spec(module)}


def build_channels(services: "SiteServices") -> "Mapping[str, Channel]":
    """The channels of one site, by kind."""
    modules = {name: import_module(f"milestones.kinds.{name}.channel") for name in NAMES}
    return {name: module.build(services) for name, module in modules.items()}
