from dataclasses import replace
from datetime import timedelta

import pytest

from milestones.domain.account import (
    AccountState,
    Definitions,
    Taken,
    Version,
    find_owed_under,
    history_for,
    is_late,
    news,
    take,
)
from milestones.domain.crossing import Given
from milestones.domain.milestone import Milestone
from milestones.domain.observation import (
    START,
    Customer,
    Measure,
    Measures,
    Observation,
    Run,
    Source,
    compress,
)
from tests.builders import (
    CONTACT,
    GO_LIVE,
    a_customer,
    a_milestone,
    a_point,
    a_repeating,
    an_observation,
    points_of,
)

DAY = timedelta(days=1)
ONCE = a_milestone(1000)
EVERY = a_repeating(1000, rearm_below=200)
YOUNG = GO_LIVE + DAY


def definitions(*milestones: Milestone, number: int = 1) -> Definitions:
    """All of one number, in force since go-live."""
    return Definitions.of(number, [Version(milestone, number, GO_LIVE) for milestone in milestones])


BOTH = definitions(ONCE, EVERY)


def heard(
    known: AccountState | None, *seen: Observation, past: tuple[Run, ...] = (), under: Definitions = BOTH
) -> Taken:
    return take(known, news(known, seen), past, under)


def known_at(*balances: int, created_days: int = -400) -> AccountState:
    """An account that was observed with these balances at revision 1, 2, 3..."""
    created_at = GO_LIVE + created_days * DAY
    return heard(
        None, *(an_observation(point=point, created_at=created_at) for point in points_of(*balances))
    ).state


def test_a_baseline_crosses_nothing() -> None:
    taken = heard(None, an_observation(1200, source=Source.BASELINE))
    assert taken.crossed == frozenset()
    assert (taken.state.first, taken.state.ordinal, taken.rewritten) == (a_point(1200).stamp, 0, False)
    assert taken.runs == {0: Run(a_point(1200).measures, (a_point(1200).stamp,))}
    assert taken.source is Source.BASELINE


def test_an_account_that_is_younger_than_the_definitions_began_with_nothing() -> None:
    taken = heard(None, an_observation(1200, created_at=YOUNG))
    assert taken.crossed == {ONCE.key, EVERY.key}
    history = history_for(taken.state, list(taken.runs.values()), BOTH.versions[ONCE.key])
    assert history == [START, a_point(1200)]


def test_without_definitions_nothing_is_younger() -> None:
    taken = heard(None, an_observation(1200, created_at=YOUNG), under=definitions())
    assert taken.crossed == frozenset()


def test_in_order_only_the_newest_run_is_touched() -> None:
    known = known_at(100, 200, 950)
    taken = heard(known, an_observation(1010, 5), an_observation(950, 4))
    assert taken.crossed == {ONCE.key, EVERY.key}
    assert not taken.rewritten
    # Runs 0 and 1 stay as they are; run 2 is stretched and run 3 is new.
    stretched, new = compress([a_point(950, 3), a_point(950, 4), a_point(1010, 5)])
    assert taken.runs == {2: stretched, 3: new}
    assert (taken.state.last, taken.state.ordinal) == (new, 3)


def test_a_repeat_of_the_newest_run_is_no_news() -> None:
    known = known_at(900, 950)
    assert news(known, [an_observation(950, 2), an_observation(950, 2)]) == []
    read_of_the_same = an_observation(point=a_point(950, 2, sequence=0))
    event = heard(known, an_observation(point=a_point(960, 3, sequence=41))).state
    assert news(event, [an_observation(point=a_point(960, 3, sequence=0))]) == []
    assert news(known, [read_of_the_same]) == []


def test_a_batch_is_put_in_its_true_order_and_freed_of_repeats() -> None:
    batch = [an_observation(950, 3), an_observation(900, 2), an_observation(950, 3)]
    assert [item.point for item in news(None, batch)] == [a_point(900, 2), a_point(950, 3)]


def test_of_two_that_tell_the_same_the_one_that_knows_more_is_kept() -> None:
    short, full = an_observation(created_at=None), an_observation(created_at=YOUNG)
    assert news(None, [short, full]) == news(None, [full, short]) == [full]


@pytest.mark.parametrize(
    ("point", "late"),
    [
        (a_point(950, 6), False),
        (a_point(950, 4), False),  # inside the newest run and equal: a witness, no news of the past
        (a_point(960, 4), True),  # splits it
        (a_point(950, 2), True),  # before it
        (a_point(900, 1), True),
    ],
)
def test_late_is_what_needs_more_than_the_newest_run(point: object, late: bool) -> None:
    known = heard(known_at(900), an_observation(950, 3), an_observation(950, 5)).state
    assert is_late(known, [an_observation(point=point)]) is late  # type: ignore[arg-type]


def test_nothing_is_late_for_an_unknown_account() -> None:
    assert not is_late(None, [an_observation()])


