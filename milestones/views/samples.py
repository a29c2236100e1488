"""The variables of a mail that nobody is sent: a sample customer's, or those of a real one."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from milestones.config.settings import SiteSettings
from milestones.domain.actions import MAIL, Context, plan_grant
from milestones.domain.crossing import Crossing
from milestones.domain.milestone import Milestone
from milestones.kinds import registry
from milestones.kinds.channel import Task
from milestones.kinds.email.claims import sample_urls
from milestones.kinds.email.message import Mailbox
from milestones.kinds.email.names import plain
from milestones.kinds.email.payload import Email
from milestones.kinds.email.variables import (
    Program,
    Site,
    only,
    preview_variables,
    requirements,
    variables,
)
from milestones.store.tables import Account


def sample_variables(
    settings: SiteSettings, template: str, account: Account | None, now: datetime
) -> dict[str, Any]:
    """What a mail from this template would show now; without what such mails do not have."""
    milestone = _user_of(settings, template)
    name = settings.name or Mailbox.parse(settings.mail.sender).name or "The shop"
    site = Site(
        name,
        language=settings.mail.language,
        zone=settings.timezone,
        currency=settings.mail.currency,
        brand=settings.brand,
    )
    values = preview_variables(site, now=now, milestone=milestone, claims=settings.claims)
    if milestone is not None:
        values |= _sample_rewards(milestone, site, settings.timezone, now)
    if account is not None:
        values |= _of(account, milestone, values)
    available = requirements(settings.milestones, settings.brand, settings.claims).get(template)
    return values if available is None else only(values, available)


def _user_of(settings: SiteSettings, template: str) -> Milestone | None:
    """The first milestone whose mails are made from this template."""
    for milestone in settings.milestones:
        mails = {reward.template for reward in milestone.rewards if isinstance(reward, Email)}
        if milestone.near is not None:
            mails.add(milestone.near.template)
        if template in mails:
            return milestone
    return None


def _sample_rewards(milestone: Milestone, site: Site, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The coupon and the badge as the mails of this milestone show them; the code is nobody's."""
    context = Context("preview", "preview", b"preview", now=now, timezone=zone, configuration="preview")
    reached = Crossing(milestone, milestone.threshold, revision=1, value=milestone.threshold)
    planned = plan_grant(reached, context)
    named = {reward.kind for reward in milestone.rewards if reward.is_shown and reward.promise()}
    inputs = {
        action.kind: registry.read_payload(action.kind, action.payload).assumed_result()
        for action in planned
        if action.kind in named
    }
    if not inputs:
        return {}
    task = Task(0, "preview", MAIL, "preview", "preview", milestone.key, planned[0].payload, inputs)
    shown = variables(
        task, site=site, program=Program("preview"), unsubscribe_url="", claim_urls=sample_urls(None)
    )
    promise = {"coupon": shown.get("coupon", {}).get("name"), "badge": shown.get("badge", {}).get("title")}
    return {
        **{group: shown[group] for group in inputs},
        "reward": {name: title for name, title in promise.items() if title},
    }


def _of(account: Account, milestone: Milestone | None, values: dict[str, Any]) -> dict[str, Any]:
    name = plain(account.name or "")
    result: dict[str, Any] = {
        "customer": {
            **values["customer"],
            "name": name,
            "first_name": name.split(" ")[0],
            "email": plain(account.email or ""),
        }
    }
    if milestone is not None:
        value = getattr(account, milestone.measure.value)
        if value is not None:
            missing = max(milestone.target(value) - value, 0)
            result["points"] = {**values["points"], "value": value, "missing": missing}
    return result
