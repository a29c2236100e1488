"""What a comparison found."""

from dataclasses import dataclass, field

from milestones.commands.models.verify import Difference
from milestones.store.tables import Site


@dataclass(slots=True)
class Findings:
    """What was compared, and every difference with its evidence."""

    accounts: int = 0
    grants: int = 0
    forgotten: int = 0
    checked_in_wix: int = 0
    differences: list[Difference] = field(default_factory=list)

    def add(
        self,
        what: str,
        sentence: str,
        site: Site,
        account: str,
        *,
        milestone: str | None = None,
        action: int | None = None,
    ) -> None:
        """Note a difference."""
        result = Difference(
            what=what, sentence=sentence, site=site.id, account=account, milestone=milestone, action=action
        )
        self.differences.append(result)
