"""What the judgement looks at: everything that is known of a site's accounts, asked for in batches.

The judgement (``judge``, ``selection``) asks these questions and no others, and neither knows nor cares who answers: the
database within a transaction, or a simulation that puts something over it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from milestones.domain.account import AccountState
from milestones.domain.crossing import Given
from milestones.domain.mute import Mute
from milestones.domain.observation import Run
from milestones.domain.reminder import Reminded
from milestones.store import accounts, mutes
from milestones.store.database.store import Transaction
from milestones.store.outbox import ledger, reminders
from milestones.store.outbox.reminders import PersonReminders
from milestones.store.people import people
from milestones.store.tables import Reminder

Grants = Mapping[tuple[str, str], Sequence[Given]]
"""What was given, by account and milestone."""


class Facts(Protocol):
    """What is known of the accounts of one site at one moment."""

    async def get_states(self, account_ids: Collection[str], /) -> Mapping[str, AccountState]:
        """The accounts as they stand; who is not known is missing."""

    async def get_histories(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Run]]:
        """The whole kept history of each, in true order."""

    async def get_mutes(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Mute]]:
        """The steps of their histories that are ours; who has none is missing."""

    async def get_grants(self, account_ids: Collection[str], /) -> Grants:
        """What they were given."""

    async def get_reminders(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Reminded]]:
        """What they were reminded of, oldest first."""

    async def get_people(self, account_ids: Collection[str], /) -> Mapping[str, PersonReminders]:
        """For each, known or not, what its person was reminded of under any account."""

    async def find_gone(self, contact_ids: Collection[str], /) -> Mapping[str, datetime]:
        """Which of these contacts are gone, and since when."""


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """``Facts`` as the database has them in one transaction. secret: of the keys that recognise a contact."""

    tx: Transaction
    site_id: str
    secret: bytes

    async def get_states(self, account_ids: Collection[str], /) -> Mapping[str, AccountState]:
        return await accounts.get_states(self.tx, self.site_id, account_ids)

    async def get_histories(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Run]]:
        return await accounts.get_histories(self.tx, self.site_id, account_ids)

    async def get_mutes(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Mute]]:
        return await mutes.get_mutes(self.tx, self.site_id, account_ids)

    async def get_grants(self, account_ids: Collection[str], /) -> Grants:
        return await ledger.get_grants(self.tx, self.site_id, account_ids)

    async def get_reminders(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Reminded]]:
        rows = await ledger.get_reminders(self.tx, self.site_id, account_ids)
        return {account_id: _reminders(of_account) for account_id, of_account in rows.items()}

    async def get_people(self, account_ids: Collection[str], /) -> Mapping[str, PersonReminders]:
        return await reminders.get_by_person(self.tx, self.site_id, account_ids)

    async def find_gone(self, contact_ids: Collection[str], /) -> Mapping[str, datetime]:
        return await people.find_gone(self.tx, self.site_id, self.secret, contact_ids)


def _reminders(rows: Iterable[Reminder]) -> list[Reminded]:
    return [Reminded(row.milestone, row.approach, row.number, row.recorded_at) for row in rows]
