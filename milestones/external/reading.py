"""A record of another program as a member, and what else is looked up in an answer. Whatever a program says is checked:
a balance that is no number is not guessed at.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from milestones.config.external import ExternalTable
from milestones.domain.member import Member
from milestones.external.errors import UnreadableError
from milestones.external.template import Words, fill_expression
from milestones.formats import untrusted
from milestones.formats.mail_addresses import sendable_address

MOST_POINTS = 10**12
"""A balance beyond it is none."""

_ROUNDING: Mapping[str, Callable[[float], int]] = {"down": math.floor, "nearest": round, "up": math.ceil}


def search(expression: str, document: Any, words: Words | None = None) -> Any:
    """What an expression finds; None where it finds nothing, or asks of a value what it is not."""
    # Imported here because hardly any configuration has another program.
    import jmespath  # noqa: PLC0415
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415

    try:
        return jmespath.search(fill_expression(expression, words or {}), document)
    except (JMESPathError, RecursionError, OverflowError, TypeError, ValueError):
        return None


def read_member(external: ExternalTable, record: Any, *, known_id: str | None = None) -> Member:
    """The member that a record tells of. known_id: of the one that was asked for. Raises UnreadableError."""
    table = external.member
    if not isinstance(record, Mapping):
        raise UnreadableError(f"{external.name} told of a member in a form that cannot be understood.")
    found = None if table.id is None else read_id(search(table.id, record))
    if known_id is not None and found not in {None, known_id}:
        raise UnreadableError(f"{external.name} was asked for one member and told of another.")
    member_id = known_id or found
    if member_id is None:
        raise UnreadableError(f"{external.name} told of a member without an id that can be kept.")
    email = None if table.email is None else untrusted.text(search(table.email, record))
    more = {name: read_id(search(path, record)) for name, path in table.more.items()}
    return Member(
        id=member_id,
        email=sendable_address(email) if email else None,
        phone=None if table.phone is None else untrusted.text(search(table.phone, record)),
        balance=_balance(external, search(table.balance, record)),
        updated=None if table.updated is None else read_id(search(table.updated, record)),
        active=True if table.active is None else bool(search(table.active, record)),
        more={name: value for name, value in more.items() if value is not None},
    )


def read_id(value: Any) -> str | None:
    """An id: a short text, or a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**30 else None
    return untrusted.text(value)


def _balance(external: ExternalTable, value: Any) -> int | None:
    """Whole points, rounded as it is configured. Raises UnreadableError for what is there and is none."""
    if value is None:
        return None
    number = untrusted.whole(value)
    if number is None and isinstance(value, float) and math.isfinite(value):
        number = _ROUNDING[external.rounding](value)
    if number is None and isinstance(value, str):
        number = _decimal(value, external.rounding)
    if number is None or abs(number) > MOST_POINTS:
        raise UnreadableError(f"{external.name} tells a balance that is no number of points.")
    return number


def _decimal(text: str, rounding: str) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return _ROUNDING[rounding](value) if math.isfinite(value) else None
