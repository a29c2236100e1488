"""Without events, a sweep learns who is gone. On the sandbox, whose books say who there is."""

from datetime import timedelta

import pytest

from milestones.scans.run import Kind, run
from milestones.store.tables import Account
from tests.scans.conftest import Ground
from tests.scans.conftest import ground as ground_of_scans
from wixsandbox import people

ground = ground_of_scans


async def _accounts(ground: Ground) -> dict[str, Account]:
    return {row["id"]: Account(**row) for row in await ground.rows(Account)}


async def _sweep(ground: Ground) -> None:
    ground.now += timedelta(days=7)
    ground.told.clear()
    await run(ground.work(), Kind.SWEEP)


@pytest.fixture
async def read(ground: Ground) -> Ground:
    """Everybody is known."""
    await run(ground.work(), Kind.BASELINE)
    return ground


def _guests(ground: Ground, number: int) -> list[tuple[str, str]]:
    """(account, contact) of customers who are no members."""
    world = ground.sandbox.world
    found = [(one.id, one.contact_id) for one in world.accounts if one.member_id is None]
    return found[:number]


async def test_who_is_no_longer_there_is_erased_and_nobody_else(read: Ground) -> None:
    world = read.sandbox.world
    [(account, contact)] = _guests(read, 1)
    people.remove_contact(world, people.the_contact(world, contact), None)
    before = await _accounts(read)
    await _sweep(read)
    after = await _accounts(read)
    assert after[account].erased_at is not None
    assert after[account].email is after[account].name is after[account].contact_id is None
    changed = {key for key in before if before[key].email != after[key].email}
    assert changed == {account}
    assert any(outcome.erased for outcome in read.told)
    await _sweep(read)
    assert not any(outcome.erased for outcome in read.told)


async def test_a_merge_is_learned_from_the_contact_that_answers_in_anothers_place(read: Ground) -> None:
    world = read.sandbox.world
    (source_account, source), (target_account, target) = _guests(read, 2)
    people.merge(world, people.the_contact(world, target), [people.the_contact(world, source)], world.owner)
    await _sweep(read)
    after = await _accounts(read)
    assert after[source_account].erased_at is not None
    assert after[target_account].erased_at is None
    assert after[target_account].email


async def test_an_account_that_shows_nothing_of_its_contact_any_more_is_erased(read: Ground) -> None:
    [(account, contact)] = _guests(read, 1)
    world = read.sandbox.world
    world.contacts.delete(contact, world.write_visible)
    await _sweep(read)
    erased = {key for key, row in (await _accounts(read)).items() if row.erased_at is not None}
    assert erased == {account}


async def test_a_list_that_leaves_somebody_out_erases_nobody(read: Ground) -> None:
    [(account, _)] = _guests(read, 1)
    world = read.sandbox.world
    shown = world.accounts.visible

    def all_but_one(now: object) -> object:
        return [one for one in shown(now) if one.id != account]  # type: ignore[arg-type]

    world.accounts.visible = all_but_one  # type: ignore[assignment]
    await _sweep(read)
    assert (await _accounts(read))[account].erased_at is None


async def test_when_too_many_are_missing_nobody_is_erased(read: Ground) -> None:
    world = read.sandbox.world
    for _, contact in _guests(read, 60):
        people.remove_contact(world, people.the_contact(world, contact), None)
    await _sweep(read)
    assert all(row.erased_at is None for row in (await _accounts(read)).values())
