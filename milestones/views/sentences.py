"""Actions as sentences for a person: what it is, what became of it, and who moves it on."""

from typing import Any
from urllib.parse import urlsplit

from milestones.domain.actions import Kind, State
from milestones.domain.verdict import Verdict
from milestones.store.tables import Action

_BECAME = {
    State.AVAILABLE: "is due",
    State.WAITING: "waits",
    State.RUNNING: "is under way",
    State.DISCARDED: "failed for good",
    State.CANCELLED: "was not {done}",
    State.HELD: "is held",
    State.UNKNOWN: "may or may not have been {done}",
}

_WORDS = {
    Kind.COUPON: ("A coupon", "made"),
    Kind.BADGE: ("A badge", "given"),
    Kind.POINTS: ("Points", "given"),
    Kind.EMAIL: ("A mail", "sent"),
    Kind.WEBHOOK: ("A webhook", "delivered"),
}

MOVED_ON_BY = {
    State.AVAILABLE: "The daemon does it when it is due.",
    State.WAITING: "It goes on by itself when what it waits for is there.",
    State.RUNNING: "The daemon is doing it. If it died, the next start finds out what became of it.",
    State.DONE: "Nothing more is to be done.",
    State.DISCARDED: "`milestones outbox retry` does it again; mend what the error names first.",
    State.CANCELLED: "`milestones outbox retry` does it after all, if the gates let it.",
    State.HELD: "`milestones outbox release` lets it go, `milestones outbox cancel` gives it up.",
    State.UNKNOWN: ("Look whether it arrived; then `milestones outbox resolve --as done` or `--as again`."),
}
"""Who moves an action of each state on, crash included: ``domain.actions.State`` for the operator."""

NEEDS = {
    "consent": "the customer's consent to mail",
    "member": "the contact to become a site member",
    "threshold": "the threshold to be reached again",
    "account": "Wix to tell of the account into which the customer's contact was merged",
}


_VERDICTS = {verdict.value: verdict.sentence for verdict in Verdict}


def reason(verdict: str | None) -> str | None:
    """The sentence of a stored verdict; its name, where a newer version of this program gave it."""
    return None if verdict is None else _VERDICTS.get(verdict, verdict)


def action_sentence(action: Action) -> str:
    """Such as "A coupon was made: 10% off for 1,000 stars"."""
    kind, state = Kind(action.kind), State(action.state)
    what, done = _WORDS[kind]
    if kind is Kind.POINTS:
        what = f"{action.payload['amount']:,} points"
    became = f"was {done}" if state is State.DONE else _BECAME[state].format(done=done)
    if kind is Kind.POINTS:
        became = became.replace("was ", "were ").replace("waits", "wait").replace("is ", "are ")
    return f"{what} {became}: {subject(action)}"


def subject(action: Action) -> str:
    """What an action is about, in few words and without a code or an address."""
    payload, result = action.payload, action.result or {}
    match Kind(action.kind):
        case Kind.COUPON:
            return str(payload["specification"]["name"])
        case Kind.BADGE:
            return str(result.get("title") or payload.get("title") or payload.get("badge_id"))
        case Kind.POINTS:
            return str(payload["description"])
        case Kind.EMAIL:
            return str(result.get("subject") or payload["template"])
        case Kind.WEBHOOK:
            return urlsplit(str(payload["url"])).hostname or "the receiver"


def coupon_code(action: Action) -> str | None:
    """The code of a coupon, made or to be made."""
    specification: dict[str, Any] = action.payload.get("specification", {})
    code = specification.get("code")
    return str(code) if code is not None else None
