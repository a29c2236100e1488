import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain import keys
from milestones.domain.actions import FINAL, PlannedAction, State, plan_grant, plan_reminder
from milestones.domain.milestone import Consent, Reward
from milestones.kinds.coupon.payload import Discount, WhenUnmailable
from tests.builders import (
    ACCOUNT,
    NOW,
    SECRET,
    SITE,
    a_badge,
    a_context,
    a_coupon,
    a_crossing,
    a_ladder,
    a_milestone,
    a_near_window,
    a_webhook,
    an_email,
    some_points,
)

NOW_MS = 1_795_166_130_000  # 2026-11-20T09:15:30Z
DAY_MS = 86_400_000
TONIGHT_MS = (NOW_MS // DAY_MS + 1) * DAY_MS - 1
USES = [frozenset({"coupon"}), frozenset({"badge"}), frozenset({"coupon", "badge"}), frozenset({"points"})]
REWARDS = st.lists(
    st.one_of(
        st.sampled_from(USES).map(lambda uses: an_email(uses=uses)),
        st.sampled_from([a_coupon(), a_badge(), some_points(), a_webhook()]),
    ),
    max_size=8,
)


def planned(*rewards: Reward, **overrides: Any) -> tuple[PlannedAction, ...]:
    milestone = a_milestone(1000, rewards=rewards, **overrides)
    return plan_grant(a_crossing(milestone, value=1010), a_context())


def specification(**overrides: Any) -> dict[str, Any]:
    (action,) = planned(a_coupon(**overrides))
    found = action.payload["specification"]
    assert isinstance(found, dict)
    return found


def test_a_grant_owes_its_rewards_in_order_with_what_people_read_at_the_end() -> None:
    actions = planned(an_email(), a_coupon(), a_webhook(), a_badge(), some_points())
    assert [action.kind for action in actions] == [
        "coupon",
        "badge",
        "points",
        "email",
        "webhook",
    ]
    assert [action.position for action in actions] == [0, 1, 2, 3, 4]
    owner = keys.grant_key(SITE, ACCOUNT, "stars-1000", 1)
    assert [action.key for action in actions] == [f"{owner}#{position}" for position in range(5)]
    assert {action.available_at for action in actions} == {NOW}


def test_a_grant_without_rewards_owes_nothing() -> None:
    assert planned() == ()


@pytest.mark.parametrize(
    ("uses", "waits_for"),
    [
        (frozenset(), ()),
        (frozenset({"points", "milestone"}), ()),
        (frozenset({"coupon"}), (0, 2)),
        (frozenset({"badge"}), (1,)),
        (frozenset({"coupon", "badge"}), (0, 1, 2)),
    ],
)
def test_a_mail_waits_for_what_its_template_shows_and_for_nothing_else(
    uses: frozenset[str], waits_for: tuple[int, ...]
) -> None:
    actions = planned(a_coupon(), a_badge(), a_coupon(), some_points(), an_email(uses=uses))
    assert [action.waits_for for action in actions] == [(), (), (), (), waits_for]


@given(REWARDS)
def test_whatever_is_owed_mails_come_last_wait_for_what_precedes_them_and_are_json(
    rewards: Sequence[Reward],
) -> None:
    actions = planned(*rewards)
    assert len(actions) == len(rewards)
    told = [action.kind in {"email", "webhook"} for action in actions]
    assert told == sorted(told)
    assert len({action.key for action in actions}) == len(actions)
    for action in actions:
        assert json.loads(json.dumps(action.payload)) == action.payload
        assert all(actions[position].kind in {"coupon", "badge"} for position in action.waits_for)
        assert all(position < action.position for position in action.waits_for)


def test_every_action_carries_the_facts_of_its_grant() -> None:
    for action in planned(a_coupon(), a_badge(), some_points(), an_email(), a_webhook()):
        assert action.payload["milestone"] == {"key": "stars-1000", "title": "1,000 stars", "threshold": 1000}
        assert action.payload["points"] == {"measure": "balance", "value": 1010}
        assert action.payload["configuration"] == "c0ffee"
        assert "settle" not in action.payload


def test_the_threshold_of_a_rung_is_the_rung() -> None:
    ladder = a_ladder(1000, rewards=(a_badge(),), settle_for=timedelta(days=1))
    (action,) = plan_grant(a_crossing(ladder, occurrence=3000, value=3400), a_context())
    assert action.payload["milestone"]["threshold"] == 3000
    assert action.payload["settle"]["threshold"] == 3000
    assert action.key == keys.grant_key(SITE, ACCOUNT, "ladder", 3000) + "#0"


def test_a_return_period_shifts_when_it_is_given_and_how_long_it_is_valid() -> None:
    fortnight = timedelta(days=14)
    coupon, mail = planned(a_coupon(valid_for=timedelta(days=30)), an_email(), settle_for=fortnight)
    assert (coupon.available_at, mail.available_at) == (NOW + fortnight, NOW + fortnight)
    assert coupon.payload["specification"]["startTime"] == NOW_MS + 14 * DAY_MS
    assert coupon.payload["specification"]["expirationTime"] == TONIGHT_MS + (14 + 30) * DAY_MS
    # 14 x 86,400 seconds; the threshold must still be reached then.
    settle = {"measure": "balance", "threshold": 1000, "seconds": 1_209_600.0, "repeat": "once"}
    assert coupon.payload["settle"] == mail.payload["settle"] == settle


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            {},
            {
                "percentOffRate": 10.0,
                "scope": {"namespace": "stores"},
                "expirationTime": TONIGHT_MS + 30 * DAY_MS,
            },
        ),
        ({"valid_for": None}, {"percentOffRate": 10.0, "scope": {"namespace": "stores"}}),
        (
            {
                "discount": Discount.MONEY_OFF,
                "amount": "4.99",
                "scope": None,
                "minimum_subtotal": "20",
                "valid_for": None,
            },
            {"moneyOffAmount": 4.99, "minimumSubtotal": 20.0},
        ),
        (
            {"discount": Discount.FREE_SHIPPING, "amount": None, "scope": None, "valid_for": None},
            {"freeShipping": True},
        ),
        (
            {
                "discount": Discount.FIXED_PRICE,
                "amount": "9.5",
                "scope": "stores/product/p1",
                "limited_to_one_item": True,
                "valid_for": None,
            },
            {
                "fixedPriceAmount": 9.5,
                "limitedToOneItem": True,
                "scope": {"namespace": "stores", "group": {"name": "product", "entityId": "p1"}},
            },
        ),
        (
            {"scope": "events/ticket", "valid_for": None},
            {"percentOffRate": 10.0, "scope": {"namespace": "events", "group": {"name": "ticket"}}},
        ),
    ],
)
def test_a_coupon_is_frozen_as_the_specification_that_wix_takes(
    overrides: dict[str, Any], expected: dict[str, Any]
) -> None:
    always = {"name": "10% off for 1,000 stars", "startTime": NOW_MS, "usageLimit": 1, "active": True}
    found = specification(**overrides)
    code = found.pop("code")
    assert found == {**always, **expected}
    assert code == keys.coupon_code(SECRET, keys.grant_key(SITE, ACCOUNT, "stars-1000", 1) + "#0")


