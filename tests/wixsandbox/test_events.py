import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.wixsandbox.builders import FakeClock, Shop
from wixsandbox.events import Event, private_pem, public_pem, read_key, sign
from wixsandbox.settings import Switches

EARN = {"amount": 5, "appId": "app", "idempotencyKey": "k"}


def opened(shop: Shop, event: Event) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """The envelope, the inner event and the identity, as a receiver reads them."""
    body = sign(
        event,
        shop.sandbox.credentials().instance_id,
        shop.sandbox.key,
        shop.clock(),
        shop.sandbox.world.switches,
    )
    public = shop.sandbox.credentials().public_key
    claims = jwt.decode(
        body, public, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims["exp"] - claims["iat"] == 300_000
    envelope = json.loads(claims["data"])
    identity = json.loads(envelope["identity"]) if "identity" in envelope else None
    return envelope, json.loads(envelope["data"]), identity


async def test_a_webhook_is_a_signed_jwt_of_strings_within_strings(shop: Shop) -> None:
    account = shop.account(lambda one: one.reward_available)
    answer = await shop.post(f"/loyalty-accounts/v1/accounts/{account.id}/earn-points", EARN)
    own = shop.sandbox.credentials()
    points, updated = shop.events
    envelope, data, identity = opened(shop, points)
    assert envelope["eventType"] == "wix.loyalty.v1.account_points_updated"
    assert envelope["instanceId"] == own.instance_id
    assert identity == {"identityType": "APP", "appId": own.app_id}
    assert data["entityFqdn"] == "wix.loyalty.v1.account"
    assert data["slug"] == "points_updated"
    assert data["entityId"] == account.id
    assert data["eventTime"] == "2026-11-20T09:00:00.000000Z"
    assert data["triggeredByAnonymizeRequest"] is False
    assert data["actionEvent"]["body"]["account"] == answer["account"]
    _, second, _ = opened(shop, updated)
    assert second["updatedEvent"]["currentEntity"] == answer["account"]
    assert second["id"] != data["id"]
    assert int(second["entityEventSequence"]) > int(data["entityEventSequence"])


async def test_changes_of_the_shop_itself_have_another_identity(shop: Shop) -> None:
    await shop.post("/_sandbox/purchase", {"account_id": shop.account().id, "points": 5})
    assert opened(shop, shop.events[0])[2] == {
        "identityType": "WIX_USER",
        "wixUserId": shop.sandbox.world.identity.owner_id,
    }


@pytest.mark.parametrize(("switch", "kind"), [("WIX_USER", "WIX_USER"), ("absent", None)])
async def test_how_own_calls_appear_is_a_switch(shop: Shop, switch: str, kind: str | None) -> None:
    shop.switch(own_calls_identity=switch)
    await shop.post(f"/loyalty-accounts/v1/accounts/{shop.account().id}/earn-points", EARN)
    identity = opened(shop, shop.events[0])[2]
    assert (identity and identity["identityType"]) == kind


async def test_calls_with_an_api_key_appear_as_the_wix_user(shop: Shop) -> None:
    own = shop.sandbox.credentials()
    shop.client.headers.update({"Authorization": own.api_key, "wix-site-id": own.site_id})
    await shop.post(f"/loyalty-accounts/v1/accounts/{shop.account().id}/earn-points", EARN)
    identity = opened(shop, shop.events[0])[2]
    assert identity is not None
    assert identity["identityType"] == "WIX_USER"


async def test_older_spellings_are_available(shop: Shop) -> None:
    await shop.post(f"/loyalty-accounts/v1/accounts/{shop.account().id}/earn-points", EARN)
    points, updated, *_ = shop.events
    shop.switch(event_spelling="json_text", jwt_key_id=None)
    body = opened(shop, points)[1]["actionEvent"]
    assert json.loads(body["bodyAsJson"])["account"]["revision"]
    shop.switch(event_spelling="json_object")
    assert opened(shop, updated)[1]["updatedEvent"]["currentEntityAsJson"]["revision"]


async def test_the_events_of_the_app_have_no_domain_fields(shop: Shop) -> None:
    await shop.post("/_sandbox/app", {"event": "AppInstalled", "origin_instance_id": "o"})
    await shop.post("/_sandbox/app", {"event": "AppRemoved"})
    installed, removed = shop.events
    envelope, data, _ = opened(shop, installed)
    assert envelope["eventType"] == "AppInstalled"
    assert data == {"appId": shop.sandbox.credentials().app_id, "originInstanceId": "o"}
    assert removed.type == "AppRemoved"


async def test_an_event_that_nobody_knows_can_be_sent(shop: Shop) -> None:
    await shop.post("/_sandbox/event", {"event_type": "wix.moon.v1.landing", "data": {"a": 1}})
    (event,) = shop.events
    assert (event.type, event.data, event.identity) == ("wix.moon.v1.landing", {"a": 1}, None)


async def test_the_recalculation_tells_account_updated_for_everybody_with_a_new_revision(shop: Shop) -> None:
    before = {one.id: one.revision for one in shop.sandbox.world.accounts}
    shop.clock.pass_(901)
    shop.sandbox.advance()
    assert shop.told() == ["wix.loyalty.v1.account_updated"] * len(before)
    assert {one.id: one.revision - 1 for one in shop.sandbox.world.accounts} == before


async def test_what_the_recalculation_does_is_switched(shop: Shop) -> None:
    before = {one.id: one.revision for one in shop.sandbox.world.accounts}
    shop.switch(recalculation_raises_revision=False, recalculation_seconds=60)
    shop.clock.pass_(61)
    shop.sandbox.advance()
    assert len(shop.told()) == len(before)
    assert {one.id: one.revision for one in shop.sandbox.world.accounts} == before
    shop.switch(recalculation_scope="changed")
    shop.clock.pass_(61)
    shop.sandbox.advance()
    assert shop.told() == []
    shop.switch(recalculation_seconds=0)
    assert not shop.sandbox.world.agenda


async def test_a_recalculation_without_end_leaves_time_for_everything_else(shop: Shop) -> None:
    shop.switch(recalculation_seconds=1e-9)
    for _ in range(2):
        shop.clock.pass_(0.1)
        shop.sandbox.advance()
        assert len(shop.told()) == 120


async def test_the_recalculation_waits_for_a_receiver_that_is_far_behind(shop: Shop) -> None:
    shop.sandbox.world.backlog = lambda: 6000
    shop.clock.pass_(901)
    shop.sandbox.advance()
    assert shop.told() == []
    shop.sandbox.world.backlog = lambda: 0
    shop.clock.pass_(1)
    shop.sandbox.advance()
    assert shop.told()


async def test_accounts_move_between_tiers_when_the_window_is_computed(shop: Shop) -> None:
    account = shop.account(lambda one: one.tier_id is None and one.member_id is not None)
    body = {"amount": 6000, "appId": "app", "idempotencyKey": "k"}
    answer = await shop.post(f"/loyalty-accounts/v1/accounts/{account.id}/earn-points", body)
    assert "id" not in answer["account"]["tier"]
    assert answer["account"]["tier"]["points"] == account.tier_points + 6000
    shop.clock.pass_(901)
    shop.sandbox.advance()
    gold = max(shop.sandbox.world.tiers, key=lambda tier: int(tier["requiredPoints"]))
    shown = (await shop.get(f"/loyalty-accounts/v1/accounts/{account.id}"))["account"]
    assert shown["tier"]["id"] == gold["id"]


def test_keys_survive_their_text_and_nothing_else_is_taken_for_one(key: RSAPrivateKey) -> None:
    assert public_pem(read_key(private_pem(key))) == public_pem(key)
    with pytest.raises(ValueError, match="PEM"):
        read_key("nonsense")


def test_the_key_id_can_be_left_out(key: RSAPrivateKey, clock: FakeClock) -> None:
    event = Event("x", {}, None)
    with_id = sign(event, "i", key, clock(), Switches(jwt_key_id="k9"))
    assert jwt.get_unverified_header(with_id)["kid"] == "k9"
    without = sign(event, "i", key, clock(), Switches(jwt_key_id=None))
    assert "kid" not in jwt.get_unverified_header(without)
