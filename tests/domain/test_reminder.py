from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.milestone import Milestone
from milestones.domain.observation import Measure, Measures
from milestones.domain.policy import Rate
from milestones.domain.reminder import (
    GATES,
    Candidate,
    Circumstances,
    Reader,
    Reminded,
    Selected,
    Selection,
    select,
)
from milestones.domain.verdict import Verdict
from tests.builders import NOW, a_ladder, a_milestone, a_near_window, a_repeating

DAY = timedelta(days=1)
# The window of the builders: 100 points, every 30 days, 2 reminders for an approach.
ONCE = a_milestone(1000)
LADDER = a_ladder(1000)
EVERY = a_repeating(1000, rearm_below=200)


def a_candidate(balance: int = 950, **overrides: Any) -> Candidate:
    return Candidate(Measures(balance, balance), **overrides)


def reminded(days_ago: float, milestone: str = ONCE.key, approach: int = 1, number: int = 1) -> Reminded:
    return Reminded(milestone, approach, number, NOW - days_ago * DAY)


def asked(
    milestone: Milestone, candidate: Candidate, now: datetime = NOW, **overrides: Any
) -> tuple[Verdict, Selected | None]:
    selection = select([milestone], candidate, Circumstances(now, **overrides))
    ((key, verdict),) = selection.verdicts
    assert key == milestone.key
    return verdict, selection.reminder


@pytest.mark.parametrize(
    ("milestone", "candidate", "verdict"),
    [
        pytest.param(ONCE, a_candidate(899), Verdict.NOT_NEAR, id="101 missing"),
        pytest.param(ONCE, a_candidate(900), Verdict.NEAR, id="100 missing"),
        pytest.param(ONCE, a_candidate(999), Verdict.NEAR, id="1 missing"),
        pytest.param(ONCE, a_candidate(1000), Verdict.NOT_NEAR, id="reached"),
        pytest.param(
            a_milestone(1000, measure=Measure.TIER_POINTS), a_candidate(950), Verdict.NOT_TOLD, id="no tiers"
        ),
        pytest.param(
            ONCE, a_candidate(granted={ONCE.key: [1]}), Verdict.ALREADY_GIVEN, id="given, then points spent"
        ),
        pytest.param(
            ONCE,
            a_candidate(1200, granted={ONCE.key: [1]}),
            Verdict.ALREADY_GIVEN,
            id="given and still above",
        ),
        pytest.param(ONCE, a_candidate(granted={"another": [1]}), Verdict.NEAR, id="another one was given"),
        pytest.param(
            LADDER, a_candidate(1950, granted={LADDER.key: [1000]}), Verdict.NEAR, id="the next rung"
        ),
        pytest.param(
            LADDER,
            a_candidate(950, granted={LADDER.key: [1000]}),
            Verdict.ALREADY_GIVEN,
            id="a rung that was given before points were spent",
        ),
        pytest.param(a_ladder(200), a_candidate(1_999_950), Verdict.NEAR, id="the last rung, 200 x 10,000"),
        pytest.param(a_ladder(200), a_candidate(2_000_150), Verdict.LADDER_END, id="past the last rung"),
        pytest.param(EVERY, a_candidate(granted={EVERY.key: [1, 2]}), Verdict.NEAR, id="armed again"),
        pytest.param(EVERY, a_candidate(unarmed={EVERY.key}), Verdict.NOT_ARMED, id="not armed yet"),
        pytest.param(ONCE, a_candidate(reader=Reader(deleted=True)), Verdict.DELETED, id="deleted"),
        pytest.param(ONCE, a_candidate(reader=Reader(has_address=False)), Verdict.NO_ADDRESS, id="no mail"),
        pytest.param(
            ONCE, a_candidate(reader=Reader(usable_address=False)), Verdict.UNUSABLE_ADDRESS, id="malformed"
        ),
        pytest.param(ONCE, a_candidate(reader=Reader(suppressed=True)), Verdict.SUPPRESSED, id="opted out"),
        pytest.param(
            ONCE, a_candidate(reader=Reader(deliverable=False)), Verdict.UNDELIVERABLE, id="bounced"
        ),
        pytest.param(
            ONCE, a_candidate(reader=Reader(subscribed=False)), Verdict.NOT_SUBSCRIBED, id="never agreed"
        ),
        pytest.param(ONCE, a_candidate(reader=Reader(subscribed=True)), Verdict.NEAR, id="agreed"),
        pytest.param(ONCE, a_candidate(reader=Reader(subscribed=None)), Verdict.NEAR, id="nobody asked yet"),
        pytest.param(ONCE, a_candidate(reminded=[reminded(29)]), Verdict.TOO_SOON, id="29 of 30 days"),
        pytest.param(ONCE, a_candidate(reminded=[reminded(30)]), Verdict.NEAR, id="30 of 30 days"),
        pytest.param(
            ONCE, a_candidate(reminded=[reminded(-1)]), Verdict.TOO_SOON, id="the clock was set back"
        ),
        pytest.param(
            ONCE,
            a_candidate(reminded=[reminded(90), reminded(60, number=2)]),
            Verdict.ENOUGH_REMINDERS,
            id="2 of 2",
        ),
        pytest.param(ONCE, a_candidate(reminded=[reminded(1, "another")]), Verdict.NEAR, id="of another"),
        pytest.param(
            LADDER,
            a_candidate(1950, reminded=[reminded(1, LADDER.key, 1000), reminded(1, LADDER.key, 1000, 2)]),
            Verdict.NEAR,
            id="of an earlier rung",
        ),
        pytest.param(
            LADDER,
            a_candidate(1950, reminded=[reminded(1, LADDER.key, 2000)]),
            Verdict.TOO_SOON,
            id="of this rung",
        ),
    ],
)
def test_each_reason_has_its_verdict(milestone: Milestone, candidate: Candidate, verdict: Verdict) -> None:
    found, reminder = asked(milestone, candidate)
    assert found is verdict
    assert (reminder is not None) is (verdict is Verdict.NEAR)


