import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from milestones.domain.actions import Kind, State
from milestones.domain.observation import Customer
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.badge.channel import BadgeChannel
from milestones.kinds.channel import Fate, Stop, Task
from tests.kinds.builders import ANA, NOW, Clock, a_task


@dataclass
class Members:
    """The badges of a site."""

    titles: dict[str, str] = field(default_factory=lambda: {"badge-1": "Star customer"})
    assigned: set[tuple[str, str]] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    visible: bool = True
    create_error: ChannelError | None = None
    found: int = 0

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
        self.assigned.add((badge_id, member_id))


def a_badge(number: int = 1, *, customer: Customer = ANA, **payload: Any) -> Task:
    frozen = {"title": "Star customer", "badge_id": None, "create": False, **payload}
    return a_task(Kind.BADGE, frozen, number=number, customer=customer)


async def not_just_made(title: str, since: datetime, /) -> bool:
    del title, since
    return False


@pytest.fixture
def members() -> Members:
    return Members()


@pytest.fixture
def channel(members: Members, clock: Clock) -> BadgeChannel:
    return BadgeChannel(members, just_made=not_just_made, clock=clock)


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
    assert await channel.gate(tasks) == {2: Stop(State.WAITING, Verdict.NO_MEMBER, needs="member")}


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

    channel = BadgeChannel(members, just_made=just_made, clock=clock)
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


async def test_assigning_again_is_harmless(channel: BadgeChannel) -> None:
    assert (await channel.recover(a_badge())).fate is Fate.REPEAT
