"""Orders: what somebody else than a milestone asks for. Each owes actions of the same outbox.

An order is unique by site, source and key, and frozen when it is recorded: who asks again with the same key is told what
became of it, and who asks for something else with it is refused.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from milestones.domain import keys
from milestones.domain.actions import Context, PlannedAction
from milestones.domain.characters import is_unseen

LONGEST_KEY = 200
"""Characters of an order's key."""

LONGEST_NAME = 100
"""Characters of a first name, a last name or a telephone number."""


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

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for what becomes of it, at a till or a page: it is done before others."""
        return self in {OrderSource.API, OrderSource.CLI}


class Create(StrEnum):
    """What may be made for a person where it is missing."""

    NOTHING = "nothing"
    ACCOUNT = "account"
    """A loyalty account, for a contact that Wix has."""
    CONTACT = "contact"
    """A contact, and its account."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an order is for: exactly one of ``account_id``, ``contact_id`` and ``email`` is given.

    first_name, last_name, phone: of a contact that is made; one that is there keeps its own.
    """

    account_id: str = ""
    contact_id: str = ""
    email: str = ""
    create: Create = Create.NOTHING
    first_name: str = ""
    last_name: str = ""
    phone: str = ""

    def fault(self) -> str | None:
        """What is wrong with it, as a sentence; None where nothing is. Whether the address is one is not looked at."""
        if sum(map(bool, (self.account_id, self.contact_id, self.email))) != 1:
            return "Say whom it is for by one of an account id, a contact id and a mail address."
        if not _is_plain(self.account_id + self.contact_id):
            return "An id has letters, digits and signs of ASCII, and no spaces."
        told = {"first name": self.first_name, "last name": self.last_name, "telephone number": self.phone}
        faults = (find_text_fault(f"The {name}", text, LONGEST_NAME) for name, text in told.items() if text)
        return next(filter(None, faults), None)


NOBODY = Person()
"""Whom that is for which needs no account."""


class Request(Protocol):
    """What is asked for. Each kind of action that may be ordered has one beside its payload."""

    kind: ClassVar[str]

    needs_account: ClassVar[bool]
    """Whether it is about somebody's account. Of what is not, such as a discount by a code, the person may be empty."""

    def fault(self) -> str | None:
        """What is wrong with it, as a sentence that says what to do; None where nothing is."""

    def to_json(self) -> Mapping[str, Any]:
        """All of it, for the comparison with what was asked for before."""

    def freeze(self, secret: bytes, key: str, account_id: str) -> Mapping[str, Any]:
        """The payload of the action with this key. account_id: empty for one that is not known yet."""


def find_key_fault(key: str) -> str | None:
    """What is wrong with an order's key, as a sentence."""
    if 1 <= len(key) <= LONGEST_KEY and _is_plain(key):
        return None
    return f"A key has 1 to {LONGEST_KEY} letters, digits and signs of ASCII, and no spaces."


def _is_plain(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)


def find_text_fault(name: str, text: str, longest: int) -> str | None:
    """What is wrong with words that others will read, as a sentence. name: what they are called in it."""
    if not text.strip():
        return f"{name} is empty; write a few words."
    if len(text) > longest:
        return f"{name} has {len(text):,} characters; at most {longest} fit into what Wix keeps."
    if not all(character.isprintable() or is_unseen(character) for character in text):
        return f"{name} holds a character that cannot be shown, such as a line break; write it on one line."
    return None


def fingerprint(secret: bytes, person: Person, request: Request) -> str:
    """The same for the same request for the same person as it was told, and for no other. Tells of neither of them.

    What may be made where it is missing makes it no other: who is allowed more after a refusal asks for the same again.
    """
    named = {name: value for name, value in asdict(person).items() if name != "create"}
    told = json.dumps([request.kind, named, request.to_json()], sort_keys=True)
    return keys.request_mark(secret, told)


def plan_order(
    requests: Sequence[Request], source: OrderSource, key: str, context: Context
) -> tuple[PlannedAction, ...]:
    """The actions that an order owes. requests: each has the result of the one before, and waits for it."""
    owner = keys.order_key(context.secret, context.site, source, key)
    planned = []
    for position, request in enumerate(requests):
        of_action = keys.action_key(owner, position)
        payload = {
            **request.freeze(context.secret, of_action, context.account_id),
            "order": {"source": source.value},
            "configuration": context.configuration,
        }
        waits_for = (position - 1,) if position else ()
        planned.append(PlannedAction(of_action, position, request.kind, payload, context.now, waits_for))
    return tuple(planned)
