"""The tables. Rows say what is so; what may be done with them stands in the modules beside this one."""

from milestones.store.tables.accounts import Account, ObservationRun
from milestones.store.tables.api import ApiCall, ApiToken
from milestones.store.tables.earn import Earning
from milestones.store.tables.links import (
    AgreementRow,
    AgreementState,
    ExternalProgram,
    Link,
    LinkState,
)
from milestones.store.tables.mutes import MutedStep
from milestones.store.tables.outbox import Action, Attempt, Grant, Order, Reminder, Trace
from milestones.store.tables.people import (
    READ_ACCOUNT,
    Change,
    ContactChange,
    ErasedMail,
    Rejected,
    Subscription,
    Suppression,
)
from milestones.store.tables.sites import (
    ChannelRest,
    DefinitionVersion,
    Meta,
    Scan,
    ScanState,
    Site,
    SiteState,
)

__all__ = [
    "READ_ACCOUNT",
    "Account",
    "Action",
    "AgreementRow",
    "AgreementState",
    "ApiCall",
    "ApiToken",
    "Attempt",
    "Change",
    "ChannelRest",
    "ContactChange",
    "DefinitionVersion",
    "Earning",
    "ErasedMail",
    "ExternalProgram",
    "Grant",
    "Link",
    "LinkState",
    "Meta",
    "MutedStep",
    "ObservationRun",
    "Order",
    "Rejected",
    "Reminder",
    "Scan",
    "ScanState",
    "Site",
    "SiteState",
    "Subscription",
    "Suppression",
    "Trace",
]
