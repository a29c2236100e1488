import pytest

from tests.wixsandbox.builders import Shop

DESIGNED = {
    "accounts", "contacts", "members", "coupons", "loyalty_coupons", "badges", "badge_assignments", "subscriptions",
    "transactions", "rewards", "tiers", "earning_rules", "program", "checkout_discounts", "events",
}  # fmt: skip


async def test_the_state_shows_everything_that_the_site_holds(shop: Shop) -> None:
    state = await shop.get("/_sandbox/state")
    assert set(state) >= DESIGNED
    assert len(state["accounts"]) == 120
    assert set(state["events"]) == {"emitted", "delivered", "pending", "attempts", "lost"}
    some = await shop.get("/_sandbox/state", only="program,events")
    assert set(some) == {"program", "events"}
    answer = await shop.get("/_sandbox/state", status=400, only="programme")
    assert "programme" in answer["message"]


async def test_credentials_are_those_of_the_installation(shop: Shop) -> None:
    answer = await shop.get("/_sandbox/credentials")
    assert set(answer) == {"app_id", "app_secret", "instance_id", "site_id", "api_key", "public_key"}
    assert answer["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert (await shop.get("/_sandbox/health"))["status"] == "ok"


async def test_requests_are_kept_without_secrets_and_read_from_a_number_on(shop: Shop) -> None:
    first = await shop.get("/_sandbox/requests")
    assert [one["operation"] for one in first["requests"]] == ["token"]
    assert first["requests"][0]["body"] is None
    body = {"query": {"filter": {"points.balance": 1}}}
    await shop.post("/loyalty-accounts/v1/accounts/query", body)
    await shop.client.get("/nowhere?x=1")
    later = await shop.get("/_sandbox/requests", since=first["last"])
    assert [one["operation"] for one in later["requests"]] == ["queryLoyaltyAccounts", None]
    assert later["requests"][0]["body"] == body
    assert later["requests"][1]["query"] == "x=1"
    await shop.get("/_sandbox/requests", status=400, since="yesterday")


async def test_settings_change_some_switches_and_keep_the_others(shop: Shop) -> None:
    before = await shop.get("/_sandbox/settings")
    after = await shop.post("/_sandbox/settings", {"duplicate_probability": 0.3})
    assert after == {**before, "duplicate_probability": 0.3}
    answer = await shop.call("POST", "/_sandbox/settings", {"duplicate_probabilty": 0.3}, status=400)
    assert "duplicate_probabilty" in answer["message"]
    await shop.call("POST", "/_sandbox/settings", {"duplicate_probability": 2}, status=400)
    await shop.call("POST", "/_sandbox/settings", [], status=400)


async def test_a_webhook_is_subscribed_and_given_up(shop: Shop) -> None:
    answer = await shop.call("PUT", "/_sandbox/webhook", {"url": "http://127.0.0.1:1/"})
    assert answer == {"url": "http://127.0.0.1:1/"}
    account = shop.account()
    await shop.post("/_sandbox/purchase", {"account_id": account.id, "points": 5})
    assert (await shop.get("/_sandbox/state", only="events"))["events"]["pending"] >= 2
    await shop.call("PUT", "/_sandbox/webhook", {"url": None})
    assert (await shop.get("/_sandbox/state", only="events"))["events"]["pending"] == 0


async def test_a_reset_is_a_new_world_and_another_seed_has_other_credentials(shop: Shop) -> None:
    before = await shop.get("/_sandbox/credentials")
    shop.switch(query_lag_seconds=3)
    same = await shop.post("/_sandbox/reset", {"customers": 10})
    assert same == before
    assert len((await shop.get("/_sandbox/state", only="accounts"))["accounts"]) == 10
    assert (await shop.get("/_sandbox/settings"))["query_lag_seconds"] == 3
    other = await shop.post("/_sandbox/reset", {"seed": 99, "customers": 5})
    assert other["instance_id"] != before["instance_id"]
    assert other["public_key"] == before["public_key"]


async def test_the_control_plane_describes_itself(shop: Shop) -> None:
    controls = (await shop.get("/_sandbox"))["controls"]
    assert {"call": "GET /_sandbox/health", "what": "It serves."} in controls
    assert all(one["what"].endswith((".", ":")) for one in controls)
    fields = {one["call"]: set(one["body"]["properties"]) for one in controls if "body" in one}
    assert fields["POST /_sandbox/traffic"] == {"earn_per_second", "redeem_share", "seconds"}
    assert fields["POST /_sandbox/settings"] == set(await shop.get("/_sandbox/settings"))
    bare = {one["call"].split()[1] for one in controls if one["call"].startswith("P") and "body" not in one}
    assert bare == {"/_sandbox/upload", "/_sandbox/unsubscribe"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/_sandbox/nothing"), ("POST", "/_sandbox/health")])
async def test_unknown_controls_answer_404(shop: Shop, method: str, path: str) -> None:
    assert (await shop.client.request(method, path)).status_code == 404


async def test_faults_and_rate_limits_do_not_reach_the_control_plane(shop: Shop) -> None:
    shop.switch(rate_limit_per_minute=1)
    await shop.post("/_sandbox/faults", {"effect": "status", "times": 0})
    for _ in range(3):
        await shop.get("/_sandbox/health")


async def test_bodies_of_the_control_plane_are_checked(shop: Shop) -> None:
    await shop.call("POST", "/_sandbox/traffic", {"earn_per_second": -1}, status=400)
    await shop.call("POST", "/_sandbox/traffic", {"earn_per_sec": 1}, status=400)
    await shop.call("POST", "/_sandbox/app", {"event": "AppMoved"}, status=400)
    await shop.call("POST", "/_sandbox/purchase", {"account_id": "nobody", "points": 1}, status=404)
    await shop.call("POST", "/_sandbox/checkout", {"account_id": "nobody"}, status=404)
    assert (await shop.client.post("/_sandbox/reset", content=b"{")).status_code == 400


async def test_a_customer_goes_to_the_checkout(shop: Shop) -> None:
    account = shop.account()
    made = (await shop.post("/_sandbox/checkout", {"account_id": account.id}))["checkout"]
    assert made["accountId"] == account.id
    assert made in (await shop.get("/_sandbox/state"))["checkouts"]
