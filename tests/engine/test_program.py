"""What is known of a site's loyalty program, and what a pause of it keeps back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from milestones.kinds.program import SiteProgram
from milestones.outbox.drain import drain
from milestones.store import sites
from milestones.store.database.store import Store
from milestones.wix import programs
from tests.builders import SITE
from tests.crash.giving import giving
from tests.store.rules import FixedRules, go_live, opened
from tests.wix.fakes import FakeClock, FakeWix


@dataclass
class Club:
    """A site's program on a Wix that says what it is told to."""

    store: Store
    clock: FakeClock = field(default_factory=FakeClock)
    wix: FakeWix = field(init=False)
    program: SiteProgram = field(init=False)

    def __post_init__(self) -> None:
        self.wix = FakeWix(self.clock)
        self.is_now("ACTIVE")
        self.program = SiteProgram(
            self.wix.client(), self.store, SITE, fallback_name="the shop", clock=self.clock.now
        )

    def is_now(self, status: str, **more: Any) -> None:
        self.wix.answers({"loyaltyProgram": {"status": status, **more}})

    def pass_by(self, span: timedelta) -> None:
        self.clock.seconds += span.total_seconds()


@pytest.fixture
async def club(tmp_path: Path) -> AsyncIterator[Club]:
    async with opened(f"sqlite:///{tmp_path}/test.db") as store:
        await go_live(store, FixedRules(()))
        found = Club(store)
        yield found
        await found.wix.http.aclose()


async def test_wix_is_asked_for_the_program_at_most_every_five_minutes(club: Club) -> None:
    assert (await club.program()).active
    club.is_now("PAUSED")
    club.pass_by(timedelta(minutes=5))
    assert (await club.program()).active
    assert len(club.wix.requests) == 1
    club.pass_by(timedelta(seconds=1))
    assert not (await club.program()).active


async def test_what_was_learned_before_the_clock_was_set_back_is_not_relied_on(club: Club) -> None:
    assert (await club.program()).active
    club.is_now("PAUSED")
    club.pass_by(timedelta(hours=-1))
    assert not (await club.program()).active


async def test_the_program_is_asked_for_anew_where_five_minutes_are_too_old(club: Club) -> None:
    assert (await club.program()).active
    club.is_now("PAUSED")
    assert not (await club.program(anew=True)).active
    assert not (await club.program()).active, "it is remembered"
    assert len(club.wix.requests) == 2


async def test_the_pages_show_what_was_learned(club: Club) -> None:
    club.is_now("PAUSED", name="Star Club", pointDefinition={"customName": "Stars"})
    await club.program()
    async with club.store.read() as tx:
        site = await sites.find_site(tx, SITE)
    assert site is not None
    assert (site.program_status, site.program_name, site.points_name) == ("PAUSED", "Star Club", "Stars")
    assert site.program_checked_at == club.clock.now()


@pytest.mark.parametrize("status", [400, 403, 409, 428])
async def test_points_wait_for_a_program_that_was_paused_just_now_however_wix_refuses_them(
    tmp_path: Path, status: int
) -> None:
    async with giving(tmp_path, inactive_program_status=status) as shop, shop.started():
        parts = shop.runtime.assembly.parts(shop.site_id)
        await shop.crossing()
        await shop.finish()
        await programs.pause(parts.client)
        await shop.crossing()
        due = await drain(lambda: parts.work)
        states = {row.kind: row.state for row in await shop.actions()}
        assert states["points"] == "available"
        assert due is not None
        shop.clock.reach(due)
        await drain(lambda: parts.work)
        await programs.activate(parts.client)
        await shop.finish()
        await shop.assert_everything_once()


async def test_of_a_program_that_was_not_active_wix_is_asked_again_soon(club: Club) -> None:
    """Whoever has activated it and says `resume` is not told for minutes that it is not."""
    club.is_now("PAUSED")
    assert not (await club.program()).active
    club.is_now("ACTIVE")
    club.pass_by(timedelta(seconds=10))
    assert not (await club.program()).active
    club.pass_by(timedelta(seconds=1))
    assert (await club.program()).active
    assert len(club.wix.requests) == 2