@pytest.mark.parametrize(
    ("circumstances", "verdict"),
    [
        ({"site_active": False}, Verdict.SITE_NOT_ACTIVE),
        ({"program_active": False}, Verdict.PROGRAM_NOT_ACTIVE),
        ({"paused": {ONCE.key}}, Verdict.PAUSED),
        ({"paused": {"another"}}, Verdict.NEAR),
        ({"at_most": Rate(1, 7 * DAY)}, Verdict.NEAR),
    ],
)
def test_a_site_or_a_milestone_may_be_out_of_action(circumstances: dict[str, Any], verdict: Verdict) -> None:
    assert asked(ONCE, a_candidate(), **circumstances)[0] is verdict


@pytest.mark.parametrize(
    ("milestone", "candidate", "selected"),
    [
        (ONCE, a_candidate(950), Selected(ONCE.key, approach=1, number=1, value=950, missing=50)),
        (
            ONCE,
            a_candidate(950, reminded=[reminded(31)]),
            Selected(ONCE.key, approach=1, number=2, value=950, missing=50),
        ),
        (LADDER, a_candidate(2999), Selected(LADDER.key, approach=3000, number=1, value=2999, missing=1)),
        (EVERY, a_candidate(900), Selected(EVERY.key, approach=1, number=1, value=900, missing=100)),
        (
            EVERY,
            a_candidate(900, granted={EVERY.key: [1, 2]}, reminded=[reminded(40, EVERY.key, 3)]),
            Selected(EVERY.key, approach=3, number=2, value=900, missing=100),
        ),
    ],
)
def test_a_reminder_knows_its_approach_and_its_number(
    milestone: Milestone, candidate: Candidate, selected: Selected
) -> None:
    assert asked(milestone, candidate) == (Verdict.NEAR, selected)


def several(candidate: Candidate, *milestones: Milestone, at_most: Rate | None = None) -> Selection:
    return select(milestones, candidate, Circumstances(NOW, at_most=at_most))


def test_of_several_near_milestones_the_nearest_is_taken() -> None:
    selection = several(a_candidate(950), a_milestone(1040, key="a"), a_milestone(1000, key="b"))
    assert dict(selection.verdicts) == {"a": Verdict.NEARER_ONE, "b": Verdict.NEAR}
    assert selection.reminder is not None
    assert selection.reminder.milestone == "b"


