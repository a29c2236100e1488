"""An order for somebody whom Wix does not know, with every answer lost in every way and under every answer to what nobody
could verify: one contact, one account, and the points once for each order.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from milestones.domain.observation import Source
from milestones.domain.order import Create, OrderSource, Person, Request
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, place
from milestones.scans.pages import observation
from milestones.store.tables import Account, Action
from milestones.store.views import lookup
from milestones.wix.account import Account as WixAccount
from tests.crash.giving import Giving, dying_in, giving
from tests.crash.test_lost_answers import AGAIN_AND_AGAIN, LOSSES
from wixsandbox import ledger, people
from wixsandbox.faults import Fault

pytestmark = pytest.mark.usefixtures("impatient")

MAIL = "bob@example.com"
CALLS = {
    "contact look-up": ("POST", "/contacts/v4/contacts/query"),
    "contact": ("POST", "^/contacts/v4/contacts$"),
    "account look-up": ("GET", "/loyalty-accounts/v1/accounts/fetch-by"),
    "account": ("POST", "^/loyalty-accounts/v1/accounts$"),
    "earn": ("POST", "^/loyalty-accounts/v1/accounts/[^/]+/earn-points$"),
    "adjust": ("POST", "^/loyalty-accounts/v1/accounts/[^/]+/adjust-points$"),
}
KINDS = ("contact", "account", "points")


EARN, ADJUST = EarnPoints(50, "Welcome"), AdjustPoints(7, None, "A late bill")


async def order(
    shop: Giving, key: str = "key", request: Request = EARN, email: str = MAIL, **more: Any
) -> None:
    person = Person(email=email, **{"create": Create.CONTACT, "first_name": "Bob", **more})
    asking = Asking(shop.site_id, OrderSource.API, key, person, request)
    await place(shop.runtime.store, shop.runtime.rules, asking, shop.clock())


def books(shop: Giving) -> tuple[int, int, list[int]]:
    """Contacts with the address, accounts of them, and what was booked for them."""
    world = shop.books
    contacts = [
        one.id
        for one in world.contacts
        if any(item["email"].casefold() == MAIL for item in one.info.get("emails", {}).get("items", []))
    ]
    accounts = [one.id for one in world.accounts if one.contact_id in contacts]
    booked = sorted(one.amount for one in world.transactions if one.account_id in accounts)
    return len(contacts), len(accounts), booked


async def actions(shop: Giving) -> list[Action]:
    async with shop.runtime.store.read() as tx:
        return list(reversed(await lookup.list_actions(tx, lookup.Which())))


async def known(shop: Giving) -> list[Account]:
    async with shop.runtime.store.read() as tx:
        return await lookup.list_accounts(tx, site_id=shop.site_id, near=None, limit=1000)


async def test_points_and_an_adjustment_for_a_stranger_make_one_customer_who_is_observed(
    shop: Giving,
) -> None:
    async with shop.started():
        await asyncio.gather(order(shop, "one"), order(shop, "two"), order(shop, "three", ADJUST))
        await shop.finish()
        assert books(shop) == (1, 1, [7, 50, 50])
        assert {(row.state, row.account_id) for row in await actions(shop)} == {
            ("done", (await known(shop))[0].id)
        }
        [account] = await known(shop)
        assert (account.email, account.first_revision) == (MAIL, 1)


async def test_points_that_a_new_customer_is_given_reach_the_milestone(shop: Giving) -> None:
    async with shop.started():
        await order(shop, request=EarnPoints(1000, "Welcome"))
        await shop.finish()
        assert books(shop) == (1, 1, [1000])
        [account] = await known(shop)
        assert account.balance == 0
        document = ledger.document(shop.books, ledger.the_account(shop.books, account.id))
        seen = [observation(WixAccount.model_validate(document), Source.WEBHOOK, shop.clock())]
        await observe.observe(shop.runtime.store, shop.runtime.rules, shop.site_id, seen, shop.clock())
        async with shop.runtime.store.read() as tx:
            [grant] = await lookup.list_grants(tx, shop.site_id, account.id)
        assert (grant.milestone, grant.value) == ("stars-1000", 1000)


@pytest.mark.parametrize(
    "loss",
    [pytest.param(loss, marks=[] if loss == AGAIN_AND_AGAIN[0] else [pytest.mark.rare]) for loss in LOSSES],
)
@pytest.mark.parametrize("call", ["contact", "account"])
async def test_a_lost_answer_doubles_nothing_and_leaves_nothing_out(
    shop: Giving, call: str, loss: str
) -> None:
    async with shop.started():
        shop.fault(*CALLS[call], LOSSES[loss])
        await order(shop)
        await shop.finish()
        assert books(shop) == (1, 1, [50])


async def test_answers_that_are_lost_again_and_again_double_nothing(shop: Giving) -> None:
    async with shop.started():
        for call in CALLS.values():
            for loss in AGAIN_AND_AGAIN[:3]:
                shop.fault(*call, LOSSES[loss])
        await order(shop, "one")
        await order(shop, "two", ADJUST)
        await shop.finish()
        assert books(shop) == (1, 1, [7, 50])


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_death_in_the_effect_nothing_is_doubled_while_queries_lag(
    shop: Giving, kind: str
) -> None:
    async with shop.started():
        await order(shop)
        with dying_in(kind):
            await shop.finish()
    async with shop.started():
        await shop.finish()
        assert books(shop) == (1, 1, [50])


_FEW = 3
"""Switches that are tried each time; each of the others is rare."""

SWITCHES: tuple[dict[str, Any], ...] = (
    {"missing_account": "empty"},
    {"existing_account": "return"},
    {"repeated_earn": "already_exists"},
    {"earn_key_scope": "site"},
    *({"inactive_program_status": status} for status in (400, 403, 409)),
    {"query_lag_seconds": 0},
    {"emails_ignore_case": False},
)


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param(
            one,
            id="-".join(map(str, one.values())),
            marks=[] if number < _FEW else [pytest.mark.rare],
        )
        for number, one in enumerate(SWITCHES)
    ],
)
async def test_whatever_wix_says_where_nobody_could_verify_it_is_done_once(
    tmp_path: Path, switches: dict[str, Any]
) -> None:
    async with giving(tmp_path, **switches) as shop, shop.started():
        for call in ("contact", "account", "earn"):
            shop.fault(*CALLS[call], LOSSES["connection dropped after"])
        await order(shop, "one")
        await order(shop, "two", email=MAIL.upper())
        await shop.finish()
        assert books(shop) == (1, 1, [50, 50])


@pytest.mark.parametrize("call", ["contact", "account", "earn"])
async def test_a_program_that_is_paused_since_the_gate_loses_nothing(shop: Giving, call: str) -> None:
    async with shop.started():
        shop.fault(*CALLS[call], Fault(effect="status", status=503))
        await order(shop)
        await shop.runtime.engine.drain(shop.site_id)
        shop.books.program["status"] = "PAUSED"
        shop.clock.ahead *= 2
        await shop.runtime.engine.drain(shop.site_id)
        shop.books.program["status"] = "ACTIVE"
        await shop.finish()
        assert books(shop) == (1, 1, [50])


async def test_for_a_contact_that_is_there_only_an_account_is_opened(shop: Giving) -> None:
    world = shop.books
    info = people.check_info(world, {"emails": {"items": [{"email": "BOB@Example.com"}]}})
    contact = people.new_contact(world, info, "ADMIN", world.owner)
    async with shop.started():
        await order(shop, "one", create=Create.ACCOUNT)
        asking = Asking(
            shop.site_id, OrderSource.API, "two", Person(contact_id=contact.id, create=Create.ACCOUNT), EARN
        )
        await place(shop.runtime.store, shop.runtime.rules, asking, shop.clock())
        await shop.finish()
        # Queries do not show the contact for a while: what is not to be made is looked for once.
        told = {row.kind: row.state for row in await actions(shop)}
        assert told["points"] in {"done", "waiting"}
        assert books(shop)[:2] == (1, 1)


async def test_a_telephone_number_of_somebody_else_is_left_out(shop: Giving) -> None:
    async with shop.started():
        world = shop.books
        other = next(iter(world.contacts))
        refused = {
            "message": "Duplicate",
            "details": {
                "applicationError": {
                    "code": "DUPLICATE_CONTACT_EXISTS",
                    "data": {"duplicateContactId": other.id, "duplicatePhone": "030"},
                }
            },
        }
        shop.fault(*CALLS["contact"], Fault(effect="status", status=409, body=json.dumps(refused)))
        await order(shop, phone="030")
        await shop.finish()
        assert books(shop) == (1, 1, [50])
        [account] = await known(shop)
        assert account.contact_id != other.id
        assert not [
            one
            for one in world.transactions
            if ledger.the_account(world, one.account_id).contact_id == other.id
            and one.description == "Welcome"
        ]


async def test_hostile_addresses_and_names_are_data(shop: Giving) -> None:
    names: dict[str, Any] = {
        "first_name": "<script>'); DROP",
        "last_name": "{{7*7}} %s",
        "phone": "+49 ' OR 1",
    }
    hostile = (
        "o'hara@example.com",
        "a+b%c@example.com",
        "{$in}@example.com",
        "bob.gr\u00fcn@b\u00fccher.example",
    )
    async with shop.started():
        for email in hostile:
            await order(shop, f"1-{hostile.index(email)}", email=email, **names)
            await order(shop, f"2-{hostile.index(email)}", email=f" {email.upper()}", **names)
        await shop.finish()
        rows = await actions(shop)
        assert {row.state for row in rows} == {"done"}
        assert len({row.account_id for row in rows}) == len(hostile)


async def test_a_balance_is_set_for_a_stranger_too(shop: Giving) -> None:
    async with shop.started():
        await order(shop, request=AdjustPoints(None, 500, "From the old card"))
        await shop.finish()
        assert books(shop) == (1, 1, [500])
