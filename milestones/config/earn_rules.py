"""What must hold between the rules of ``[[earn]]``, and between them and the sites."""

from collections.abc import Iterator, Mapping, Sequence

from milestones.config.earn import EarnRuleTable
from milestones.config.faults import Fault, nearest

Rules = Mapping[int, EarnRuleTable]
"""By position, without those that could not be read."""


def find_faults(rules: Rules, position: int) -> Iterator[Fault]:
    """What is wrong with one of them."""
    rule = rules[position]
    yield from (fault._replace(path=("earn", position, *fault.path)) for fault in rule.find_faults())
    if rule.people is not None and not rule.people.is_file():
        yield Fault(("earn", position, "people"), f"names {rule.people.name}, which is no file there")
    yield from _find_shared_address(rules, position)


def _find_shared_address(rules: Rules, position: int) -> Iterator[Fault]:
    rule = rules[position]
    for before, other in rules.items():
        if before >= position or rule.claim is not None or other.claim is not None:
            continue
        # Of two with one name something else is told.
        if other.address == rule.address and other.name != rule.name:
            key = "path" if rule.path is not None else "name"
            yield Fault(("earn", position, key), f"'{rule.address}' is the address of earn[{before}] too")


def find_homeless(rules: Rules, sites: Sequence[str]) -> Iterator[Fault]:
    """Those of which nobody knows whose points they give. sites: the names of ``[[sites]]``."""
    for position, rule in rules.items():
        where = ("earn", position, "site")
        if rule.site is not None and rule.site not in sites:
            yield Fault(where, f"'{rule.site}' is the name of none of [[sites]]{nearest(rule.site, sites)}")
        elif rule.site is None and len(sites) != 1:
            why = "there are several [[sites]]" if sites else "there are no [[sites]]"
            yield Fault(where, f"is missing, and {why}: whose points does it give?")