def test_of_equally_near_ones_the_first_by_key_is_taken() -> None:
    selection = several(a_candidate(950), a_milestone(1000, key="b"), a_milestone(1000, key="a"))
    assert selection.verdicts == (("b", Verdict.NEARER_ONE), ("a", Verdict.NEAR))


def test_a_gate_that_closes_for_the_nearest_leaves_the_next_one() -> None:
    candidate = a_candidate(950, granted={"b": [1]})
    selection = several(candidate, a_milestone(1040, key="a"), a_milestone(1000, key="b"))
    assert dict(selection.verdicts) == {"a": Verdict.NEAR, "b": Verdict.ALREADY_GIVEN}


def test_the_policy_counts_reminders_of_all_milestones() -> None:
    candidate = a_candidate(950, reminded=[reminded(6, "one that is gone")])
    selection = several(candidate, ONCE, a_milestone(2000), at_most=Rate(1, 7 * DAY))
    assert selection == Selection(((ONCE.key, Verdict.AT_MOST), ("stars-2000", Verdict.NOT_NEAR)), None)
    assert several(candidate, ONCE, at_most=Rate(1, 6 * DAY)).reminder is not None
    assert several(candidate, ONCE, at_most=Rate(2, 7 * DAY)).reminder is not None


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("overrides", "verdict"),
    [
        ({"reminded": [reminded(0.99, "another")]}, Verdict.ONE_AT_A_TIME),
        ({"reminded": [reminded(1, "another")]}, Verdict.NEAR),
        ({"reminded": [reminded(-1, "another")]}, Verdict.ONE_AT_A_TIME),
        ({"reminded": [reminded(0.5, ONCE.key, approach=7)]}, Verdict.ONE_AT_A_TIME),
        ({"others": [NOW - HOUR]}, Verdict.ONE_AT_A_TIME),
        ({"others": [NOW - DAY]}, Verdict.NEAR),
        # Recorded long ago, and kept by a night or a pause.
        ({"reminded": [reminded(9, "another")], "waiting": True}, Verdict.ONE_AT_A_TIME),
        ({"reminded": [reminded(31)], "waiting": True}, Verdict.ONE_AT_A_TIME),
        ({"reminded": [reminded(9, "another")], "left": [("another", NOW - HOUR)]}, Verdict.ONE_AT_A_TIME),
        ({"left": [(None, NOW - HOUR)]}, Verdict.ONE_AT_A_TIME),
        ({"left": [("another", NOW - DAY)]}, Verdict.NEAR),
        # How soon it is told of the same again, a milestone says itself.
        ({"reminded": [reminded(31)], "left": [(ONCE.key, NOW - HOUR)]}, Verdict.NEAR),
    ],
)
@pytest.mark.parametrize("at_most", [None, Rate(9, 7 * DAY)])
def test_one_reminder_at_a_time_comes_to_one_customer(
    overrides: dict[str, Any], verdict: Verdict, at_most: Rate | None
) -> None:
    assert asked(ONCE, a_candidate(**overrides), at_most=at_most)[0] is verdict


def test_the_policy_counts_those_of_the_customers_other_accounts() -> None:
    candidate = a_candidate(others=[NOW - 6 * DAY])
    assert asked(ONCE, candidate, at_most=Rate(1, 7 * DAY))[0] is Verdict.AT_MOST
    assert asked(ONCE, candidate, at_most=Rate(2, 7 * DAY))[0] is Verdict.NEAR


def test_every_no_of_several_has_its_own_name() -> None:
    near = [a_milestone(1000, key="a"), a_ladder(500, key="b"), a_milestone(1010, key="c")]
    assert dict(several(a_candidate(950), *near).verdicts) == {
        "a": Verdict.NEAR,
        "b": Verdict.NEARER_ONE,
        "c": Verdict.NEARER_ONE,
    }
    said = several(a_candidate(950, reminded=[reminded(2, "a")]), *near, at_most=Rate(1, 7 * DAY)).verdicts
    assert dict(said) == {"a": Verdict.TOO_SOON, "b": Verdict.AT_MOST, "c": Verdict.AT_MOST}


def test_a_milestone_without_a_near_window_is_not_asked() -> None:
    assert several(a_candidate(), a_milestone(1000, near=None)) == Selection((), None)


