import pytest

from milestones.domain.crossing import Given
from milestones.domain.evidence import Evidence, evidence
from milestones.domain.milestone import Milestone
from milestones.domain.observation import Point, Stamp
from tests.builders import a_ladder, a_milestone, a_point, points_of

GRANT = Given(occurrence=1, revision=3, at=0, value=1010)


@pytest.mark.parametrize(
    ("milestone", "grant", "balances", "from_zero", "says"),
    [
        (a_milestone(), GRANT, (10, 990, 1010), False, Evidence.FOUND),
        (a_milestone(), GRANT, (1200, 1100, 1010), True, Evidence.FOUND),  # it began with 0
        (a_milestone(), GRANT, (1200, 1100, 1010), False, Evidence.NEVER_BELOW),
        (a_milestone(), GRANT, (10, 990, 1011), False, Evidence.NO_SUCH_STATE),  # another value
        (a_milestone(), GRANT, (10, 1010), False, Evidence.NO_SUCH_STATE),  # another revision
        (a_milestone(2000), GRANT, (10, 990, 1010), False, Evidence.NOT_REACHED),
        (a_ladder(500), Given(1000, 3, 0, 1010), (10, 990, 1010), False, Evidence.FOUND),
        (a_ladder(500), Given(1500, 3, 0, 1010), (10, 990, 1010), False, Evidence.NOT_REACHED),
    ],
)
def test_the_log_bears_a_grant_out_or_does_not(
    milestone: Milestone, grant: Given, balances: tuple[int, ...], from_zero: bool, says: Evidence
) -> None:
    assert evidence(milestone, grant, points_of(*balances), from_zero=from_zero) is says


def test_what_was_forgotten_is_no_difference() -> None:
    kept = points_of(10, 20, 30, 40, 1200)[3:]
    since = kept[0].stamp
    assert evidence(a_milestone(), GRANT, kept, from_zero=False, kept_since=since) is Evidence.FORGOTTEN
    assert evidence(a_milestone(), GRANT, kept, from_zero=False) is Evidence.NO_SUCH_STATE
    # Something that was true before it, and came after it was forgotten.
    late = [a_point(10, 1), *kept]
    assert evidence(a_milestone(), GRANT, late, from_zero=False, kept_since=since) is Evidence.FORGOTTEN


@pytest.mark.parametrize(
    ("kept_since", "says"), [(None, Evidence.NEVER_BELOW), (Stamp(3), Evidence.FORGOTTEN)]
)
def test_what_lay_before_the_grant_may_be_forgotten_and_the_grant_itself_kept(
    kept_since: Stamp | None, says: Evidence
) -> None:
    kept = points_of(10, 990, 1010, 1200)[2:]
    assert evidence(a_milestone(), GRANT, kept, from_zero=False, kept_since=kept_since) is says


@pytest.mark.parametrize(
    ("after", "says"),
    [(a_point(1010, 9), Evidence.FOUND), (a_point(1020, 9), Evidence.NO_SUCH_STATE)],
)
def test_a_long_run_that_lets_the_point_of_the_grant_go_still_bears_it_out(
    after: Point, says: Evidence
) -> None:
    points = [a_point(10, 1), a_point(1010, 2), after]
    assert evidence(a_milestone(), GRANT, points, from_zero=False) is says
