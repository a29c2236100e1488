"""Orders from a file, some hundreds in one transaction: counted by the breaker, and never the same row twice."""

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.order_rows import GiveOrders, Ordered, OrderRow, RowsAnswer
from milestones.domain.order import Create, OrderSource, Person, Request
from milestones.domain.verdict import Verdict
from milestones.errors import UsageError
from milestones.kinds.account.payload import OpenAccount
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline.context import Outcome
from milestones.pipeline.orders import Asking, place_all, preview_all
from milestones.views.lookup import find_one_site


async def give_orders(host: Host, command: GiveOrders, _report: Report[NoReport]) -> RowsAnswer:
    """Record an order for each row. Raises UsageError where nothing can be done for the site."""
    runtime = host.runtime
    async with runtime.store.read() as tx:
        site = await find_one_site(tx, command.site)
    askings = [
        Asking(site.id, OrderSource.IMPORT, row.key, _person(command, row), _request(command.what, row))
        for row in command.rows
    ]
    now = runtime.clock()
    if command.dry_run:
        results = await preview_all(runtime.store, runtime.rules, askings, now, ahead=command.ahead)
    else:
        results = await place_all(runtime.store, runtime.rules, askings, now)
        runtime.tell(Outcome(wake={site.id}))
    placed = [result for result in results if not isinstance(result, UsageError)]
    new = [one for one in placed if one.created]
    return RowsAnswer(
        new=len(new),
        known=len(placed) - len(new),
        held=sum(one.order.verdict == Verdict.BREAKER for one in new),
        refused={
            row.line: str(result)
            for row, result in zip(command.rows, results, strict=True)
            if isinstance(result, UsageError)
        },
        works=runtime.works,
    )


def _person(command: GiveOrders, row: OrderRow) -> Person:
    return Person(
        account_id=row.account,
        contact_id=row.contact,
        email=row.email,
        create=Create.NOTHING if row.account else command.create,
        first_name=row.first_name,
        last_name=row.last_name,
        phone=row.phone,
    )


def _request(what: Ordered, row: OrderRow) -> Request:
    match what:
        case Ordered.ADJUST:
            return AdjustPoints(row.by, row.to, row.text)
        case Ordered.EARN:
            return EarnPoints(row.points, row.text)
        case Ordered.CREATE:
            return OpenAccount()
