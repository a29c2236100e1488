"""Outside events at the door, on a real store: once, kept, and nothing for who is gone."""

import asyncio

import pytest

from milestones.earn.record import Recorder
from milestones.errors import IngestError, UsageError
from milestones.pipeline.context import Outcome as Committed
from milestones.store import sites
from milestones.store.people import erasure
from milestones.store.tables import Action, Earning, Order, Rejected, SiteState
from tests.builders import NOW, SITE
from tests.earn.porch import ACCOUNT, BEARER, Porch
from tests.earn.samples import a_rule


async def test_an_event_earns_points_under_a_key_of_its_own(porch: Porch) -> None:
    await porch.event(1)
    [order], [action] = await porch.rows(Order), await porch.rows(Action)
    assert (order.source, order.kind, order.account_id, order.verdict) == (
        "earn",
        "points",
        "account",
        "ordered",
    )
    assert order.key.startswith("rule:")
    assert (action.state, action.payload["amount"], action.payload["description"]) == (
        "available",
        20,
        "rule",
    )
    assert porch.told == [Committed(wake={SITE})]


async def test_what_comes_again_is_taken_and_earns_nothing(porch: Porch) -> None:
    for _ in range(2):
        await porch.event(1)
    await asyncio.gather(*(porch.event(1) for _ in range(5)))
    assert len(await porch.rows(Action)) == 1
    assert porch.counts == {"earned": 1, "repeated": 6}
    # The rule gives more by now, and the service sends an old event once more.
    porch.rules = [a_rule(ACCOUNT, points=50)]
    await porch.event(1)
    assert (porch.counts["repeated"], await porch.reasons()) == (7, [])


async def test_a_customer_is_known_by_address_and_contact_too(porch: Porch) -> None:
    porch.rules = [a_rule('email = "mail"\n'), a_rule('contact_id = "contact"\n', name="by-contact")]
    await porch.post({"mail": " ADA@Example.com "})
    await porch.post({"contact": "contact-other"}, "by-contact")
    assert sorted(order.account_id for order in await porch.rows(Order)) == ["account", "other"]


# What cannot be understood


async def test_a_genuine_body_that_nobody_understood_is_kept_and_taken_in_later(porch: Porch) -> None:
    porch.rules = [a_rule('account_id = "account"\nid = ["id", { header = "X-Part" }]\n')]
    await porch.post({"id": 1}, X_Part="b")
    await porch.post(b"id=1&account=account", Content_Type="application/x-www-form-urlencoded")
    await porch.post({"id": 2, "account": "nobody"}, X_Part="b")
    first, second, third = await porch.rows(Rejected)
    assert first.reason == "account (account_id) finds nothing by which a customer could be known."
    assert second.reason == "The body is not valid JSON."
    assert third.reason == "No account nobody is known on this site."
    assert {row.event_type for row in (first, second, third)} == {"earn.rule"}
    assert b"s3cret" not in first.body + second.body + third.body
    porch.rules = [a_rule('account_id = "account || \'account\'"\nid = ["id", { header = "X-Part" }]\n')]
    assert await porch.take_again(first)
    with pytest.raises(UsageError, match="is not valid JSON"):
        await porch.take_again(second)
    assert [order.account_id for order in await porch.rows(Order)] == ["account"]
    porch.rules = []
    with pytest.raises(UsageError, match="has no rule 'rule' for events any more"):
        await porch.take_again(third)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 100,
        b"[" * 10_000 + b"]" * 10_000,
        b"\xff\xfe\0",
        b'{"id": 1, "account": "\\u0000"}',
        b"null",
        b"5",
    ],
)
async def test_whatever_is_genuine_is_kept(porch: Porch, body: bytes) -> None:
    await porch.post(body)
    [row] = await porch.rows(Rejected)
    assert row.body.endswith(body)
    assert row.reason.endswith(".")


async def test_what_is_sound_in_a_body_is_recorded_and_the_rest_kept(porch: Porch) -> None:
    porch.rules = [a_rule('events = "[]"\n' + ACCOUNT)]
    await porch.post([{"id": 1, "account": "account"}, {"id": 2}, {"id": 3}])
    assert len(await porch.rows(Order)) == 1
    assert await porch.reasons() == [
        "account (account_id) finds nothing by which a customer could be known. (and 1 more)"
    ]


async def test_what_nobody_sent_is_neither_kept_nor_recorded(porch: Porch) -> None:
    for path, headers, status in (
        ("rule", [(b"authorization", b"Bearer x")], 401),
        ("rule", [], 401),
        ("other", BEARER, 404),
        ("", BEARER, 404),
        ("rule\0", BEARER, 404),
    ):
        with pytest.raises(IngestError) as refused:
            await porch.door.receive(path, headers, b"{")
        assert refused.value.status == status
    assert await porch.reasons() == []


# People and sites that are gone


async def test_nothing_is_kept_of_who_was_erased(porch: Porch) -> None:
    porch.rules = [a_rule(ACCOUNT), a_rule('contact_id = "contact"\n', name="by-contact")]
    await porch.event(1)
    async with porch.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    await porch.event(2)
    assert porch.counts["gone"] == 1
    assert (len(await porch.rows(Order)), await porch.reasons()) == (1, [])


async def test_kept_bodies_that_name_who_is_erased_go_with_them(porch: Porch) -> None:
    porch.rules = [a_rule('email = "nothing"\nid = [{ header = "X-Id" }]\n')]
    await porch.post({"mail": "ada@example.com"}, X_Id="a.b.c")
    await porch.post(b'{"mail": "ADA\\u0040example.com"}', X_Id="a")
    await porch.post(b"mail=Ada%40example.com")
    await porch.post({"mail": "bob@example.com"})
    async with porch.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    [left] = await porch.rows(Rejected)
    assert b"bob@example.com" in left.body


async def test_for_a_site_that_was_removed_nothing_is_done_and_nothing_kept(porch: Porch) -> None:
    async with porch.store.write() as tx:
        await sites.change(tx, SITE, state=SiteState.REMOVED)
    for document in ({"id": 1, "account": "account"}, b"{"):
        with pytest.raises(IngestError, match="Nothing is done for this site") as refused:
            await porch.post(document)
        assert refused.value.status == 404
    assert (await porch.rows(Order), await porch.reasons()) == ([], [])


async def test_when_it_cannot_be_stored_the_service_is_asked_to_send_it_again(
    porch: Porch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> list[object]:
        raise ValueError("ada@example.com")

    monkeypatch.setattr(Recorder, "record", fail)
    with pytest.raises(IngestError, match="send it again later") as refused:
        await porch.event(1)
    assert refused.value.status == 503


async def test_where_nothing_may_be_made_the_event_is_kept_and_nothing_is_counted(porch: Porch) -> None:
    lines = 'email = "mail"\nonce_per = "customer"\ncreate = "nothing"'
    porch.rules = [a_rule(lines)]
    await porch.post({"mail": "new@example.com"})
    [reason] = await porch.reasons()
    assert reason.startswith("No account of this mail address is known on this site.")
    assert (await porch.rows(Order), await porch.rows(Earning)) == ([], [])
