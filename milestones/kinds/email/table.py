"""``email = "milestone-reached"`` or ``email = {...}``: a mail as a shop writes it."""

from typing import Literal

from milestones.config.rewards import RewardTable, TemplateName, TemplateUses
from milestones.domain.milestone import Consent
from milestones.kinds.email.payload import Email


class EmailReward(RewardTable):
    """``email``: a mail by the name of its template. A ``service`` mail needs no subscription."""

    shorthand = "template"

    template: TemplateName
    consent: Literal["marketing", "service"] = "marketing"

    def definition(self, uses: TemplateUses) -> Email:
        """As the rules know it."""
        return Email(self.template, uses(self.template), Consent(self.consent))

    def templates(self) -> tuple[str, ...]:
        """The one that it is made from."""
        return (self.template,)


TABLE = EmailReward
