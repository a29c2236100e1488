"""Two contacts become one: what was given counts for both, what is owed goes on, and nothing comes twice."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from milestones.domain.event import ContactDeleted, ContactMerged
from milestones.domain.milestone import Repeat
from milestones.domain.observation import Customer
from milestones.store.database import integrity
from milestones.store.database.statements import table_of
from milestones.store.outbox import ledger
from milestones.store.people.merges import PATIENCE
from milestones.store.tables import Action, ContactChange, Grant, Reminder
from milestones.store.views import timeline
from tests.builders import a_badge, a_coupon, a_customer, a_milestone
from tests.privacy.town import ACCOUNTS, SUE, TOM, Town, seen
from tests.store.rules import FixedRules

KIM = a_customer(contact_id="31300000-0000-4000-8000-000000000001", email="kim@example.com", name="Kim")
ACCOUNTS[KIM] = "31300000-0000-4000-8000-00000000000a"


def contact(who: Customer) -> str:
    assert who.contact_id is not None
    return who.contact_id


def merged(source: Customer, target: Customer) -> ContactMerged:
    return ContactMerged(contact(target), (contact(source),))


async def reaches(town: Town, who: Customer, balance: int = 1010) -> None:
    await town.hear(seen(who, 100, 1), seen(who, balance, 2))


async def owed(town: Town) -> dict[str, set[str]]:
    """Kinds of what is open or done, by account."""
    found: dict[str, set[str]] = {}
    for row in await town.actions("available", "waiting", "held", "running", "done"):
        found.setdefault(row["account_id"], set()).add(row["kind"])
    return found


async def test_what_is_owed_goes_on_to_the_address_of_the_contact_that_is_left(town: Town) -> None:
    await reaches(town, SUE)
    await town.hear(seen(TOM, 200, 1))
    outcome = await town.hear(merged(SUE, TOM))
    assert outcome.wake == {town.site_id}
    channels = town.channels()
    await town.drain(channels)
    [mail] = channels["email"].performed
    assert (mail.customer, mail.account_id) == (TOM, ACCOUNTS[TOM])
    assert {row["state"] for row in await town.actions()} == {"done"}


async def test_what_waited_for_a_member_goes_on_when_the_contact_that_is_left_is_one(town: Town) -> None:
    await reaches(town, SUE)
    channels = town.channels()
    [badge, *others] = [row["id"] for row in await town.actions() if row["kind"] == "badge"]
    await _wait_for(town, [badge, *others], "member")
    await town.hear(seen(TOM, 200, 1))
    await town.hear(merged(SUE, TOM))
    await town.drain(channels)
    assert {task.customer for task in channels["badge"].performed} == {TOM}


async def _wait_for(town: Town, ids: list[int], need: str) -> None:
    table = table_of(Action)
    async with town.store.write() as tx:
        await tx.execute(update(table).where(table.c.id.in_(ids)).values(state="waiting", needs=need))


async def test_what_was_given_to_one_is_not_given_to_the_other(town: Town) -> None:
    await reaches(town, SUE)
    channels = town.channels()
    await town.drain(channels)
    await town.hear(seen(TOM, 300, 1))
    await town.hear(merged(SUE, TOM))
    outcome = await town.hear(seen(TOM, 1310, 2))
    assert outcome.grants == 0
    await town.hear(seen(TOM, 1510, 3))
    await town.drain(channels)
    # Of the ladder, 1,500 is a rung that nobody had.
    assert len(channels["coupon"].performed) == 1
    assert len(channels["badge"].performed) == 3


async def test_a_crossing_of_the_one_that_comes_late_is_not_given_again(town: Town) -> None:
    await reaches(town, TOM)
    await town.hear(seen(SUE, 100, 1), merged(SUE, TOM))
    outcome = await town.hear(seen(SUE, 1010, 2))
    assert outcome.grants == 0
    assert await owed(town) == {ACCOUNTS[TOM]: {"coupon", "email", "badge"}}


async def test_what_both_were_given_before_anybody_told_of_a_merge_is_not_taken_back(town: Town) -> None:
    for who in (SUE, TOM):
        await reaches(town, who)
    channels = town.channels()
    await town.drain(channels)
    await town.hear(merged(SUE, TOM))
    assert len(channels["coupon"].performed) == 2
    assert {row["state"] for row in await town.actions()} == {"done"}


async def test_of_what_both_are_still_owed_one_is_enough(town: Town) -> None:
    for who in (SUE, TOM):
        await reaches(town, who)
    await town.hear(merged(SUE, TOM))
    channels = town.channels()
    await town.drain(channels)
    assert (len(channels["coupon"].performed), len(channels["email"].performed)) == (1, 1)
    assert {row["verdict"] for row in await town.actions("cancelled")} == {"already_given"}


async def test_who_was_reminded_is_not_reminded_anew_under_the_other_account(town: Town) -> None:
    await town.hear(seen(SUE, 950, 1), seen(TOM, 10, 1))
    reminder = Reminder(
        site_id=town.site_id,
        account_id=ACCOUNTS[SUE],
        milestone="once",
        approach=1,
        number=1,
        version=1,
        value=950,
        configuration="c",
        recorded_at=town.now,
    )
    async with town.store.write() as tx:
        await ledger.add_reminders(tx, [reminder])
    await town.hear(merged(SUE, TOM))
    async with town.store.read() as tx:
        found = await ledger.get_reminders(tx, town.site_id, [ACCOUNTS[TOM]])
    [inherited] = found[ACCOUNTS[TOM]]
    assert (inherited.milestone, inherited.number, inherited.recorded_at) == ("once", 1, town.now)


async def test_what_is_given_again_and_again_is_not_inherited(town: Town) -> None:
    every = a_milestone(1000, key="every", repeat=Repeat.EVERY, rearm_below=400, rewards=(a_coupon(),))
    town.rules = FixedRules((every,))
    await town.begin()
    await reaches(town, SUE)
    await town.hear(seen(TOM, 200, 1))
    await town.hear(merged(SUE, TOM))
    outcome = await town.hear(seen(TOM, 1210, 2))
    assert outcome.grants == 1


async def test_while_the_account_that_is_left_is_unknown_what_is_owed_waits_for_it(town: Town) -> None:
    await reaches(town, SUE)
    await town.hear(merged(SUE, TOM))
    channels = town.channels()
    await town.drain(channels)
    assert channels["coupon"].performed == []
    assert {row["needs"] for row in await town.actions("waiting")} == {"account", None}
    await town.hear(seen(TOM, 1310, 1))
    await town.drain(channels)
    assert {row["state"] for row in await town.actions()} == {"done"}
    assert channels["email"].performed[0].customer == TOM


async def test_an_account_that_nobody_tells_of_is_not_waited_for_for_ever(town: Town) -> None:
    await reaches(town, SUE)
    await town.hear(merged(SUE, TOM))
    town.now += PATIENCE - timedelta(seconds=1)
    await town.tidy()
    assert await town.actions("cancelled") == []
    town.now += timedelta(seconds=1)
    await town.tidy()
    assert {row["state"] for row in await town.actions()} == {"cancelled"}


async def test_a_deletion_waits_for_the_merge_that_caused_it_and_not_for_ever(town: Town) -> None:
    await reaches(town, SUE)
    await town.hear(ContactDeleted(contact(SUE), merged=True))
    assert (await town.account(SUE))["email"] == SUE.email
    town.now += PATIENCE - timedelta(seconds=1)
    await town.tidy()
    assert (await town.account(SUE))["email"] == SUE.email
    town.now += timedelta(seconds=1)
    await town.tidy()
    account = await town.account(SUE)
    assert account["email"] is account["name"] is account["contact_id"] is None
    assert {row["state"] for row in await town.actions()} == {"cancelled"}
    assert [row["change"] for row in await town.rows(ContactChange)] == ["deleted"]


async def test_merges_of_merges_end_at_the_last_one(town: Town) -> None:
    for order in (0, 1):
        town.site_id = f"site-{order}"
        await town.begin()
        await reaches(town, SUE)
        await town.hear(seen(TOM, 10, 1), seen(KIM, 20, 1))
        steps = [merged(SUE, TOM), merged(TOM, KIM)]
        for event in steps if order == 0 else reversed(steps):
            await town.hear(event)
        assert await owed(town) == {ACCOUNTS[KIM]: {"coupon", "email", "badge"}}
        given: list[Any] = [row for row in await town.rows(Grant) if row["account_id"] == ACCOUNTS[KIM]]
        assert {(row["milestone"], row["verdict"]) for row in given} == {
            ("once", "inherited"),
            ("ladder", "inherited"),
        }


async def test_contacts_that_are_said_to_have_become_each_other_do_no_harm(town: Town) -> None:
    await reaches(town, SUE)
    await town.hear(seen(TOM, 10, 1))
    await town.hear(merged(SUE, TOM), merged(TOM, SUE), merged(TOM, TOM))
    assert (await town.account(TOM))["email"] is None


async def test_a_merge_leaves_no_rows_that_cannot_be_so_and_is_counted_once(town: Town) -> None:
    every = a_milestone(1000, key="every", repeat=Repeat.EVERY, rearm_below=400, rewards=(a_coupon(),))
    town.rules = FixedRules((*town.rules.milestones, every))
    await town.begin()
    await reaches(town, SUE)
    await town.hear(seen(TOM, 200, 1))
    since = town.now - timedelta(days=1)
    async with town.store.read() as tx:
        before = await ledger.count_recent(tx, town.site_id, since)
    await town.hear(merged(SUE, TOM))
    async with town.store.read() as tx:
        assert (
            await ledger.count_recent(tx, town.site_id, since)
            == before
            == {"once": 1, "ladder": 2, "every": 1}
        )
        assert (await timeline.get_tallies(tx, since)).grants == 4
        assert await integrity.list_contradictions(tx) == {"accounts": [], "grants": [], "actions": []}


async def test_many_customers_merge_at_once(town: Town) -> None:
    town.rules = FixedRules((a_milestone(1000, key="once", rewards=(a_badge(),)),))
    await reaches(town, SUE)
    await reaches(town, TOM)
    await town.hear(seen(KIM, 10, 1))
    await town.hear(ContactMerged(contact(KIM), (contact(SUE), contact(TOM))))
    channels = town.channels()
    await town.drain(channels)
    assert [task.customer for task in channels["badge"].performed] == [KIM]
