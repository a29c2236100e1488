"""What programs ask: accounts, orders, actions, why, and how things stand. The command line looks by itself.

A list has pages: ``next`` is the ``cursor`` of the one that follows, and None with the last.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from milestones.commands.models.command import Answer, NoReport, Question, RowId, WixId
from milestones.commands.models.daemon import StatusAnswer
from milestones.commands.models.orders import LONGEST_WAIT, OrderAnswer
from milestones.domain.actions import State
from milestones.domain.order import OrderSource
from milestones.domain.token import Scope
from milestones.views.actions import ActionDetail, ActionLine
from milestones.views.customers import ListedAccount
from milestones.views.explain.values import Explanation
from milestones.views.person import Person
from milestones.views.status import Status

Limit = Annotated[int, Field(ge=1, le=200)]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Cursor = Annotated[str, Field(min_length=1, max_length=500)]


class AccountsPage(Answer):
    """Accounts by site and id."""

    accounts: tuple[ListedAccount, ...]
    next: str | None = None


class ListAccounts(Question[AccountsPage, NoReport]):
    """List accounts, as they were last heard of. near: only those near the milestone with this key."""

    path: ClassVar[str] = "/accounts"

    site: Text | None = None
    near: Text | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class FindAccounts(Question[AccountsPage, NoReport]):
    """Find accounts by an address, a name, an account, contact or member id, or the beginning of an id.

    An address is asked for here and not in the path of another call: proxies keep those in their logs.
    """

    path: ClassVar[str] = "/accounts/find"
    method: ClassVar[Literal["GET", "POST"]] = "POST"

    account: Text
    site: Text | None = None
    limit: Limit = 50


class GivenLine(Answer):
    """What an account was given, or reminded of: the milestone, when, and at how many points."""

    milestone: str
    recorded_at: datetime
    value: int


class AccountAnswer(Answer):
    """An account, and what it was given and reminded of, oldest first."""

    person: Person
    grants: tuple[GivenLine, ...]
    reminders: tuple[GivenLine, ...]


class GetAccount(Question[AccountAnswer, NoReport]):
    """Show one account, by its id, a contact or member id, or the beginning of an id."""

    path: ClassVar[str] = "/accounts/{account}"

    account: WixId
    site: Text | None = None


class ExplainAnswer(Answer):
    """Everything that is known of one account."""

    explanation: Explanation


class ExplainAccount(Question[ExplainAnswer, NoReport]):
    """Tell why an account did or did not get something. milestone: only this one, by its key."""

    path: ClassVar[str] = "/accounts/{account}/explain"

    account: WixId
    site: Text | None = None
    milestone: Text | None = None


class OrderLine(Answer):
    """An order as a line of a list. account: empty where it is not known yet."""

    order: int
    site: str
    source: OrderSource
    key: str
    kind: str
    account: str
    verdict: str
    recorded_at: datetime


class OrdersPage(Answer):
    """Orders, newest first."""

    orders: tuple[OrderLine, ...]
    next: str | None = None


class ListOrders(Question[OrdersPage, NoReport]):
    """List orders: of one account by its id, of one source, or of one key."""

    path: ClassVar[str] = "/orders"

    site: Text | None = None
    account: Text | None = None
    source: OrderSource | None = None
    key: Text | None = None
    limit: Limit = 50
    cursor: RowId | None = None


class GetOrder(Question[OrderAnswer, NoReport]):
    """Tell what became of an order. wait: for so many seconds until it is settled."""

    path: ClassVar[str] = "/orders/{order}"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.READ, Scope.POINTS, Scope.REDEEM})

    order: RowId
    wait: float = Field(default=0.0, ge=0, le=LONGEST_WAIT, allow_inf_nan=False)


class ActionsPage(Answer):
    """Actions, newest first."""

    actions: tuple[ActionLine, ...]
    next: str | None = None


class ListActions(Question[ActionsPage, NoReport]):
    """List what is owed and what became of it, by what it has in common; account: its id."""

    path: ClassVar[str] = "/outbox"

    site: Text | None = None
    account: Text | None = None
    milestone: Text | None = None
    kind: Text | None = None
    state: State | None = None
    verdict: Text | None = None
    limit: Limit = 50
    cursor: RowId | None = None


class ActionAnswer(Answer):
    """One action whole."""

    action: ActionDetail


class GetAction(Question[ActionAnswer, NoReport]):
    """Show one action: what is frozen in it, what came of it, and who moves it on."""

    path: ClassVar[str] = "/outbox/{action}"

    action: RowId


class StandingAnswer(Answer):
    """How things stand, as ``milestones status`` has it."""

    daemon: StatusAnswer
    mode: Literal["live", "shadow"]
    standing: Status


class GetStanding(Question[StandingAnswer, NoReport]):
    """Tell whether everything runs, what it holds, and what wants a person."""

    path: ClassVar[str] = "/status"