def test_two_coupons_of_one_grant_have_two_codes_each_with_its_prefix() -> None:
    first, second = planned(a_coupon(prefix="star"), a_coupon(prefix="star"))
    codes = [action.payload["specification"]["code"] for action in (first, second)]
    assert len(set(codes)) == 2
    assert all(code.startswith("STAR") for code in codes)


def test_a_coupon_says_whether_it_is_made_for_somebody_who_cannot_be_mailed() -> None:
    waiting, made = planned(a_coupon(when_unmailable=WhenUnmailable.WAIT), a_coupon())
    assert (waiting.payload["when_unmailable"], made.payload["when_unmailable"]) == ("wait", "create")


@pytest.mark.parametrize(
    ("mails", "consent"),
    [
        ((), "marketing"),
        ((an_email(uses=frozenset({"coupon"})),), "marketing"),
        ((an_email(uses=frozenset({"coupon"}), consent=Consent.SERVICE),), "service"),
        ((an_email(uses=frozenset(), consent=Consent.SERVICE),), "marketing"),
    ],
)
def test_a_coupon_knows_what_it_takes_to_tell_of_it(mails: tuple[Reward, ...], consent: str) -> None:
    coupon, *_ = planned(a_coupon(), *mails)
    assert coupon.payload["consent"] == consent


