"""The commands, each with the function that carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from milestones.commands import (
    backfill,
    daemon,
    imports,
    optout,
    order_rows,
    orders,
    outbox,
    pause,
    program,
    questions,
    rejected,
    rewards,
    scan,
    sync,
    tokens,
    transactions,
    verify,
)
from milestones.commands.host import Host
from milestones.commands.models.backfill import Backfill
from milestones.commands.models.command import A, Command, P, Report
from milestones.commands.models.daemon import GetConfiguration, GetStatus, Reload
from milestones.commands.models.imports import FindPhones, ImportPoints
from milestones.commands.models.order_rows import GiveOrders
from milestones.commands.models.orders import AdjustAccount, CreateAccount, EarnForAccount
from milestones.commands.models.outbox import (
    CancelActions,
    HoldActions,
    ReleaseActions,
    ResolveActions,
    RetryActions,
)
from milestones.commands.models.pause import Pause, Resume
from milestones.commands.models.people import ImportOptOuts, ReplayRejected
from milestones.commands.models.program import ApplyProgram, ExportProgram, PlanProgram
from milestones.commands.models.questions import (
    ExplainAccount,
    FindAccounts,
    GetAccount,
    GetAction,
    GetOrder,
    GetStanding,
    ListAccounts,
    ListActions,
    ListOrders,
)
from milestones.commands.models.rewards import (
    DiscountCheckout,
    ListCoupons,
    ListDiscounts,
    ListRewards,
    RedeemForAccount,
    ShowReward,
)
from milestones.commands.models.scan import DryRun, Scan
from milestones.commands.models.sync import CheckSync, LinkMembers, ResolveLinks, RunSync
from milestones.commands.models.tokens import CreateToken, ListTokens, RevokeToken
from milestones.commands.models.transactions import ListTransactions
from milestones.commands.models.verify import Verify

Handler = Callable[[Host, Any, Report[Any]], Awaitable[Any]]
"""Takes a host, a command, and whom to tell how far it is; returns the command's answer. Raises MilestonesError."""

HANDLERS: Mapping[type[Command[Any, Any]], Handler] = {
    ImportOptOuts: optout.import_list,
    RetryActions: outbox.retry,
    ReleaseActions: outbox.release,
    HoldActions: outbox.hold,
    CancelActions: outbox.cancel,
    ResolveActions: outbox.resolve,
    Pause: pause.pause,
    Resume: pause.resume,
    Scan: scan.scan,
    DryRun: scan.dry_run,
    ReplayRejected: rejected.replay,
    Backfill: backfill.backfill,
    AdjustAccount: orders.adjust,
    EarnForAccount: orders.earn,
    CreateAccount: orders.create,
    GiveOrders: order_rows.give_orders,
    ListTransactions: transactions.list_transactions,
    ImportPoints: imports.import_points,
    FindPhones: imports.find_phones,
    ListRewards: rewards.list_rewards,
    ShowReward: rewards.show_reward,
    RedeemForAccount: rewards.redeem,
    ListCoupons: rewards.list_coupons,
    DiscountCheckout: rewards.apply,
    ListDiscounts: rewards.list_discounts,
    ListAccounts: questions.list_accounts,
    FindAccounts: questions.find_accounts,
    GetAccount: questions.get_account,
    ExplainAccount: questions.explain,
    ListOrders: questions.list_orders,
    GetOrder: questions.get_order,
    ListActions: questions.list_actions,
    GetAction: questions.get_action,
    GetStanding: questions.get_standing,
    Verify: verify.verify,
    PlanProgram: program.plan,
    ApplyProgram: program.apply_plans,
    ExportProgram: program.export_site,
    RunSync: sync.run,
    CheckSync: sync.check,
    LinkMembers: sync.link,
    ResolveLinks: sync.resolve,
    CreateToken: tokens.create,
    ListTokens: tokens.list_tokens,
    RevokeToken: tokens.revoke,
    Reload: daemon.reload,
    GetStatus: daemon.status,
    GetConfiguration: daemon.configuration,
}


async def carry_out(host: Host, command: Command[A, P], report: Report[P] = lambda _report: None) -> A:
    """Carry out a command here. Raises MilestonesError."""
    answer: A = await HANDLERS[type(command)](host, command, report)
    return answer
