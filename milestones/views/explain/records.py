"""All rows about one account, and what holds for its site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from milestones.config.settings import SiteSettings
from milestones.domain.account import AccountState, Definitions, Version, with_bases
from milestones.domain.crossing import Given
from milestones.domain.mute import Mute
from milestones.domain.observation import Run
from milestones.errors import StoreError
from milestones.pipeline.facts import StoredFacts
from milestones.store import sites
from milestones.store.database.store import Transaction
from milestones.store.outbox.attempts import list_attempts
from milestones.store.outbox.orders import list_orders
from milestones.store.outbox.reminders import PersonReminders
from milestones.store.tables import (
    Account,
    Action,
    Attempt,
    Grant,
    ObservationRun,
    Order,
    Reminder,
    Site,
    Trace,
)
from milestones.store.views import lookup
from milestones.views.lookup import get_secret
from milestones.views.person import Mailable, get_mailable


@dataclass(frozen=True, slots=True)
class Records:
    """What is stored. rows: the history as it is kept, of which ``runs`` are what is judged by.

    facts: what the pipeline's judgement would look at.
    actions: by the key of the grant, reminder or order that owes them.
    paused: keys of milestones.
    """

    facts: StoredFacts
    rules: SiteSettings
    site: Site
    account: Account
    state: AccountState
    runs: Sequence[Run]
    mutes: Sequence[Mute]
    given: Mapping[tuple[str, str], Sequence[Given]]
    rows: Sequence[ObservationRun]
    versions: Mapping[str, Version]
    grants: Sequence[Grant]
    reminders: Sequence[Reminder]
    orders: Sequence[Order]
    person: PersonReminders
    traces: Sequence[Trace]
    actions: Mapping[str, Sequence[Action]]
    attempts: Mapping[int, Sequence[Attempt]]
    paused: frozenset[str]
    mail: Mailable


async def get_records(tx: Transaction, rules: SiteSettings, account: Account) -> Records:
    """Read all of it. Raises StoreError where the database contradicts itself."""
    site = await sites.find_site(tx, account.site_id)
    assert site is not None, "an account belongs to a known site"
    facts = StoredFacts(tx, site.id, await get_secret(tx))
    state = (await facts.get_states([account.id])).get(account.id)
    if state is None:
        raise StoreError("The history of this account is missing; `milestones db check` says more.")
    definitions = Definitions.in_force(await sites.get_versions(tx, site.id, rules.milestones))
    paused = await sites.list_paused_milestones(tx, site.id)
    by_owner: dict[str, list[Action]] = {}
    owed = await lookup.list_actions(tx, lookup.Which(site=site.id, account=account.id))
    for action in reversed(owed):
        by_owner.setdefault(action.owner, []).append(action)
    return Records(
        facts=facts,
        rules=rules,
        site=site,
        account=account,
        state=with_bases(state, definitions),
        runs=(await facts.get_histories([account.id]))[account.id],
        mutes=(await facts.get_mutes([account.id])).get(account.id, ()),
        given=await facts.get_grants([account.id]),
        rows=await lookup.list_runs(tx, site.id, account.id),
        versions=definitions.versions,
        grants=await lookup.list_grants(tx, site.id, account.id),
        orders=await list_orders(tx, site.id, account.id, by_owner),
        reminders=await lookup.list_reminders(tx, site.id, account.id),
        person=(await facts.get_people([account.id]))[account.id],
        traces=await lookup.list_traces(tx, site.id, account.id),
        actions=by_owner,
        attempts=await list_attempts(tx, [action.id or 0 for action in owed]),
        paused=frozenset(milestone.key for milestone in rules.milestones if site.paused) | paused,
        mail=await get_mailable(tx, rules, site, account),
    )
