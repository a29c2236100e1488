"""What a person commands of a sync: a turn, a try, who is whom, and which balance is right."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from milestones.commands import sync
from milestones.commands.models.sync import (
    CheckSync,
    LinkMembers,
    LinkRow,
    ResolveLinks,
    RunSync,
    Take,
)
from milestones.errors import UsageError
from milestones.sync.work import SyncWork
from milestones.views.notices import list_sync_notices
from tests.external.programs import described
from tests.sync.rig import Rig, a_path, a_rig

ADA = "account-ada"


@dataclass
class Host:
    """A host whose configuration names the program of a rig."""

    rig: Rig

    @property
    def runtime(self) -> Any:
        return self.rig.shop

    @property
    def settings(self) -> "Host":
        return self

    @property
    def external(self) -> tuple[Any, ...]:
        return (described(self.rig.preset, self.rig.more),)

    def externals_of(self, _site: str) -> tuple[Any, ...]:
        return self.external

    def sync_work(self, _site_id: str, _program: str, /) -> SyncWork:
        return self.rig.work


async def carry_out(function: Any, rig: Rig, command: Any) -> Any:
    return await function(Host(rig), command, lambda _report: None)


@pytest.mark.parametrize(
    ("take", "ours", "theirs"),
    [("ours", 50, 50), ("theirs", 80, 80), ("sum", 130, 130), ("current", 50, 80), ("nothing", 50, 80)],
)
async def test_a_person_says_which_balance_is_right(
    tmp_path: Path, take: Take, ours: int, theirs: int
) -> None:
    async with a_rig(a_path(tmp_path)) as rig:
        link = await rig.link(ours=50, theirs=80)
        answer = await carry_out(sync.resolve, rig, ResolveLinks(program="smile", take=take))
        assert ([one.link for one in answer.resolved], answer.failed) == ([link.id], {})
        await rig.finish(2)
        assert (rig.here(ADA).balance, rig.there("1").balance) == (ours, theirs)
        rig.wix.change(ADA, 1)
        await rig.finish(2)
        assert rig.there("1").balance == (theirs if take == "nothing" else theirs + 1)


async def test_who_is_whom_may_be_told_by_a_file(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path), "talonone", 'start = "theirs"') as rig:
        await rig.open_account(ADA, "ada@example.com", 10)
        rig.join("ada-there", "", 25)
        rows = (LinkRow(member="ada-there", account=ADA), LinkRow(member="x", account="nobody"))
        answer = await carry_out(sync.link, rig, LinkMembers(program="talonone", rows=rows))
        assert (answer.new, answer.known, answer.unknown) == (1, 0, ("x",))
        again = await carry_out(sync.link, rig, LinkMembers(program="talonone", rows=rows[:1]))
        assert (again.new, again.known) == (0, 1)
        await rig.finish(2)
        assert (rig.here(ADA).balance, rig.there("ada-there").balance) == (25, 25)
        rig.world.books("talonone").move("ada-there", 5, "a purchase")
        await rig.finish(2)
        assert rig.here(ADA).balance == 30


async def test_a_member_may_be_linked_with_an_account_by_hand(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path)) as rig:
        await rig.open_account(ADA, "ada@example.com", 10)
        rig.join("1", "another@example.com", 25)
        await rig.turn()
        link = await rig.find_link()
        command = ResolveLinks(program="smile", links=(link.id or 0,), take="theirs", account=ADA)
        answer = await carry_out(sync.resolve, rig, command)
        assert answer.failed == {}
        await rig.finish(2)
        assert rig.here(ADA).balance == 25


async def test_a_try_says_what_works_and_changes_nothing(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path)) as rig:
        rig.join("1", "ada@example.com", 25)
        answer = await carry_out(sync.check, rig, CheckSync(program="smile"))
        assert [(call.call, call.ok) for call in answer.calls] == [
            ("list", True),
            ("get", True),
            ("adjust", None),
            ("adjust", None),
            ("find", True),
        ]
        assert answer.member is not None
        assert (answer.member["id"], answer.member["balance"], answer.is_sound) == ("1", 25, True)
        assert rig.there("1").balance == 25
        rig.world.books("smile").behaviour.html = 5
        broken = await carry_out(sync.check, rig, CheckSync(program="smile"))
        assert not broken.is_sound


async def test_what_a_person_must_look_at_is_noticed(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path)) as rig:
        await rig.link(ours=50, theirs=80)
        rig.world.books("smile").behaviour.html = 1
        await rig.turn()
        async with rig.shop.store.read() as tx:
            told = await list_sync_notices(tx)
        assert told == [
            (
                "The program smile cannot be read, so nothing is kept in step with it: smile's list answered with a web page "
                "instead of data (200)."
            ),
            "1 member of smile could not be merged and waits for a person (`milestones sync status`).",
        ]
        await rig.turn()
        await carry_out(sync.resolve, rig, ResolveLinks(program="smile", take="nothing"))
        async with rig.shop.store.read() as tx:
            assert await list_sync_notices(tx) == []


async def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path)) as rig:
        with pytest.raises(UsageError, match="No program 'smiel' is kept in step with; there are smile"):
            await carry_out(sync.run, rig, RunSync(program="smiel"))
        answer = await carry_out(sync.run, rig, RunSync())
        assert answer.turns[0].counts == {}