def test_the_other_rewards_are_frozen_with_the_keys_of_their_effects() -> None:
    badge, points, mail, webhook = planned(
        a_badge(title=None, badge_id="b1", create=True),
        some_points(amount=50, description="A present", cap=(1, timedelta(days=30))),
        an_email(template="reached", consent=Consent.SERVICE),
        a_webhook(),
    )
    owner = keys.grant_key(SITE, ACCOUNT, "stars-1000", 1)
    assert reward_of(badge) == {"title": None, "badge_id": "b1", "create": True}
    assert reward_of(points) == {
        "amount": 50,
        "description": "A present",
        "idempotency_key": keys.idempotency_key(SECRET, f"{owner}#1"),
        "cap": [1, 2_592_000.0],  # 30 x 86,400 seconds
    }
    assert reward_of(mail) == {"template": "reached", "consent": "service"}
    assert reward_of(webhook) == {
        "url": "https://crm.example.com/hook",
        "secret_name": "CRM_SECRET",
        "webhook_id": keys.webhook_id(SECRET, f"{owner}#3"),
    }
    assert reward_of(planned(some_points())[0])["cap"] is None


def reward_of(action: PlannedAction) -> dict[str, Any]:
    return {
        name: value
        for name, value in action.payload.items()
        if name not in {"milestone", "points", "configuration"}
    }


def test_planning_again_gives_the_same_actions() -> None:
    rewards = (a_coupon(), a_badge(), some_points(), an_email(), a_webhook())
    assert planned(*rewards) == planned(*rewards)


def test_a_context_does_not_show_its_secret() -> None:
    assert SECRET.decode() not in repr(a_context())


def test_a_reminder_owes_one_mail_that_tells_what_is_missing_and_promised() -> None:
    milestone = a_milestone(
        1000,
        near=a_near_window(within=100, template="almost-there"),
        rewards=(a_coupon(name="Ten off"), a_badge(title="Star"), a_coupon(name="Another"), an_email()),
    )
    (action,) = plan_reminder(milestone, 950, 1, 2, a_context())
    assert action.key == keys.reminder_key(SITE, ACCOUNT, "stars-1000", 1, 2) + "#0"
    assert (action.kind, action.available_at, action.waits_for) == ("email", NOW, ())
    assert action.payload == {
        "milestone": {"key": "stars-1000", "title": "1,000 stars", "threshold": 1000},
        "points": {"measure": "balance", "value": 950, "missing": 50},
        "near": {"measure": "balance", "from": 900, "below": 1000, "approach": 1},
        "configuration": "c0ffee",
        "template": "almost-there",
        "consent": "marketing",
        "reward": {"coupon": "Ten off", "badge": "Star"},
    }
    assert json.loads(json.dumps(action.payload)) == action.payload


def test_a_reminder_of_a_ladder_is_about_the_next_rung() -> None:
    ladder = a_ladder(1000, near=a_near_window(within=100), rewards=(a_badge(title=None, badge_id="b1"),))
    (action,) = plan_reminder(ladder, 2950, 3000, 1, a_context())
    assert action.payload["milestone"]["threshold"] == 3000
    assert action.payload["near"] == {"measure": "balance", "from": 2900, "below": 3000, "approach": 3000}
    assert action.payload["reward"] == {}


def test_states_are_stored_by_name_and_three_of_them_are_final() -> None:
    assert {state.value for state in FINAL} == {"done", "discarded", "cancelled"}
    assert {State(state.value) for state in State} == set(State)
