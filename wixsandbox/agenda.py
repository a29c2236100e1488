"""What the site does by itself when its time has come."""

from collections.abc import Callable, Mapping

from wixsandbox import bulk, redemption
from wixsandbox.api import imports
from wixsandbox.world import Appointment, World

DOINGS: Mapping[str, Callable[[World, Appointment], None]] = {
    bulk.RECALCULATE: bulk.recalculate,
    bulk.RECALCULATE_SOME: bulk.recalculate_some,
    bulk.ADJUST_SOME: bulk.adjust_some,
    bulk.REVIEW_SOME: bulk.review_some,
    redemption.SETTLE: redemption.settle,
    imports.PARSE: imports.finish_parsing,
    imports.IMPORT: imports.import_rows,
}


def advance(world: World) -> None:
    """Do everything that is due. Work that goes on puts its next turn on the agenda."""
    world.settle()
    while (appointment := world.due()) is not None:
        DOINGS[appointment.what](world, appointment)