def test_something_late_puts_every_milestone_up_for_judgement_and_rewrites_the_history() -> None:
    known = known_at(900, 950, 900)
    past = compress(points_of(900, 950, 900))
    late = an_observation(point=a_point(1100, 2, at=5), source=Source.SWEEP)
    taken = heard(known, late, past=past)
    assert taken.crossed == {ONCE.key, EVERY.key}
    assert taken.rewritten
    assert list(taken.runs.values()) == list(compress([*points_of(900, 950, 900), late.point]))
    assert (taken.state.last.last, taken.state.ordinal) == (a_point(900, 3), 3)


def test_a_late_repeat_writes_nothing_and_puts_nothing_up_for_judgement() -> None:
    known, past = known_at(10, 1200, 300), compress(points_of(10, 1200, 300))
    taken = heard(known, an_observation(1200, 2), past=past)
    assert (taken.runs, taken.rewritten, taken.crossed) == ({}, False, frozenset())
    assert (taken.state.last, taken.state.ordinal) == (known.last, known.ordinal)


def test_what_is_left_of_a_history_keeps_its_places_when_it_is_rewritten() -> None:
    known, left = known_at(10, 20, 1200, 300), compress(points_of(10, 20, 1200, 300))[2:]
    taken = heard(known, an_observation(point=a_point(700, 3, at=5)), past=left)
    assert taken.rewritten
    assert (sorted(taken.runs), taken.state.ordinal) == ([2, 3, 4], 4)


def test_a_date_of_creation_that_comes_later_puts_the_whole_past_up_for_judgement() -> None:
    # An event of points tells no date of creation; 1,200 looked like somebody who had been there for long.
    known = heard(None, an_observation(1200, 2, created_at=None)).state
    taken = heard(known, an_observation(1200, 2, created_at=YOUNG))
    assert taken.crossed == {ONCE.key, EVERY.key}
    assert not taken.rewritten
    assert taken.state.created_at == YOUNG
    for key in (ONCE.key, EVERY.key):
        assert history_for(taken.state, list(taken.runs.values()), BOTH.versions[key])[0] == START
    # Told again it is no news.
    assert news(taken.state, [an_observation(1200, 2, created_at=YOUNG)]) == []


def test_every_looks_no_further_back_than_the_first_decision_and_once_does() -> None:
    known = heard(None, an_observation(900, 5)).state
    taken = heard(known, an_observation(1100, 3), past=(known.last,))
    runs = list(taken.runs.values())
    assert history_for(taken.state, runs, BOTH.versions[ONCE.key]) == [a_point(1100, 3), a_point(900, 5)]
    assert history_for(taken.state, runs, BOTH.versions[EVERY.key]) == [a_point(900, 5)]


def test_a_changed_definition_starts_from_what_was_known_when_it_came() -> None:
    known = known_at(500, 950)
    changed = Version(a_milestone(900, key=ONCE.key), 2, GO_LIVE + DAY)
    later = Definitions.of(2, [changed, BOTH.versions[EVERY.key]])
    taken = heard(known, an_observation(1010, 3), under=later)
    # 500 to 950 passed the new threshold of 900, but under the old one of 1,000.
    assert taken.crossed == {EVERY.key}
    assert (taken.state.definitions, taken.state.bases) == (2, {ONCE.key: a_point(950, 2)})
    runs = compress([*points_of(500, 950), a_point(1010, 3)])
    assert history_for(taken.state, runs, changed) == [a_point(950, 2), a_point(1010, 3)]
    assert history_for(taken.state, runs, BOTH.versions[EVERY.key])[0] == a_point(500, 1)
    # The base stays where it is when more is heard.
    assert heard(taken.state, an_observation(1020, 4), under=later).state.bases == taken.state.bases


def test_a_base_stands_although_the_account_proves_younger_than_the_version() -> None:
    known = heard(None, an_observation(950, 2, created_at=None)).state
    changed = Version(a_milestone(900, key=ONCE.key), 2, GO_LIVE)
    taken = heard(known, an_observation(960, 3, created_at=YOUNG), under=Definitions.of(2, [changed]))
    assert history_for(taken.state, [taken.state.last], changed) == [a_point(960, 3)]


def tier(points: int | None, revision: int = 7, balance: int = 500) -> Observation:
    return an_observation(point=a_point(balance, revision, at=1, tier_points=points))


def test_a_version_looks_at_nothing_that_was_told_before_it_although_the_stamp_stood_still() -> None:
    # The recalculation of tiers may leave revision and date alone for months (docs/wix-api.md, 8).
    known = heard(None, tier(900), tier(1100)).state
    changed = Version(a_milestone(1000, measure=Measure.TIER_POINTS), 2, GO_LIVE + DAY)
    later = Definitions.of(2, [changed])
    taken = heard(known, tier(None, 8), tier(1100, 9), under=later)
    points = history_for(taken.state, [*compress([tier(900).point]), *taken.runs.values()], changed)
    assert [point.measures.tier_points for point in points] == [1100, 1100, 1100]


