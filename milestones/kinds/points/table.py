"""``points = {...}``: points as a shop writes them."""

from pydantic import Field

from milestones.config.rewards import RewardTable, TemplateUses
from milestones.config.sections import Whole
from milestones.config.values import RateText
from milestones.kinds.points.payload import Points


class PointsReward(RewardTable):
    """``points``: further points. ``per_account`` bounds how often one account may get them."""

    amount: Whole = Field(ge=1, le=9_999_999)
    description: str = Field(min_length=1, max_length=100)
    per_account: RateText | None = None

    def definition(self, uses: TemplateUses) -> Points:
        """As the rules know it."""
        del uses
        return Points(self.amount, self.description, self.per_account)


TABLE = PointsReward
