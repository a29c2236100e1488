import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.wixsandbox.builders import FakeClock
from wixsandbox.names import DOMAINS
from wixsandbox.records import primary_email
from wixsandbox.settings import SandboxSettings
from wixsandbox.simulator import Sandbox
from wixsandbox.world import World

SHIPPED = tomllib.loads((Path(__file__).parents[2] / "config.toml").read_text())


@pytest.fixture(scope="module")
def world(key: RSAPrivateKey) -> World:
    sandbox = Sandbox(SandboxSettings(seed=3), FakeClock(), key)
    sandbox.begin(2000)
    return sandbox.world


def test_the_same_seed_is_the_same_shop(world: World, key: RSAPrivateKey) -> None:
    again = Sandbox(SandboxSettings(seed=3), FakeClock(), key)
    again.begin(2000)
    assert list(again.world.accounts) == list(world.accounts)
    assert list(again.world.contacts) == list(world.contacts)
    assert again.credentials().app_secret == world.identity.app_secret
    other = Sandbox(SandboxSettings(seed=4), FakeClock(), key)
    assert other.credentials().api_key != world.identity.api_key


def test_every_milestone_has_near_and_far_customers(world: World) -> None:
    for thousand in range(4):
        inside = [one.balance % 1000 for one in world.accounts if one.balance // 1000 == thousand]
        near = [missing for missing in inside if missing >= 900]
        assert 0.12 < len(near) / len(inside) < 0.4
        assert any(balance >= 975 for balance in near)
        assert any(balance < 300 for balance in inside)


@pytest.mark.parametrize("milestone", SHIPPED["milestones"], ids=lambda one: one["key"])
def test_the_shipped_shop_has_customers_for_each_of_its_milestones(
    key: RSAPrivateKey, milestone: dict[str, Any]
) -> None:
    settings = SandboxSettings(seed=SHIPPED["sandbox"]["seed"])
    sandbox = Sandbox(settings, FakeClock(), key)
    sandbox.begin(SHIPPED["sandbox"]["customers"])
    missing = [milestone["threshold"] - getattr(one, milestone["measure"]) for one in sandbox.world.accounts]
    assert sum(0 < points <= 25 for points in missing) >= 3, "who crosses with the next order"
    assert sum(0 < points <= 100 for points in missing) >= 15, "who is near"
    assert sum(points > milestone["threshold"] / 2 for points in missing) >= 50, "who is far"
    assert sum(points <= 0 for points in missing) >= 50, "who is there already"


def test_addresses_can_never_belong_to_anybody(world: World) -> None:
    addresses = [email for email in map(primary_email, world.contacts) if email]
    assert {address.split("@")[1] for address in addresses} == set(DOMAINS)
    assert len({address.casefold() for address in addresses}) == len(addresses)
    assert all(address.isascii() for address in addresses)
    assert any(primary_email(one) is None for one in world.contacts)


def test_consent_comes_in_realistic_shares(world: World) -> None:
    known = Counter(one.status for one in world.subscriptions)
    everybody = sum(primary_email(one) is not None for one in world.contacts)
    assert 0.58 < known["SUBSCRIBED"] / everybody < 0.68
    assert known["UNSUBSCRIBED"] / everybody > 0.09
    assert known["PENDING"]
    assert known["NOT_SET"]
    assert everybody - sum(known.values()) > everybody * 0.1
    assert {one.deliverability for one in world.subscriptions} >= {
        "VALID",
        "BOUNCED",
        "SPAM_COMPLAINT",
        "INACTIVE",
    }


def test_some_contacts_are_no_members_and_some_have_no_account(world: World) -> None:
    assert 0.75 < sum(one.member_id is not None for one in world.accounts) / len(world.accounts) < 0.9
    assert len(world.contacts) > len(world.accounts) == 2000


def test_customers_joined_over_years_and_did_nothing_before(world: World) -> None:
    joined = [one.created for one in world.accounts]
    assert joined == sorted(joined)
    assert len({date[:10] for date in joined}) > 600
    assert joined[0][:7] == "2024-09"
    assert joined[-1] < "2026-11-20"
    assert all(one.last_activity >= one.created for one in world.accounts)
    consent = {one.email: one.updated for one in world.subscriptions}
    emails = [(primary_email(one), one.created) for one in world.contacts]
    assert all(consent[email] >= created for email, created in emails if email in consent)


def test_the_program_is_ready_to_use(world: World) -> None:
    assert world.program["name"] == "Star Club"
    assert world.program["pointDefinition"] == {"customName": "Stars"}
    assert {one["type"] for one in world.rewards} == {"COUPON_REWARD", "DISCOUNT_AMOUNT"}
    assert len(world.tiers) == 2
    assert {one.tier_id for one in world.accounts} == {None, *(str(one["id"]) for one in world.tiers)}
    languages = {str(one.info["locale"])[:2] for one in world.contacts}
    assert languages == {"en", "de", "fr", "es", "it", "pl", "ja", "he"}