WRONG: list[tuple[Verdict, str, dict[str, Any]]] = [
    (Verdict.ALREADY_GIVEN, "candidate", {"granted": {ONCE.key: [1]}}),
    (Verdict.NOT_ARMED, "candidate", {"unarmed": {ONCE.key}}),
    (Verdict.SITE_NOT_ACTIVE, "circumstances", {"site_active": False}),
    (Verdict.PROGRAM_NOT_ACTIVE, "circumstances", {"program_active": False}),
    (Verdict.PAUSED, "circumstances", {"paused": {ONCE.key}}),
    (Verdict.DELETED, "reader", {"deleted": True}),
    (Verdict.NO_ADDRESS, "reader", {"has_address": False}),
    (Verdict.UNUSABLE_ADDRESS, "reader", {"usable_address": False}),
    (Verdict.SUPPRESSED, "reader", {"suppressed": True}),
    (Verdict.UNDELIVERABLE, "reader", {"deliverable": False}),
    (Verdict.NOT_SUBSCRIBED, "reader", {"subscribed": False}),
    (Verdict.ENOUGH_REMINDERS, "candidate", {"reminded": [reminded(2), reminded(1, number=2)]}),
    (Verdict.TOO_SOON, "candidate", {"reminded": [reminded(1)]}),
    (Verdict.AT_MOST, "candidate", {"others": [NOW - 0.5 * DAY]}),
    (Verdict.ONE_AT_A_TIME, "candidate", {"waiting": True}),
]


@pytest.mark.parametrize("first", range(len(WRONG)))
def test_of_several_reasons_the_first_in_the_visible_list_is_told(first: int) -> None:
    parts: dict[str, dict[str, Any]] = {"candidate": {}, "reader": {}, "circumstances": {}}
    for _, part, fields in reversed(WRONG[first:]):
        parts[part] |= fields
    candidate = a_candidate(reader=Reader(**parts["reader"]), **parts["candidate"])
    assert asked(ONCE, candidate, at_most=Rate(1, 7 * DAY), **parts["circumstances"])[0] is WRONG[first][0]


def test_the_visible_list_holds_nothing_else() -> None:
    # The last two are no gates, since they look at all milestones; NOT_TOLD, LADDER_END and NOT_NEAR exclude the others.
    assert len(GATES) == len(WRONG) - 2 + 3


MILESTONES = [
    ONCE,
    LADDER,
    EVERY,
    a_milestone(1100, key="wide", near=a_near_window(within=500, max_reminders=1)),
    a_milestone(1000, key="silent", near=None),
]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1500)), max_size=40),
    st.sampled_from([None, Rate(1, 7 * DAY), Rate(2, 7 * DAY)]),
)
def test_however_often_it_is_asked_no_limit_is_exceeded(
    visits: list[tuple[int, int]], at_most: Rate | None
) -> None:
    """Scans at any time with any balance, each recording what was selected, as the pipeline does."""
    now, past = NOW, list[Reminded]()
    for days, balance in visits:
        now += days * DAY
        candidate = a_candidate(balance, reminded=tuple(past))
        selection = select(MILESTONES, candidate, Circumstances(now, at_most=at_most))
        assert [key for key, _ in selection.verdicts] == [m.key for m in MILESTONES if m.near is not None]
        open_ones = [key for key, verdict in selection.verdicts if verdict is Verdict.NEAR]
        chosen = selection.reminder
        assert open_ones == ([] if chosen is None else [chosen.milestone])
        if chosen is not None:
            past.append(Reminded(chosen.milestone, chosen.approach, chosen.number, now))
    assert len({(one.milestone, one.approach, one.number) for one in past}) == len(past)
    for one in past:
        near = next(m.near for m in MILESTONES if m.key == one.milestone)
        assert near is not None
        assert 1 <= one.number <= near.max_reminders
        for other in past:
            same = (other.milestone, other.approach) == (one.milestone, one.approach) and other is not one
            assert not same or abs(other.at - one.at) >= near.remind_every
            assert other is one or same or abs(other.at - one.at) >= DAY
    if at_most is not None:
        for one in past:
            assert len([o for o in past if one.at <= o.at < one.at + at_most.period]) <= at_most.times
