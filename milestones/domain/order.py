"""Orders: what somebody else than a milestone asks for. Each owes actions of the same outbox.

An order is unique by site, source and key, and frozen when it is recorded: who asks again with the same key is told what
became of it, and who asks for something else with it is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from milestones.domain import keys
from milestones.domain.actions import Context, PlannedAction
from milestones.domain.characters import is_unseen

LONGEST_KEY = 200
"""Characters of an order's key."""


class OrderSource(StrEnum):
    """Who asks."""

    API = "api"
    """A shop's own program, with an ``Idempotency-Key``."""
    CLI = "cli"
    """A person, for one account."""
    EARN = "earn"
    """An outside event, by its rule and its id."""
    IMPORT = "import"
    """A row of a file."""
    SYNC = "sync"
    """What two programs agreed on."""

    @property
    def is_counted(self) -> bool:
        """Whether the breaker counts its orders: a fault in what asks by itself may ask for very many."""
        return self is not OrderSource.CLI


class Request(Protocol):
    """What is asked for. Each kind of action that may be ordered has one beside its payload."""

    kind: ClassVar[str]

    @property
    def account_id(self) -> str:
        """Whose account it is about."""

    def fault(self) -> str | None:
        """What is wrong with it, as a sentence that says what to do; None where nothing is."""

    def to_json(self) -> Mapping[str, Any]:
        """All of it, for the comparison with what was asked for before."""

    def freeze(self, secret: bytes, key: str) -> Mapping[str, Any]:
        """The payload of the action with this key."""


def find_key_fault(key: str) -> str | None:
    """What is wrong with an order's key, as a sentence."""
    if 1 <= len(key) <= LONGEST_KEY and all("!" <= character <= "~" for character in key):
        return None
    return f"A key has 1 to {LONGEST_KEY} letters, digits and signs of ASCII, and no spaces."


def find_text_fault(name: str, text: str, longest: int) -> str | None:
    """What is wrong with words that others will read, as a sentence. name: what they are called in it."""
    if not text.strip():
        return f"{name} is empty; say in a few words why."
    if len(text) > longest:
        return f"{name} has {len(text):,} characters; at most {longest} fit into what Wix keeps."
    if not all(character.isprintable() or is_unseen(character) for character in text):
        return f"{name} holds a character that cannot be shown, such as a line break; write it on one line."
    return None


def fingerprint(request: Request) -> str:
    """The same for the same request, and for no other."""
    told = json.dumps([request.kind, request.to_json()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def plan_order(
    request: Request, source: OrderSource, key: str, context: Context
) -> tuple[PlannedAction, ...]:
    """The actions that an order owes."""
    owner = keys.order_key(context.site, source, key)
    of_action = keys.action_key(owner, 0)
    payload = {
        **request.freeze(context.secret, of_action),
        "order": {"source": source.value, "key": key},
        "configuration": context.configuration,
    }
    return (PlannedAction(of_action, 0, request.kind, payload, context.now),)
