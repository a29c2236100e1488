import pytest

from tests.wixsandbox.builders import LOYALTY_APP, Shop, earning

ROOT = "/loyalty-accounts/v1/accounts"


@pytest.mark.parametrize("verb", ["activate", "pause"])
async def test_points_move_only_while_the_program_is_active(shop: Shop, verb: str) -> None:
    await shop.post(f"/loyalty-programs/v1/program/{verb}")
    path = f"{ROOT}/{shop.account().id}/earn-points"
    if verb == "activate":
        await shop.post(path, earning())
    else:
        assert await shop.refused(path, earning(), status=428) == "FAILED_PRECONDITION"


async def test_earning_raises_balance_and_revision_and_tells_both_events(shop: Shop) -> None:
    account = shop.account(lambda one: one.reward_available)
    answer = await shop.post(f"{ROOT}/{account.id}/earn-points", earning(amount=30))
    assert answer["account"]["points"]["balance"] == account.balance + 30
    assert answer["account"]["points"]["earned"] == account.earned + 30
    assert answer["account"]["revision"] == str(account.revision + 1)
    assert shop.told() == ["wix.loyalty.v1.account_points_updated", "wix.loyalty.v1.account_updated"]
    path = f"/loyalty-transactions/v1/loyalty-transactions/{answer['transactionId']}"
    transaction = (await shop.get(path))["loyaltyTransaction"]
    assert transaction["transactionType"] == "EARN"
    assert transaction["idempotencyKey"] == "k-1"
    assert transaction["earnInfo"] == {"appId": LOYALTY_APP}


@pytest.mark.parametrize(
    ("order", "types"),
    [
        ("account_first", ["account_updated", "account_points_updated"]),
        ("points_only", ["account_points_updated"]),
        ("account_only", ["account_updated"]),
    ],
)
async def test_which_events_a_change_tells_is_a_switch(shop: Shop, order: str, types: list[str]) -> None:
    shop.switch(points_events=order)
    account = shop.account(lambda one: one.reward_available)
    await shop.post(f"{ROOT}/{account.id}/earn-points", earning())
    assert shop.told() == [f"wix.loyalty.v1.{one}" for one in types]


async def test_a_repeated_key_returns_the_first_result_and_books_nothing(shop: Shop) -> None:
    path = f"{ROOT}/{shop.account().id}/earn-points"
    first = await shop.post(path, earning())
    assert await shop.post(path, earning(amount=99)) == first
    shop.switch(repeated_earn="already_exists")
    assert await shop.refused(path, earning(), status=409) == "ALREADY_EXISTS"


async def test_the_scope_of_a_key_is_a_switch(shop: Shop) -> None:
    one, other, *_ = shop.sandbox.world.accounts
    first = await shop.post(f"{ROOT}/{one.id}/earn-points", earning())
    assert (await shop.post(f"{ROOT}/{other.id}/earn-points", earning()))["account"]["id"] == other.id
    shop.switch(earn_key_scope="site")
    again = await shop.post(f"{ROOT}/{other.id}/earn-points", earning())
    assert again["transactionId"] != first["transactionId"]  # the newest booking under that key
    shop.switch(earn_key_scope="app")
    assert await shop.post(f"{ROOT}/{one.id}/earn-points", earning()) == again
    elsewhere = await shop.post(f"{ROOT}/{one.id}/earn-points", earning(appId="another app"))
    assert elsewhere["transactionId"] != again["transactionId"]


async def test_how_long_a_key_is_remembered_is_a_switch(shop: Shop) -> None:
    shop.switch(earn_key_seconds=60)
    path = f"{ROOT}/{shop.account().id}/earn-points"
    first = await shop.post(path, earning())
    shop.clock.pass_(59)
    assert await shop.post(path, earning()) == first
    shop.clock.pass_(1)
    assert (await shop.post(path, earning()))["transactionId"] != first["transactionId"]


