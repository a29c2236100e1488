"""``sync import``: rows of a file become orders, and telephone numbers are looked for among all contacts of Wix."""

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.imports import (
    FindPhones,
    ImportAnswer,
    ImportPoints,
    ImportRow,
    PhonesAnswer,
    RowOutcome,
)
from milestones.domain.order import OrderSource
from milestones.pipeline.context import Outcome
from milestones.pipeline.record import DAY
from milestones.store.outbox import orders
from milestones.store.tables import Site
from milestones.sync.importing.orders import Plan, Prospect, Terms, place_rows, plan_rows
from milestones.sync.importing.phones import read_phone
from milestones.sync.importing.rows import Entry
from milestones.views.lookup import find_one_site
from milestones.wix import contacts


async def import_points(host: Host, command: ImportPoints, _report: Report[NoReport]) -> ImportAnswer:
    """Order them, or say what would be ordered. Raises UsageError."""
    runtime = host.runtime
    async with runtime.store.read() as tx:
        site = await find_one_site(tx, command.site)
    terms = Terms(
        site.id,
        command.name,
        command.reason,
        adds=command.adds,
        fires=command.fires,
        creates=command.creates,
        passes=command.passes,
    )
    entries = [_entry(row) for row in command.rows]
    if command.counts_only:
        async with runtime.store.read() as tx:
            plans = await plan_rows(tx, runtime.rules, terms, entries)
    else:
        plans = await place_rows(runtime.store, runtime.rules, terms, entries, runtime.clock())
        if any(plan.prospect in {Prospect.NEW, Prospect.AGAIN} for plan in plans):
            runtime.tell(Outcome(wake={site.id}))
    return ImportAnswer(
        site=site.id,
        rows=tuple(map(_outcome, plans)),
        room=await _count_room(host, site),
        shadow=runtime.rules.site(site.id).shadow,
        works=runtime.works,
    )


def _entry(row: ImportRow) -> Entry:
    return Entry(
        row.line,
        row.mail,
        row.phone,
        row.contact,
        row.points,
        first_name=row.first_name,
        last_name=row.last_name,
    )


def _outcome(plan: Plan) -> RowOutcome:
    return RowOutcome(
        line=plan.entry.line,
        outcome=plan.prospect.value,
        why=plan.why,
        account=plan.account_id,
        balance=plan.balance,
        held=plan.is_held,
        state=plan.state,
    )


async def _count_room(host: Host, site: Site) -> int:
    """How many orders of imports the breaker lets pass still."""
    runtime = host.runtime
    async with runtime.store.read() as tx:
        recent = await orders.recent(tx, site.id, OrderSource.IMPORT, runtime.clock() - DAY)
    return max(0, runtime.rules.site(site.id).breaker.limit(site.accounts) - recent)


async def find_phones(host: Host, command: FindPhones, _report: Report[NoReport]) -> PhonesAnswer:
    """Read all contacts, since Wix documents no filter for telephone numbers. Raises UsageError and WixError."""
    async with host.runtime.store.read() as tx:
        site = await find_one_site(tx, command.site)
    found: dict[str, set[str]] = {phone: set() for phone in command.phones}
    async for page in contacts.query_all(host.scan_work(site.id).client):
        for contact in page.items:
            for phone in contact.phones:
                number = read_phone(phone, command.region)
                if number in found:
                    found[number].add(contact.id)
    return PhonesAnswer(contacts={phone: tuple(sorted(ids)) for phone, ids in found.items()})
