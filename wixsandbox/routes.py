"""Everything that is served, and which operation a path belongs to."""

from wixsandbox.api import (
    accounts,
    assignments,
    badges,
    checkout,
    contact_jobs,
    contacts,
    coupons,
    earning_rules,
    imports,
    loyalty_coupons,
    member_jobs,
    members,
    programs,
    rewards,
    social_media,
    subscriptions,
    tiers,
    transactions,
)
from wixsandbox.api.call import Operation

OPERATIONS: tuple[Operation, ...] = (
    *programs.OPERATIONS,
    *earning_rules.OPERATIONS,
    *accounts.OPERATIONS,
    *rewards.OPERATIONS,
    *tiers.OPERATIONS,
    *loyalty_coupons.OPERATIONS,
    *checkout.OPERATIONS,
    *transactions.OPERATIONS,
    *imports.OPERATIONS,
    *social_media.OPERATIONS,
    *coupons.OPERATIONS,
    *badges.OPERATIONS,
    *assignments.OPERATIONS,
    *members.OPERATIONS,
    *member_jobs.OPERATIONS,
    *contact_jobs.OPERATIONS,
    *contacts.OPERATIONS,
    *subscriptions.OPERATIONS,
)


class _Branch:
    """One segment of the paths: literal segments win over parameters."""

    def __init__(self) -> None:
        self.literal: dict[str, _Branch] = {}
        self.any: _Branch | None = None
        self.operations: dict[str, Operation] = {}


def _grow() -> _Branch:
    root = _Branch()
    for operation in OPERATIONS:
        branch = root
        for segment in operation.path.strip("/").split("/"):
            if segment.startswith("{"):
                branch.any = branch.any or _Branch()
                branch = branch.any
            else:
                branch = branch.literal.setdefault(segment, _Branch())
        branch.operations[operation.method] = operation
    return root


_ROOT = _grow()


def route(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation of a call and its path parameters; None is a 404 without a Wix body."""
    segments = path.removeprefix("/").split("/")
    found = _walk(_ROOT, segments, method)
    if found is None:
        return None
    names = found.path.strip("/").split("/")
    values = {
        name[1:-1]: segment for name, segment in zip(names, segments, strict=True) if name.startswith("{")
    }
    return found, values


def _walk(branch: _Branch, segments: list[str], method: str) -> Operation | None:
    if not segments:
        return branch.operations.get(method)
    head, *rest = segments
    literal = branch.literal.get(head)
    found = _walk(literal, rest, method) if literal is not None else None
    if found is None and branch.any is not None and head:
        found = _walk(branch.any, rest, method)
    return found
