"""Actions as sentences for a person: what it is, what became of it, and who moves it on."""

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.kinds import registry
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
    kind, state = registry.KINDS[action.kind], State(action.state)
    became = f"was {kind.done}" if state is State.DONE else _BECAME[state].format(done=kind.done)
    if kind.is_many:
        became = became.replace("was ", "were ").replace("waits", "wait").replace("is ", "are ")
    return f"{kind.read(action.payload).name()} {became}: {subject(action)}"


def subject(action: Action) -> str:
    """What an action is about, in few words and without a code or an address."""
    return registry.read_payload(action.kind, action.payload).subject(action.result or {})


def code(action: Action) -> str | None:
    """The code by which the customer has it, such as a coupon's, made or to be made."""
    return registry.read_payload(action.kind, action.payload).code()