async def test_how_points_are_refused_is_a_switch(shop: Shop) -> None:
    shop.switch(
        stale_account_status=428, stale_account_code="ABORTED",
        too_few_points_status=400, too_few_points_code="INSUFFICIENT_POINTS",
        inactive_program_status=403, inactive_program_code="PROGRAM_PAUSED",
    )  # fmt: skip
    account = shop.account()
    path = f"{ROOT}/{account.id}"
    stale = {"balance": 5, "revision": account.revision - 1}
    assert await shop.refused(f"{path}/adjust-points", stale, status=428) == "ABORTED"
    less = {"amount": -account.balance - 1}
    assert await shop.refused(f"{path}/adjust-points", less, status=400) == "INSUFFICIENT_POINTS"
    await shop.post("/loyalty-programs/v1/program/pause")
    assert await shop.refused(f"{path}/earn-points", earning(), status=403) == "PROGRAM_PAUSED"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", 10_000_000),
        ("amount", 1.5),
        ("description", ""),
        ("description", "x" * 101),
        ("appId", ""),
        ("appId", None),
        ("idempotencyKey", "x" * 257),
        ("idempotencyKey", None),
        ("activityType", "x" * 101),
        ("orderId", "x" * 513),
    ],
)
async def test_earning_names_the_field_that_breaks_a_limit(shop: Shop, field: str, value: object) -> None:
    assert await shop.violated(f"{ROOT}/{shop.account().id}/earn-points", earning(**{field: value})) == [
        field
    ]


async def test_adjusting_sets_the_balance_or_changes_it_and_balance_wins(shop: Shop) -> None:
    account = shop.account()
    path = f"{ROOT}/{account.id}/adjust-points"
    answer = await shop.post(path, {"balance": 500, "amount": 7, "revision": str(account.revision)})
    assert answer["account"]["points"]["balance"] == 500
    answer = await shop.post(path, {"amount": -20, "revision": account.revision + 1})
    assert answer["account"]["points"]["balance"] == 480
    assert answer["account"]["points"]["adjusted"] == account.adjusted + 480 - account.balance
    found = await shop.get(f"/loyalty-transactions/v1/loyalty-transactions/{answer['transactionId']}")
    info = found["loyaltyTransaction"]["adjustInfo"]
    assert (info["amountBefore"], info["amountAfter"]) == (500, 480)


async def test_a_stale_revision_is_refused_with_409(shop: Shop) -> None:
    account = shop.account()
    body = {"balance": 5, "revision": account.revision - 1}
    path = f"{ROOT}/{account.id}/adjust-points"
    assert await shop.refused(path, body, status=409) == "INVALID_REVISION"
    shop.switch(adjust_without_revision="refuse")
    assert await shop.violated(path, {"balance": 5}) == ["revision"]


async def test_a_result_below_zero_is_refused(shop: Shop) -> None:
    account = shop.account()
    path = f"{ROOT}/{account.id}/adjust-points"
    assert await shop.refused(path, {"amount": -account.balance - 1}, status=428) == "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    "body", [{}, {"amount": 0}, {"balance": -1}, {"balance": 1_000_000_000}, {"amount": 10_000_000}]
)
async def test_adjusting_needs_a_sensible_number(shop: Shop, body: dict[str, int]) -> None:
    assert await shop.violated(f"{ROOT}/{shop.account().id}/adjust-points", body)


async def test_a_bulk_adjustment_is_a_job_that_moves_every_account_found(shop: Shop) -> None:
    before = {one.id: one.balance for one in shop.sandbox.world.accounts}
    search = {"filter": {"points.balance": {"$lt": 1000}}}
    answer = await shop.post(f"{ROOT}/bulk-adjust", {"search": search, "amount": 25})
    assert set(answer) == {"asyncJobId"}
    assert {one.id: one.balance for one in shop.sandbox.world.accounts} == before
    shop.clock.pass_(2)
    shop.sandbox.advance()
    after = {one.id: one.balance for one in shop.sandbox.world.accounts}
    assert all(after[key] == balance + (25 if balance < 1000 else 0) for key, balance in before.items())
