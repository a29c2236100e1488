"""Events of another program: where to look, and never what is so."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from milestones.errors import IngestError
from milestones.store import links
from milestones.store.views import links as link_views
from milestones.sync.hear import Recent, hear
from tests.builders import SITE
from tests.sync.rig import Rig, a_path, a_rig
from wixsandbox.external.app import FLAVOURS
from wixsandbox.external.books import Member

URL = "https://shop.example.com/webhooks/sync/x"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with a_rig(a_path(tmp_path), "loyaltylion") as found:
        yield found


def signed(preset: str, event: Any) -> tuple[bytes, Mapping[str, str]]:
    body = json.dumps(event).encode()
    sign = FLAVOURS[preset].signature
    assert sign is not None
    return body, sign(URL, "a-secret", body)


async def told(rig: Rig, event: Any, recent: Recent | None = None) -> int:
    body, headers = signed(rig.preset, event)
    return await hear(rig.work, recent or Recent(), URL, headers, body)


def an_event(rig: Rig, what: str, member: Member, number: int = 1) -> Any:
    make = FLAVOURS[rig.preset].event
    assert make is not None
    return make(what, member, number)


async def test_a_change_that_is_told_of_is_looked_at_and_not_believed(rig: Rig) -> None:
    await rig.link()
    rig.world.books("loyaltylion").move("1", 20, "a purchase")
    # What the event says is old already.
    event = an_event(rig, "update", Member("1", "ada@example.com", balance=115))
    assert await told(rig, event) == 1
    await rig.turn(at_once=False)
    await rig.drain()
    assert rig.here("account-ada").balance == 120


async def test_an_echo_leads_to_no_look(rig: Rig) -> None:
    await rig.link()
    rig.wix.change("account-ada", 20)
    await rig.finish()
    (movement,) = rig.world.books("loyaltylion").movements
    calls = rig.connector.calls
    same = an_event(rig, "update", Member("1", "ada@example.com", balance=120), 1)
    marked = {
        **an_event(rig, "update", Member("1", "ada@example.com", balance=7), 2),
        "reason": movement.text,
    }
    for event in (same, marked, same, marked):
        assert await told(rig, event) == 0
    await rig.turn(at_once=False)
    assert rig.connector.calls == calls


async def test_the_same_event_is_looked_at_once(rig: Rig) -> None:
    await rig.link()
    recent = Recent()
    event = an_event(rig, "update", Member("1", "ada@example.com", balance=115))
    assert [await told(rig, event, recent) for _ in range(3)] == [1, 0, 0]


async def test_a_member_who_is_told_of_first_by_an_event_is_linked(rig: Rig) -> None:
    await rig.open_account("account-ada", "ada@example.com", 5)
    member = Member("1", "ada@example.com", balance=5)
    rig.world.join("loyaltylion", member)
    assert await told(rig, an_event(rig, "create", member)) == 1
    await rig.turn(at_once=False)
    assert (await rig.find_link()).state == "linked"


async def test_a_deletion_that_is_told_of_unlinks_and_brings_nobody_back(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path), "square") as rig:
        member = Member("1", phone="+49301", balance=5)
        rig.world.join("square", member)
        await rig.open_account("account-ada", "ada@example.com", 5)
        await rig.turn()
        link = await rig.find_link()
        async with rig.shop.store.write() as tx:
            await links.change(tx, link.id, account_id="account-ada")
        await rig.turn()
        assert (await rig.find_link()).state == "linked"
        assert await told(rig, an_event(rig, "deleted", member, 1)) == 0
        assert await told(rig, an_event(rig, "updated", member, 2)) == 0
        assert await told(rig, an_event(rig, "deleted", Member("9"), 3)) == 0
        await rig.turn()
        assert (await rig.find_link()).state == "unlinked"
        async with rig.shop.store.read() as tx:
            assert await link_views.count_by_state(tx, SITE, "square") == {"unlinked": 1}


@pytest.mark.parametrize("preset", ["loyaltylion", "square"])
@pytest.mark.parametrize("forged", ["", "another", "of another body"])
async def test_a_forged_signature_is_refused(tmp_path: Path, preset: str, forged: str) -> None:
    async with a_rig(a_path(tmp_path), preset) as rig:
        body, headers = signed(preset, {"event_id": "1"})
        name = next(iter(headers))
        wrong = base64.b64encode(hmac.new(b"another", body, hashlib.sha256).digest()).decode()
        given = {"": "", "another": wrong, "of another body": headers[name]}[forged]
        body = body + b" " if forged == "of another body" else body
        with pytest.raises(IngestError) as refused:
            await hear(rig.work, Recent(), URL, {name: given}, body)
        assert refused.value.status == 401


@pytest.mark.parametrize(
    ("event", "status"),
    [(b"{", 400), (b"[" * 50_000, 400), (b'"text"', 200), (b"[1, null, {}]", 200), (b"{}", 200)],
)
async def test_what_is_no_event_changes_nothing(rig: Rig, event: bytes, status: int) -> None:
    sign = FLAVOURS["loyaltylion"].signature
    assert sign is not None
    heard = hear(rig.work, Recent(), URL, sign(URL, "a-secret", event), event)
    if status == 200:
        assert await heard == 0
    else:
        with pytest.raises(IngestError) as refused:
            await heard
        assert refused.value.status == status


async def test_a_program_without_events_is_not_listened_to(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path), "smile") as rig:
        with pytest.raises(IngestError) as refused:
            await hear(rig.work, Recent(), URL, {}, b"{}")
        assert refused.value.status == 404
