"""A member of another loyalty program, as one record of it tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Member:
    """balance: in whole points; None where the record does not tell it, as in lists that are short. updated: their mark
    of the last change, to be compared for equality alone. active: whether they count the member in. more: what further
    placeholders stand for.
    """

    id: str
    email: str | None = None
    phone: str | None = None
    balance: int | None = None
    updated: str | None = None
    active: bool = True
    more: Mapping[str, str] = field(default_factory=dict)
