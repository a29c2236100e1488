"""The difference between a file and a site, as a table: nothing here asks anybody."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.commands.program import answer_of
from milestones.domain.program import Content, Program, ThingKind, Value, Wanted
from milestones.program.difference import Change
from milestones.program.live import Features, Live, Thing
from milestones.program.plan import Plan, Verb, make
from milestones.program.read import reward_thing
from milestones.wix.errors import WixUnreadableError
from milestones.wix.rewards import DiscountAmount, DiscountConfig, Reward, RewardType

EARN, REWARD, TIER, BADGE = ThingKind.EARN, ThingKind.REWARD, ThingKind.TIER, ThingKind.BADGE


def a_wanted(kind: ThingKind, title: str, at: Any = None, **more: Any) -> Wanted:
    known = {key: more.pop(key) for key in ("id", "was") if key in more}
    return Wanted(kind, title, Content({"title": title, **more}, at or {}), **known)


def a_thing(kind: ThingKind, title: str, key: str = "", at: Any = None, **fields: Value) -> Thing:
    return Thing(kind, key or f"id of {title}", title, Content({"title": title, **fields}, at or {}))


def told(plan: Plan) -> list[str]:
    return [step.sentence for step in plan.steps]


def tier(title: str, points: int, **more: Any) -> Wanted:
    return a_wanted(TIER, title, points=points, **more)


def a_tier(title: str, points: int) -> Thing:
    return a_thing(TIER, title, points=points)


def test_a_file_that_says_nothing_wants_nothing() -> None:
    live = Live(active=True, tiers=(a_tier("Gold", 5),), badges=(a_thing(BADGE, "Star"),))
    assert make(Program(), live, prune=True) == Plan()


def test_what_is_as_it_should_be_is_no_step() -> None:
    live = Live(
        details={"name": "N"}, active=True, earn=(a_thing(EARN, "O", points=5, per_money=Decimal("1.0")),)
    )
    wanted = Program({"name": "N"}, active=True, earn=(a_wanted(EARN, "O", points=5, per_money=Decimal(1)),))
    assert make(wanted, live) == Plan()


def test_the_order_can_be_applied() -> None:
    wanted = Program(
        details={"name": "N"},
        active=True,
        expires=True,
        settings={"status": "active"},
        tiers=(tier("Gold", 5),),
        badges=(a_wanted(BADGE, "Star"),),
        earn=(a_wanted(EARN, "Orders", points=5, at={"Gold": {"points": 6}}),),
        rewards=(a_wanted(REWARD, "R", cost=5),),
    )
    assert [(step.kind.value, step.verb.value) for step in make(wanted, Live()).steps] == [
        ("program", "change"),
        ("tier", "create"),
        ("tiers", "change"),
        ("badge", "create"),
        ("earn", "create"),
        ("reward", "create"),
        ("program", "enable"),
        ("program", "activate"),
    ]
    paused = make(Program({"name": "M"}, active=False), Live({"name": "N"}, active=True))
    assert [step.verb for step in paused.steps] == [Verb.PAUSE, Verb.CHANGE], "first of all"


def test_a_draft_counts_as_paused() -> None:
    assert make(Program(active=False), Live(active=None)) == Plan()


MATCHES = [
    # wanted, things of the site, what is done
    ([tier("A", 1)], [a_tier("A", 1)], []),
    ([tier("A", 2)], [a_tier("A", 1)], ['Change the tier "A".']),
    ([tier("B", 1, was="A")], [a_tier("A", 1)], ['Rename the tier "A" to "B".']),
    ([tier("B", 2, was="A")], [a_tier("A", 1)], ['Rename the tier "A" to "B", and change it.']),
    ([tier("B", 1, was="A")], [a_tier("B", 1)], []),
    ([tier("B", 1, was="A")], [a_tier("B", 1), a_tier("A", 9)], []),
    ([tier("B", 1, id="id of A")], [a_tier("A", 1)], ['Rename the tier "A" to "B".']),
    ([tier("B", 1, was="A"), tier("A", 2)], [a_tier("A", 2)], ['Create the tier "B".']),
    (
        [tier("B", 1, was="C"), tier("A", 2)],
        [a_tier("A", 1)],
        ['Change the tier "A".', 'Create the tier "B".'],
    ),
    (
        [tier("A", 2), tier("B", 3)],
        [a_tier("A", 1), a_tier("B", 2)],
        ['Change the tier "B".', 'Change the tier "A".'],
    ),
]


@pytest.mark.parametrize(("wanted", "things", "done"), MATCHES)
def test_a_thing_is_found_by_id_then_title_then_what_it_was(
    wanted: list[Wanted], things: list[Thing], done: list[str]
) -> None:
    plan = make(Program(tiers=tuple(wanted)), Live(tiers=tuple(things)))
    assert (told(plan), plan.refusals) == (done, ())


def test_tiers_that_would_have_to_swap_are_refused() -> None:
    plan = make(Program(tiers=(tier("A", 2), tier("B", 1))), Live(tiers=(a_tier("A", 1), a_tier("B", 2))))
    assert len(plan.refusals) == 2
    assert (
        'The tier "A" cannot have its title and its points while the site has the tier "B" from 2'
        in plan.refusals[0]
    )


def test_a_deleted_tier_makes_room() -> None:
    plan = make(Program(tiers=(tier("A", 2),)), Live(tiers=(a_tier("B", 2),)), prune=True)
    assert (told(plan), plan.refusals) == (['Delete the tier "B".', 'Create the tier "A".'], ())


PRICES = [
    # base of the file, by tier; base of the site, by tier; changes
    (10, {}, 10, {}, []),
    (10, {"G": 10}, 10, {}, []),
    (10, {}, 10, {"G": 10}, []),
    (10, {"G": 20}, 10, {}, [("points in G", 10, 20)]),
    (10, {}, 10, {"G": 20}, [("points in G", 20, 10)]),
    (20, {}, 10, {}, [("points", 10, 20)]),
    (20, {}, 10, {"G": 20}, [("points", 10, 20)]),
    (20, {"G": 30}, 10, {"G": 30}, [("points", 10, 20)]),
    (None, {"G": 30}, 10, {}, [("points", 10, None), ("points in G", 10, 30)]),
    (10, {}, 10, {"gone": 7}, []),
]


@pytest.mark.parametrize(("points", "at", "before", "was", "changes"), PRICES)
def test_prices_by_tier_are_compared_by_what_they_come_to(
    points: int | None,
    at: dict[str, int],
    before: int,
    was: dict[str, int],
    changes: list[tuple[str, Any, Any]],
) -> None:
    rule = a_thing(EARN, "O", points=before, at={f"id of {key}": {"points": of} for key, of in was.items()})
    wanted = a_wanted(EARN, "O", points=points, at={key: {"points": of} for key, of in at.items()})
    plan = make(Program(earn=(wanted,)), Live(earn=(rule,), tiers=(a_tier("G", 5),)))
    found = [change for step in plan.steps for change in step.changes]
    assert found == [Change(*change) for change in changes]


def test_prices_follow_a_tier_that_is_renamed() -> None:
    rule = a_thing(EARN, "O", points=1, at={"id of Gold": {"points": 2}})
    wanted = a_wanted(EARN, "O", points=1, at={"Golden": {"points": 2}})
    live = Live(earn=(rule,), tiers=(a_tier("Gold", 5),))
    plan = make(Program(earn=(wanted,), tiers=(tier("Golden", 5, was="Gold"),)), live)
    assert told(plan) == ['Rename the tier "Gold" to "Golden".']


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        (Features(tiers=False), "Tiers need a paid plan"),
        (Features(expiration=False), "has no expiry of points"),
        (Features(program=False), "has no loyalty program"),
    ],
)
def test_what_the_plan_at_wix_does_not_allow_is_said_before(features: Features, sentence: str) -> None:
    wanted = Program({"name": "N"}, active=True, expires=True, tiers=(tier("A", 1),))
    [refusal] = make(wanted, Live(features=features)).refusals
    assert sentence in refusal


def test_a_title_from_the_dashboard_steers_no_terminal() -> None:
    plan = make(Program(badges=()), Live(badges=(a_thing(BADGE, "\x1b[31mred\u202e\ud800"),)), prune=True)
    assert told(plan) == ['Delete the badge "\ufffd[31mred\ufffd\ufffd", also from every member who has it.']
    answer_of(plan).model_dump_json()


@pytest.mark.parametrize("amount", ["1e999999999", "NaN", "Infinity", "1e-400"])
def test_an_amount_that_no_shop_has_is_a_sentence(amount: str) -> None:
    reward = Reward.model_construct(
        id="r",
        name="R",
        type=RewardType.DISCOUNT_AMOUNT,
        discount_amount=DiscountAmount.model_construct(
            configs_by_tier=(DiscountConfig.model_construct(cost_in_points=1, amount=Decimal(amount)),)
        ),
    )
    with pytest.raises(WixUnreadableError):
        reward_thing(reward)


def test_the_same_difference_has_the_same_fingerprint_and_another_has_not() -> None:
    wanted = Program(tiers=(tier("A", 2),))
    one = make(wanted, Live(tiers=(a_tier("A", 1),))).fingerprint
    assert one == make(wanted, Live(tiers=(a_tier("A", 1),), details={"name": "x"})).fingerprint
    assert one != make(wanted, Live(tiers=(a_tier("A", 3),))).fingerprint
    assert one != make(Program(tiers=(tier("A", 5),)), Live(tiers=(a_tier("A", 1),))).fingerprint


things = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(1, 5)),
    max_size=4,
    unique_by=(lambda t: t[0], lambda t: t[1]),
)


@given(wanted=things, live=things, prune=st.booleans())
def test_each_step_of_any_tiers_is_possible_when_its_turn_comes(
    wanted: list[tuple[str, int]], live: list[tuple[str, int]], prune: bool
) -> None:
    plan = make(
        Program(tiers=tuple(tier(*one) for one in wanted)),
        Live(tiers=tuple(a_tier(*one) for one in live)),
        prune=prune,
    )
    site = dict(live)
    for step in plan.steps:
        if step.verb is Verb.DELETE:
            del site[step.title]
        else:
            assert step.wanted is not None
            points = step.wanted.content.fields["points"]
            assert isinstance(points, int)
            assert points not in {of for title, of in site.items() if title != step.title}
            site[step.title] = points
    if not plan.refusals:
        assert dict(wanted).items() <= site.items()
        assert not prune or site == dict(wanted)
