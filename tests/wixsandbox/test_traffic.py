from tests.wixsandbox.builders import Shop


async def test_purchases_come_at_the_rate_that_was_ordered_and_end_in_time(shop: Shop) -> None:
    await shop.post("/_sandbox/traffic", {"earn_per_second": 10, "seconds": 5})
    shop.clock.pass_(2.5)
    shop.sandbox.advance()
    assert len(shop.sandbox.world.transactions) == 25
    shop.clock.pass_(60)
    shop.sandbox.advance()
    assert len(shop.sandbox.world.transactions) == 50
    assert (await shop.get("/_sandbox/state", only="traffic"))["traffic"]["earn_per_second"] == 0


async def test_crossings_happen_often_enough_to_watch(shop: Shop) -> None:
    before = {one.id: one.balance for one in shop.sandbox.world.accounts}
    await shop.post("/_sandbox/traffic", {"earn_per_second": 10})
    shop.clock.pass_(10)
    shop.sandbox.advance()
    after = {one.id: one.balance for one in shop.sandbox.world.accounts}
    assert sum(after[key] // 1000 > balance // 1000 for key, balance in before.items()) >= 10
    assert all(after[key] >= balance for key, balance in before.items())


async def test_some_customers_redeem(shop: Shop) -> None:
    await shop.post("/_sandbox/traffic", {"earn_per_second": 20, "redeem_share": 0.5, "seconds": 5})
    shop.clock.pass_(5)
    shop.sandbox.advance()
    shop.clock.pass_(5)
    shop.sandbox.advance()
    assert {one["status"] for one in shop.sandbox.world.loyalty_coupons} <= {"ACTIVE", "FAILED"}
    assert any(one.type == "REDEEM" for one in shop.sandbox.world.transactions)


async def test_nobody_buys_points_while_the_program_is_paused_or_after_a_long_sleep(shop: Shop) -> None:
    await shop.post("/_sandbox/traffic", {"earn_per_second": 10})
    await shop.post("/loyalty-programs/v1/program/pause")
    shop.clock.pass_(10)
    shop.sandbox.advance()
    assert len(shop.sandbox.world.transactions) == 0
    await shop.post("/loyalty-programs/v1/program/activate")
    shop.clock.pass_(36_000)
    shop.sandbox.advance()
    assert len(shop.sandbox.world.transactions) == 5_000


async def test_the_same_seed_has_the_same_traffic(shop: Shop) -> None:
    async def run() -> list[tuple[str, int]]:
        await shop.post("/_sandbox/reset", {"customers": 30})
        await shop.post("/_sandbox/traffic", {"earn_per_second": 10})
        shop.clock.pass_(5)
        shop.sandbox.advance()
        return [(one.id, one.balance) for one in shop.sandbox.world.accounts]

    assert await run() == await run()


async def test_an_empty_shop_has_no_traffic(shop: Shop) -> None:
    await shop.post("/_sandbox/reset", {"customers": 0})
    await shop.post("/_sandbox/traffic", {"earn_per_second": 10})
    shop.clock.pass_(5)
    shop.sandbox.advance()
    assert len(shop.sandbox.world.transactions) == 0


async def test_the_oldest_transactions_are_forgotten_in_the_end(shop: Shop) -> None:
    shop.sandbox.world.transactions_kept = 100
    await shop.post("/_sandbox/traffic", {"earn_per_second": 50, "seconds": 10})
    shop.clock.pass_(10)
    shop.sandbox.advance()
    assert 100 <= len(shop.sandbox.world.transactions) <= 110


async def test_traffic_that_nobody_queries_leaves_nothing_but_the_last_states(shop: Shop) -> None:
    shop.switch(query_lag_seconds=5, recalculation_seconds=0)
    await shop.post("/_sandbox/traffic", {"earn_per_second": 1, "redeem_share": 0.2, "seconds": 600})
    for _ in range(12):
        shop.clock.pass_(60)
        shop.sandbox.advance()
    world = shop.sandbox.world
    assert len(world.transactions) > 400
    assert world.transactions.outdated == world.accounts.outdated == world.coupons.outdated == 0
