import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from milestones.domain.actions import Need, State
from milestones.domain.observation import Customer
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.badge.channel import BadgeChannel, JustMade
from milestones.kinds.channel import Fate, Stop, Task
from tests.kinds.builders import ANA, NOW, Clock, a_task

LAG = timedelta(seconds=60)


@dataclass
class Members:
    """The badges of a site."""

    titles: dict[str, str] = field(default_factory=lambda: {"badge-1": "Star customer"})
    assigned: set[tuple[str, str]] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    visible: bool = True
    create_error: ChannelError | None = None
    found: int = 0
    given: int = 0
    just_given: set[tuple[str, str]] = field(default_factory=set)

    async def find(self, title: str, /) -> str | None:
        self.found += 1
        await asyncio.sleep(0)
        return next((i for i, t in self.titles.items() if t == title), None) if self.visible else None

    async def title(self, badge_id: str, /) -> str:
        return self.titles[badge_id]

    async def create(self, title: str, /) -> str:
        badge_id = f"badge-{len(self.titles) + 1}"
        self.titles[badge_id] = title
        if self.create_error:
            raise self.create_error
        return badge_id

    async def assign(self, badge_id: str, member_id: str, /) -> None:
        if badge_id not in self.titles or member_id in self.gone:
            raise ChannelError("Wix refused: 404.", permanent=True)
        self.given += 1
        self.assigned.add((badge_id, member_id))

    async def holders(self, badge_id: str, member_ids: Sequence[str], /) -> set[str]:
        return {member for member in member_ids if self.visible and (badge_id, member) in self.assigned}

    async def badges_just_given(
        self, accounts: Collection[str], since: datetime, /, *, apart_from: Collection[int]
    ) -> set[tuple[str, str]]:
        assert since == NOW - LAG
        assert apart_from
        return {(account, name) for account, name in self.just_given if account in accounts}


def a_badge(number: int = 1, *, customer: Customer = ANA, **payload: Any) -> Task:
    frozen = {"title": "Star customer", "badge_id": None, "create": False, **payload}
    return a_task("badge", frozen, number=number, customer=customer)


async def not_just_made(title: str, since: datetime, /) -> bool:
    del title, since
    return False


def a_channel(members: Members, clock: Clock, just_made: JustMade = not_just_made) -> BadgeChannel:
    return BadgeChannel(
        members, just_made=just_made, just_given=members.badges_just_given, query_lag=LAG, clock=clock
    )


@pytest.fixture
def members() -> Members:
    return Members()


@pytest.fixture
def channel(members: Members, clock: Clock) -> BadgeChannel:
    return a_channel(members, clock)


async def test_a_badge_is_found_by_its_title_once(channel: BadgeChannel, members: Members) -> None:
    for member in ("member-1", "member-2"):
        result = await channel.perform(a_badge(customer=Customer(member_id=member)))
        assert result == {"badge_id": "badge-1", "title": "Star customer", "member_id": member}
    assert members.assigned == {("badge-1", "member-1"), ("badge-1", "member-2")}
    assert members.found == 1


async def test_a_badge_by_id_brings_its_title_for_the_mail(channel: BadgeChannel) -> None:
    result = await channel.perform(a_badge(title=None, badge_id="badge-1"))
    assert (result["badge_id"], result["title"]) == ("badge-1", "Star customer")


async def test_a_customer_who_is_no_member_waits_to_become_one(channel: BadgeChannel) -> None:
    tasks = [a_badge(1), a_badge(2, customer=Customer(contact_id="contact-2"))]
    assert await channel.gate(tasks) == {2: Stop(State.WAITING, Verdict.NO_MEMBER, needs=Need.MEMBER)}


async def test_a_missing_badge_is_made_once_for_all_who_come_together(
    channel: BadgeChannel, members: Members
) -> None:
    members.titles.clear()
    await asyncio.gather(
        *(
            channel.perform(a_badge(n, customer=Customer(member_id=f"member-{n}"), create=True))
            for n in range(5)
        )
    )
    assert list(members.titles.values()) == ["Star customer"]
    assert len(members.assigned) == 5


async def test_a_missing_badge_that_may_not_be_made_is_a_sentence(
    channel: BadgeChannel, members: Members
) -> None:
    members.titles.clear()
    with pytest.raises(ChannelError, match="make it in Wix") as caught:
        await channel.perform(a_badge())
    assert caught.value.permanent


