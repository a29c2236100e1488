"""What is inside a kept body: a webhook, or an account that a scan read."""

from datetime import datetime

import jwt

from milestones.domain.event import Heard
from milestones.domain.observation import Observation, Source
from milestones.earn import kept
from milestones.earn.replay import is_outside
from milestones.formats import untrusted
from milestones.formats.untrusted import Fields
from milestones.ingest.envelope import read_event
from milestones.ingest.reading import UnreadableError, fields
from milestones.scans.pages import observation
from milestones.store.tables import READ_ACCOUNT, Rejected
from milestones.wix.account import Account


def parse_claims(body: bytes) -> Fields:
    """The claims of a kept token. Its signature was verified when it came, and keys change. Raises UnreadableError."""
    try:
        claims: Fields = jwt.decode(body.strip(), options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise UnreadableError("The token's payload is not valid JSON, or no object.") from None
    return claims


def parse_event(body: bytes) -> Heard:
    """The event in a kept body. Raises UnreadableError where it still makes no sense."""
    return read_event(parse_claims(body))


def parse_account(body: bytes, read_at: datetime) -> Observation:
    """The account in a kept body. Raises UnreadableError where it still makes no sense."""
    try:
        account = Account.model_validate(untrusted.parse(body))
    except ValueError:
        raise UnreadableError("The account still cannot be read.") from None
    return observation(account, Source.SWEEP, read_at)


def parse_rejected(row: Rejected) -> Fields:
    """What a kept row tells, for a person to look at. Raises UnreadableError."""
    if is_outside(row):
        return fields(kept.unpack(row.body)[1].decode(errors="replace"), "It")
    return (
        fields(row.body.decode(errors="replace"), "It")
        if row.event_type == READ_ACCOUNT
        else parse_claims(row.body)
    )
