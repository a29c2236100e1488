"""Faults of milestones and their rewards. The snippets stand below a base of four lines."""

import pytest

from tests.config.conftest import BASE, Faults

M = '[[milestones]]\nkey = "m"\ntitle = "M"\n'
R = M + "threshold = 100\n[[milestones.rewards]]\n"

FAULTS = [
    # Milestones
    (
        M + "threshold = 50\nnear = { within = 100, template = 'plain' }\n",
        "9:10: milestones[0].near.within: is 100, more than threshold (50), so everybody would be near",
    ),
    (
        M + "threshold = 50\n" + M + "threshold = 60\n",
        "10:1: milestones[1].key: 'm' is used twice; milestones[0] has it too",
    ),
    (
        M.replace('"m"', '"Star 1"') + "threshold = 5\n",
        (
            "6:1: milestones[0].key: must be small letters, digits and hyphens, 63 at most, "
            "and not begin with a hyphen"
        ),
    ),
    (
        M + "threshold = 50\nrepeat = 'every'\n",
        (
            "5:3: milestones[0].rearm_below: is missing; "
            'repeat = "every" needs the points below which it can be reached anew'
        ),
    ),
    (
        M + "threshold = 50\nrepeat = 'every'\nrearm_below = 51\n",
        "10:1: milestones[0].rearm_below: is 51, more than threshold (50)",
    ),
    (M + "threshold = 50\nrearm_below = 5\n", '9:1: milestones[0].rearm_below: needs repeat = "every"'),
    (
        M + "threshold = 50\nevery_points = 50\n",
        (
            "9:1: milestones[0].every_points: cannot be had with threshold; "
            "a ladder has a rung at every so many points"
        ),
    ),
    (
        M + "every_points = 50\nrepeat = 'every'\n",
        "9:1: milestones[0].repeat: cannot be had with every_points; a ladder has a new rung each time",
    ),
    (
        M + "every_points = 50\nnear = { within = 51, template = 'plain' }\n",
        "9:10: milestones[0].near.within: is 51, more than every_points (50), so everybody would be near",
    ),
    # Rewards
    (
        R + "coupon = { name = 'c', scope = 'stores' }\n",
        (
            "10:1: milestones[0].rewards[0].coupon: has no discount; "
            "give exactly one of percent_off, money_off, fixed_price, free_shipping"
        ),
    ),
    (
        R + "coupon = { name = 'c', scope = 'stores', percent_off = 5, money_off = 5 }\n",
        (
            "10:1: milestones[0].rewards[0].coupon: has percent_off and money_off; "
            "give exactly one of percent_off, money_off, fixed_price, free_shipping"
        ),
    ),
    (
        R + "coupon = { name = 'c', scope = 'stores', percent_off = 101 }\n",
        "10:42: milestones[0].rewards[0].coupon.percent_off: must be 100 or less",
    ),
    (
        R + "coupon = { name = 'c', scope = 'stores', money_off = 1.999 }\n",
        "10:42: milestones[0].rewards[0].coupon.money_off: must be more than 0, with at most two decimals",
    ),
    (
        R + "coupon = { name = 'c', percent_off = 5 }\n",
        '10:1: milestones[0].rewards[0].coupon: needs scope (such as "stores") or minimum_subtotal',
    ),
    (
        R + "coupon = { name = 'c', percent_off = 5, scope = 'stores', minimum_subtotal = 20 }\n",
        (
            "10:59: milestones[0].rewards[0].coupon.minimum_subtotal: cannot be had with scope; "
            "Wix takes exactly one of the two"
        ),
    ),
    (
        R + "coupon = { name = 'c', free_shipping = true, scope = 'stores' }\n",
        "10:46: milestones[0].rewards[0].coupon.scope: cannot be had with free_shipping; leave it out",
    ),
    (
        R + "coupon = { name = 'c', percent_off = 5, scope = 'store' }\n",
        (
            "10:41: milestones[0].rewards[0].coupon.scope: must begin with one of "
            "stores, bookings, events, pricingPlans, restaurants; did you mean 'stores'?"
        ),
    ),
    (
        R + "coupon = { name = 'c', percent_off = 5, scope = 'stores/thing' }\n",
        "10:41: milestones[0].rewards[0].coupon.scope: must go on, after stores, with one of product, collection",
    ),
    (
        R + "coupon = { name = 'c', percent_off = 5, scope = 'stores', prefix = 'star' }\n",
        (
            "10:59: milestones[0].rewards[0].coupon.prefix: must be at most 7 capital letters and digits; "
            "Wix allows codes of 20 characters"
        ),
    ),
    (
        R + "badge = { id = 'b', title = 't' }\n",
        "10:1: milestones[0].rewards[0].badge: needs exactly one of title and id",
    ),
    (
        R + "badge = { id = 'b', create = true }\n",
        "10:21: milestones[0].rewards[0].badge.create: needs the title of the badge; an id is given by Wix",
    ),
    (
        R + f"badge = '{'b' * 51}'\n",
        "10:1: milestones[0].rewards[0].badge.title: must have 50 characters or less",
    ),
    (
        R + "badge = 'b'\nemail = 'plain'\n",
        "9:3: milestones[0].rewards[0]: must have exactly one of coupon, badge, points, email, webhook",
    ),
    (R + "bagde = 'b'\n", "10:1: milestones[0].rewards[0].bagde: unknown key; did you mean 'badge'?"),
    (
        R + "email = 'nope'\n",
        (
            "10:1: milestones[0].rewards[0].email: names the template 'nope', "
            "which is not in templates (there are plain, with-coupon)"
        ),
    ),
    (
        R + "webhook = { url = 'http://example.com', secret = { env = 'HOOK' } }\n",
        (
            "10:13: milestones[0].rewards[0].webhook.url: must begin with https://; "
            "what it carries is nobody else's business"
        ),
    ),
]


@pytest.mark.parametrize(("snippet", "sentence"), FAULTS)
def test_a_fault_of_a_milestone_is_a_sentence_with_its_place(
    faults: Faults, snippet: str, sentence: str
) -> None:
    assert faults(BASE + snippet, {"HOOK": "whsec_" + "QUJD" * 8}) == [f"config.toml:{sentence}"]


def test_two_faults_of_one_table_are_both_told(faults: Faults) -> None:
    found = faults(BASE + R + "coupon = { name = 'c' }\n")
    assert [fault.split(": ")[2].split(";")[0] for fault in found] == [
        "has no discount",
        'needs scope (such as "stores") or minimum_subtotal',
    ]