async def test_after_a_create_without_an_answer_no_second_badge_is_made(
    channel: BadgeChannel, members: Members, clock: Clock
) -> None:
    members.titles.clear()
    members.visible = False
    members.create_error = ChannelError("No whole answer came.", lost=True)
    for untried in (False, True):
        with pytest.raises(ChannelError) as caught:
            await channel.perform(a_badge(create=True))
        assert (caught.value.retry_at, caught.value.untried) == (NOW + timedelta(seconds=60), untried)
    assert len(members.titles) == 1
    clock.advance(61)
    members.visible = True
    await channel.perform(a_badge(create=True))
    assert members.assigned == {("badge-1", "member-1")}
    assert len(members.titles) == 1


async def test_a_badge_that_a_former_process_made_just_now_is_awaited(members: Members, clock: Clock) -> None:
    async def just_made(title: str, since: datetime, /) -> bool:
        return (title, since) == ("Star customer", NOW - timedelta(seconds=60))

    channel = a_channel(members, clock, just_made)
    members.visible = False
    with pytest.raises(ChannelError) as caught:
        await channel.perform(a_badge(create=True))
    assert (caught.value.untried, caught.value.retry_at) == (True, NOW + timedelta(seconds=60))
    members.visible = True
    assert (await channel.perform(a_badge(create=True)))["badge_id"] == "badge-1"


async def test_a_create_without_an_answer_is_remembered_with_the_action(
    channel: BadgeChannel, members: Members
) -> None:
    members.titles.clear()
    members.visible = False
    members.create_error = ChannelError("No whole answer came.", lost=True)
    with pytest.raises(ChannelError) as caught:
        await channel.perform(a_badge(create=True))
    assert caught.value.lost


async def test_a_refused_create_is_passed_on(channel: BadgeChannel, members: Members) -> None:
    members.titles.clear()
    members.create_error = ChannelError("Wix refused: 403.", connection_wide=True)
    with pytest.raises(ChannelError, match="403") as caught:
        await channel.perform(a_badge(create=True))
    assert caught.value.connection_wide


async def test_a_badge_that_was_deleted_in_wix_is_looked_for_anew(
    channel: BadgeChannel, members: Members
) -> None:
    await channel.perform(a_badge())
    members.titles = {"badge-9": "Star customer"}
    assert (await channel.perform(a_badge()))["badge_id"] == "badge-9"
    members.titles.clear()
    assert (await channel.perform(a_badge(create=True)))["badge_id"] in members.titles


async def test_a_member_that_wix_refuses_is_refused_for_good(channel: BadgeChannel, members: Members) -> None:
    await channel.perform(a_badge())
    members.gone.add("member-2")
    with pytest.raises(ChannelError) as caught:
        await channel.perform(a_badge(customer=Customer(member_id="member-2")))
    assert caught.value.permanent


async def test_after_a_lost_answer_the_assignment_is_looked_for_and_awaited_before_it_is_repeated(
    channel: BadgeChannel, members: Members, clock: Clock
) -> None:
    task = replace(a_badge(), lost_at=NOW)
    with pytest.raises(ChannelError) as awaited:
        await channel.recover(task)
    assert (awaited.value.untried, awaited.value.retry_at) == (True, NOW + LAG)
    clock.advance(60)
    assert (await channel.recover(task)).fate is Fate.REPEAT
    members.assigned.add(("badge-1", "member-1"))
    found = await channel.recover(task)
    assert found.fate is Fate.HAPPENED
    assert found.result == {"badge_id": "badge-1", "title": "Star customer", "member_id": "member-1"}


async def test_of_a_badge_that_does_not_show_nothing_can_have_been_given(
    channel: BadgeChannel, members: Members
) -> None:
    members.titles.clear()
    assert (await channel.recover(replace(a_badge(create=True), lost_at=NOW))).fate is Fate.REPEAT


async def test_a_member_who_has_the_badge_is_not_given_it_again(
    channel: BadgeChannel, members: Members
) -> None:
    members.assigned.add(("badge-1", "member-1"))
    assert await channel.gate([a_badge()]) == {}
    assert (await channel.perform(a_badge()))["badge_id"] == "badge-1"
    assert members.given == 0


async def test_a_badge_that_was_taken_away_in_wix_is_given_again(
    channel: BadgeChannel, members: Members
) -> None:
    for _ in range(2):
        members.assigned.clear()
        await channel.gate([a_badge()])
        await channel.perform(a_badge())
    assert members.given == 2


async def test_one_badge_for_two_milestones_is_given_once_however_they_come(
    channel: BadgeChannel, members: Members
) -> None:
    again = Stop(State.AVAILABLE, Verdict.BADGE_JUST_GIVEN, until=NOW + LAG)
    assert await channel.gate([a_badge(2), a_badge(1)]) == {2: again}
    members.just_given.add(("account-1", "Star customer"))
    assert await channel.gate([a_badge(1)]) == {1: again}
    assert await channel.gate([a_badge(1, badge_id="badge-1", title=None)]) == {}
