"""How far two programs are in step, as it is shown."""

from dataclasses import dataclass
from datetime import datetime

from milestones.config import Settings
from milestones.store import agreements
from milestones.store.database.store import Transaction
from milestones.store.tables import LinkState
from milestones.store.views import links as link_views
from milestones.views.lookup import find_sites

MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class ListedLink:
    """A link that a person must look at. email: personal."""

    link: int
    member: str
    account: str | None
    email: str | None
    ours: int | None
    theirs: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One program: how many of its members are ``linked``, ``new``, ``listed`` and ``unlinked``; waiting: agreements that
    are not settled; read_at: when what changed was read last; failure: why it cannot be read, since when.
    """

    site: str
    program: str
    linked: int
    new: int
    listed: int
    unlinked: int
    waiting: int
    read_at: datetime | None
    full_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    links: tuple[ListedLink, ...]


async def describe_programs(
    tx: Transaction, settings: Settings, named: str | None, limit: int = MOST_LISTED
) -> list[ProgramStatus]:
    """Every program of the configuration. Raises UsageError for a site that there is none of."""
    return [
        await _describe(tx, site.id, site.name or site.id, external.name, limit)
        for site in await find_sites(tx, named)
        for external in settings.externals_of(site.id)
    ]


async def _describe(tx: Transaction, site_id: str, site: str, name: str, limit: int) -> ProgramStatus:
    counts = await link_views.count_by_state(tx, site_id, name)
    program = await agreements.get_program(tx, site_id, name)
    listed = await link_views.list_links(tx, site_id, name, LinkState.LISTED, limit)
    return ProgramStatus(
        site=site,
        program=name,
        linked=counts.get(LinkState.LINKED, 0),
        new=counts.get(LinkState.NEW, 0),
        listed=counts.get(LinkState.LISTED, 0),
        unlinked=counts.get(LinkState.UNLINKED, 0),
        waiting=await agreements.count_open(tx, site_id, name),
        read_at=program.read_at,
        full_at=program.full_at,
        failing_since=program.failing_since,
        failure=program.failure,
        links=tuple(
            ListedLink(
                one.id or 0,
                one.member_id,
                one.account_id,
                one.email,
                one.ours,
                one.theirs,
                one.reason,
            )
            for one in listed
        ),
    )
