"""The tables. Rows say what is so; what may be done with them stands in the modules beside this one."""

from milestones.store.tables.accounts import Account, ObservationRun
from milestones.store.tables.outbox import Action, Attempt, Grant, Reminder, Trace
from milestones.store.tables.people import (
    READ_ACCOUNT,
    ContactChange,
    ErasedMail,
    Rejected,
    Subscription,
    Suppression,
)
from milestones.store.tables.sites import ChannelRest, DefinitionVersion, Meta, Scan, Site

__all__ = [
    "READ_ACCOUNT",
    "Account",
    "Action",
    "Attempt",
    "ChannelRest",
    "ContactChange",
    "DefinitionVersion",
    "ErasedMail",
    "Grant",
    "Meta",
    "ObservationRun",
    "Rejected",
    "Reminder",
    "Scan",
    "Site",
    "Subscription",
    "Suppression",
    "Trace",
]
