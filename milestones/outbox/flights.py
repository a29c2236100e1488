"""What is under way: effects that have begun and not ended, of all sites of this process."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Flight:
    """One effect that has begun, or is about to."""

    site_id: str
    milestone: str
    landed: asyncio.Event = field(default_factory=asyncio.Event)


class Flights:
    """Whoever has ordered a stop waits here until nothing of what it concerns is under way any more."""

    def __init__(self) -> None:
        self._under_way: set[Flight] = set()

    def begin(self, site_id: str, milestone: str) -> Flight:
        """An effect is about to begin. Call it before that is committed: an order that is committed later waits for it."""
        flight = Flight(site_id, milestone)
        self._under_way.add(flight)
        return flight

    def end(self, flight: Flight) -> None:
        """It has ended and its result is written, or it did not begin after all."""
        self._under_way.discard(flight)
        flight.landed.set()

    async def wait_until_landed(
        self,
        site_ids: Collection[str] | None = None,
        milestone: str | None = None,
        tell: Callable[[int], None] = lambda _left: None,
    ) -> None:
        """Wait for what is under way now, of these sites or of all, and of one milestone or of all. Nothing that begins
        later is waited for. ``tell`` is told how many are left, if any.
        """
        concerned = [
            flight
            for flight in self._under_way
            if (site_ids is None or flight.site_id in site_ids) and milestone in {None, flight.milestone}
        ]
        while concerned:
            tell(len(concerned))
            await concerned[0].landed.wait()
            concerned = [flight for flight in concerned if not flight.landed.is_set()]
