"""What every kind of action has in common, whichever there are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import milestones.config  # noqa: F401 - it loads what a shop may write of each kind
from milestones.domain.actions import MAIL, plan_grant
from milestones.domain.milestone import Reward
from milestones.kinds import registry
from tests.builders import (
    a_badge,
    a_context,
    a_coupon,
    a_crossing,
    a_milestone,
    a_webhook,
    an_email,
    some_points,
)

REWARDS: tuple[Reward, ...] = (a_coupon(), a_badge(), some_points(), an_email(), a_webhook())
PURE = """
import sys
from milestones.kinds import registry
own = {name for name in sys.modules if name.startswith("milestones.")}
print(*sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"milestones"}))
print(*sorted(name for name in own if not name.startswith(("milestones.domain", "milestones.kinds"))))
print(*sorted(name for name in own if name.endswith((".channel", ".table", ".services"))))
"""


def test_what_a_kind_is_imports_the_standard_library_and_the_domain() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", PURE], capture_output=True, text=True, check=True
    )
    others, outside, impure = done.stdout.splitlines()
    # Files of a virtual environment that Python reads at every start are not imports of ours.
    assert {name for name in others.split() if not name.startswith(("_", "__main__"))} == set()
    assert (outside, impure) == ("", "")


def test_every_kind_is_the_folder_of_its_name() -> None:
    folder = Path(registry.__file__).parent
    folders = {channel.parent.name for channel in folder.glob("*/channel.py")}
    assert folders == set(registry.NAMES) == set(registry.KINDS)


def test_what_a_reminder_owes_is_a_message() -> None:
    assert registry.KINDS[MAIL].is_message


def test_every_reward_that_a_shop_may_write_is_among_those_that_are_tried_here() -> None:
    assert {reward.kind for reward in REWARDS} == set(registry.load_tables())


@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: reward.kind)
def test_what_is_frozen_is_read_as_it_was_written(reward: Reward) -> None:
    (action,) = plan_grant(a_crossing(a_milestone(rewards=(reward,))), a_context())
    stored = json.loads(json.dumps(action.payload))
    payload = registry.read_payload(action.kind, stored)
    assert payload.to_json().items() <= stored.items()
    assert registry.read_payload(action.kind, payload.to_json()) == payload


@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: reward.kind)
def test_a_person_may_call_any_action_done(reward: Reward) -> None:
    (action,) = plan_grant(a_crossing(a_milestone(rewards=(reward,))), a_context())
    payload = registry.read_payload(action.kind, action.payload)
    result = payload.assumed_result()
    assert json.loads(json.dumps(result)) == result
    assert payload.subject(result) == payload.subject({})


@pytest.mark.parametrize(
    ("kind", "personal", "left"),
    [
        (
            "email",
            {
                "template": "hello",
                "message_id": "<m@example.com>",
                "subject": "Well done, Ada",
                "rendered_at": "",
            },
            {"template": "hello", "message_id": None, "subject": None},
        ),
        (
            "badge",
            {"badge_id": "b", "title": "Star", "member_id": "m"},
            {"badge_id": "b", "title": "Star", "member_id": None},
        ),
    ],
)
def test_an_erasure_leaves_what_was_given_and_takes_to_whom(
    kind: str, personal: dict[str, str], left: dict[str, str]
) -> None:
    described = registry.KINDS[kind]
    assert described.scrub(personal) == described.scrub(left) == left
    assert described.copy(personal) == personal.get("message_id")
    assert described.copy(left) is None
