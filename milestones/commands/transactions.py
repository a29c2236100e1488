"""``accounts show --transactions``: what moved the points of an account. Wix is asked, while a person waits."""

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.transactions import ListTransactions, TransactionLine, TransactionsAnswer
from milestones.views.customers import find_account
from milestones.wix import transactions
from milestones.wix.pacing import a_person_waits
from milestones.wix.paging import Sort


async def list_transactions(
    host: Host, command: ListTransactions, _report: Report[NoReport]
) -> TransactionsAnswer:
    """The newest transactions of an account. Raises UsageError, NobodyError and WixError."""
    async with host.runtime.store.read() as tx:
        account = await find_account(tx, command.account, command.site)
    with a_person_waits():
        page = await transactions.query(
            host.scan_work(account.site_id).client,
            {"accountId": {"$eq": account.id}},
            sort=[Sort("createdDate", descending=True)],
            limit=command.limit,
            cursor=command.cursor,
        )
    lines = (
        TransactionLine(
            id=one.id,
            at=one.created_date,
            amount=one.amount,
            type=one.transaction_type.value,
            description=one.description,
        )
        for one in page.items
    )
    return TransactionsAnswer(
        site=account.site_id, account=account.id, transactions=tuple(lines), next=page.next_cursor
    )
