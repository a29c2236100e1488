"""What observations change and what histories owe: the judgement on crossings, over whatever facts it is given.

It writes nothing. The pipeline records what it answers; a simulation shows it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from milestones.domain import account as accounts_rules
from milestones.domain.account import AccountState, Definitions, Taken
from milestones.domain.milestone import Repeat
from milestones.domain.observation import Observation, Source
from milestones.pipeline.context import Reached
from milestones.pipeline.facts import Facts
from milestones.store.mutes import Ended


def group_by_account(
    observations: Iterable[Observation], go_live_at: datetime, now: datetime
) -> tuple[dict[str, list[Observation]], int]:
    """The observations since go-live by their account, and how many were earlier."""
    # A go-live in the future was by a clock that has been set back since.
    since = min(go_live_at, now)
    by_account: dict[str, list[Observation]] = {}
    earlier = 0
    for item in observations:
        if item.told_at >= since:
            by_account.setdefault(item.account_id, []).append(item)
        else:
            earlier += 1
    return by_account, earlier


async def place_observations(
    facts: Facts,
    definitions: Definitions,
    by_account: Mapping[str, Sequence[Observation]],
    known: Mapping[str, AccountState],
) -> list[Taken]:
    """Place observations into the histories of their accounts; those that tell nothing new are left out.

    The whole history is read only for accounts that something late was told of.
    """
    fresh = {
        account_id: news
        for account_id, seen in by_account.items()
        if (news := accounts_rules.news(known.get(account_id), seen))
    }
    late = [key for key, news in fresh.items() if accounts_rules.is_late(known.get(key), news)]
    histories = await facts.get_histories(late)
    # The contact that an account is known by is not gone: else the account would be erased.
    contacts = {
        contact_id
        for key, news in fresh.items()
        for item in news
        if (contact_id := item.customer.contact_id) is not None
        and not ((before := known.get(key)) is not None and before.customer.contact_id == contact_id)
    }
    gone = await facts.find_gone(contacts)
    return [
        accounts_rules.take(known.get(key), news, histories.get(key, []), definitions, gone)
        for key, news in fresh.items()
    ]


@dataclass(slots=True)
class Owed:
    """What histories owe. still_reached: the measure now, by account and milestone, where nothing new is owed and what
    had fallen back may be reached again; None where Wix does not tell it any more.
    """

    grants: list[Reached] = field(default_factory=list)
    still_reached: dict[tuple[str, str], int | None] = field(default_factory=dict)


async def find_owed_anew(facts: Facts, definitions: Definitions, states: Iterable[AccountState]) -> Owed:
    """What the whole histories of these accounts owe and was not given yet."""
    keys = frozenset(definitions.versions)
    looked_at = [
        Taken(accounts_rules.with_bases(state, definitions), {}, False, keys, Source.IMPORT)
        for state in states
    ]
    return await find_owed(facts, definitions, looked_at)


async def find_happened(facts: Facts, ended: Sequence[Ended]) -> list[Ended]:
    """Those of our steps that were taken. Of one that was given up before anybody looked, the history tells: it has the
    balance to which the step led at the revision to which it led, or not.
    """
    doubtful = [item for item in ended if item.happened is None]
    histories = await facts.get_histories({item.account_id for item in doubtful})
    told = {
        (account_id, stamp.revision, run.measures.balance)
        for account_id, runs in histories.items()
        for run in runs
        for stamp in run.stamps
    }
    return [
        item
        for item in ended
        if item.happened
        or (
            item.happened is None
            and (item.account_id, item.mute.after.stamp.revision, item.mute.balance) in told
        )
    ]


async def find_owed(facts: Facts, definitions: Definitions, crossed: Sequence[Taken]) -> Owed:
    """What the histories of these accounts, as they are known by now, owe and was not given yet."""
    ids = [item.state.account_id for item in crossed]
    histories = await facts.get_histories(ids)
    mutes = await facts.get_mutes(ids)
    given = await facts.get_grants(ids)
    owed = Owed()
    for item in crossed:
        account_id = item.state.account_id
        for key in sorted(item.crossed):
            version = definitions.versions[key]
            milestone = version.milestone
            history = accounts_rules.history_for(
                item.state, histories[account_id], version, mutes.get(account_id, ())
            )
            crossings = accounts_rules.find_owed_under(version, history, given.get((account_id, key), []))
            owed.grants.extend(
                Reached(account_id, version, crossing, item.source.value) for crossing in crossings
            )
            # A new cycle of an EVERY is a reward of its own; a new rung says that the lower ones are reached too.
            if not crossings or milestone.repeat is Repeat.LADDER:
                owed.still_reached[account_id, key] = item.state.measures.of(milestone.measure)
    return owed
