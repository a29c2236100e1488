"""Whoever orders a stop is answered when nothing of what it concerns is under way any more."""

import asyncio

from milestones.outbox.flights import Flights


async def test_only_what_is_concerned_and_has_begun_by_then_is_waited_for() -> None:
    flights, told = Flights(), list[int]()
    mine = [flights.begin("site", "stars"), flights.begin("site", "stars")]
    flights.begin("other", "stars")
    flights.begin("site", "moons")
    waiting = asyncio.create_task(flights.wait_until_landed({"site"}, "stars", told.append))
    await asyncio.sleep(0)
    flights.begin("site", "stars")
    for flight in mine:
        assert not waiting.done()
        flights.end(flight)
    await waiting
    assert told[0] == 2


async def test_nothing_is_told_where_nothing_is_under_way() -> None:
    flights, told = Flights(), list[int]()
    flights.end(flights.begin("site", "stars"))
    await flights.wait_until_landed(tell=told.append)
    assert told == []