def test_what_an_event_is_silent_about_stands_as_it_was_told_last() -> None:
    known = heard(None, tier(900)).state
    state = heard(known, tier(None, 8, balance=520)).state
    assert (state.measures, state.last.measures) == (Measures(520, 520, 900), Measures(520, 520, None))
    assert state.now == a_point(520, 8, at=1, tier_points=900)
    runs = (known.last, state.last)
    assert heard(state, tier(700), past=runs).state.measures == Measures(520, 520, 900)
    assert heard(state, tier(950), past=runs).state.measures == Measures(520, 520, 950)


def test_what_another_version_gave_is_in_no_cycle_of_this_one() -> None:
    # It looked at the earned points, where this one looks at the balance: 1,100 of one say nothing of the other.
    point = a_point(10, 5, earned=1100)
    version = Version(EVERY, 2, GO_LIVE)
    points, before = [point, a_point(1000, 6)], Given(1, 5, value=1100, version=1)
    assert [one.occurrence for one in find_owed_under(version, points, [before])] == [2]
    mine = Given(2, 6, value=1000, version=2)
    assert find_owed_under(version, points, [before, mine]) == []


# Customers


def test_the_newest_observation_tells_whose_the_account_is() -> None:
    known = heard(None, an_observation(900, 1, customer=a_customer(email="old@example.com"))).state
    state = heard(known, an_observation(950, 2, customer=Customer(email="new@example.com"))).state
    assert state.customer == a_customer(email="new@example.com")


def test_something_late_fills_gaps_and_overwrites_nothing() -> None:
    known = heard(None, an_observation(950, 2, customer=Customer(email="new@example.com"))).state
    late = an_observation(900, 1, customer=a_customer(email="old@example.com"))
    state = heard(known, late, past=(known.last,)).state
    assert state.customer == a_customer(email="new@example.com")


def test_a_repeat_that_tells_of_a_member_or_an_address_is_news() -> None:
    known = heard(None, an_observation(customer=a_customer(member_id=None, email=None))).state
    for told in (Customer(member_id="m"), Customer(email="ada@example.com")):
        assert news(known, [an_observation(customer=told)]) != []
    state = heard(known, an_observation(customer=a_customer())).state
    assert state.customer == a_customer()
    assert news(state, [an_observation(customer=a_customer(email="other@example.com"))]) == []


ERASED_AT = GO_LIVE + 3 * DAY
OTHER = a_customer(contact_id="c2", member_id=None, email="bob@example.com", name="Bob")


def erased() -> AccountState:
    """An account that was Ada's, as it is loaded after her contact was deleted."""
    known = heard(None, an_observation(customer=a_customer())).state
    return replace(known, customer=Customer(), contact_key="key", erased_at=ERASED_AT)


def heard_of_the_gone(known: AccountState | None, *seen: Observation) -> AccountState:
    return take(known, news(known, seen), (), BOTH, {CONTACT: ERASED_AT}).state


def test_what_was_erased_is_not_brought_back() -> None:
    assert news(erased(), [an_observation(customer=a_customer())]) == []
    for customer in (a_customer(), Customer(email="ada@example.com", name="Ada")):
        state = heard_of_the_gone(erased(), an_observation(990, 18, customer=customer))
        assert state.customer in {Customer(contact_id=CONTACT), Customer()}
        assert state.erased_at == ERASED_AT


def test_somebody_who_is_gone_is_not_written_down_though_the_account_is_new() -> None:
    state = heard_of_the_gone(None, an_observation(customer=a_customer()))
    assert (state.customer, state.erased_at) == (Customer(contact_id=CONTACT), ERASED_AT)


def test_an_account_whose_contact_turns_out_to_be_gone_forgets_all_that_it_knew() -> None:
    known = heard(None, an_observation(customer=Customer(email="ada@example.com"))).state
    state = heard_of_the_gone(known, an_observation(customer=a_customer()))
    assert (state.customer, state.erased_at) == (Customer(contact_id=CONTACT), ERASED_AT)


def test_an_erased_account_that_passes_to_another_contact_is_that_ones() -> None:
    state = heard_of_the_gone(erased(), an_observation(990, 18, customer=OTHER))
    assert (state.customer, state.erased_at) == (OTHER, None)
    late = take(erased(), [an_observation(900, 3, customer=OTHER)], (erased().last,), BOTH).state
    assert (late.customer, late.erased_at) == (Customer(), ERASED_AT)


def test_two_contacts_are_never_mixed_into_one_customer() -> None:
    known = heard(None, an_observation(950, 2, customer=a_customer())).state
    state = heard(known, an_observation(960, 3, customer=OTHER)).state
    assert state.customer == OTHER
    late = heard(known, an_observation(900, 1, customer=OTHER), past=(known.last,)).state
    assert late.customer == a_customer()
