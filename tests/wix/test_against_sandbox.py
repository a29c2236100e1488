"""Every resource over HTTP against the simulated Wix, with an app's token and with the owner's key."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from milestones.wix import (
    accounts,
    contacts,
    programs,
    transactions,
)
from milestones.wix.auth import ApiKeyCredentials, AppCredentials, Credentials
from milestones.wix.errors import (
    WixConflictError,
    WixError,
    WixNotFoundError,
    WixThrottledError,
    WixUnauthorizedError,
    WixUnavailableError,
)
from milestones.wix.pacing import a_person_waits
from milestones.wix.paging import Sort
from milestones.wix.programs import ProgramStatus
from milestones.wix.transport import WixClient
from tests.wix.fakes import connect, outcome, some_account, switch
from wixsandbox.server import RunningSandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")


def now() -> datetime:
    return datetime.now(UTC)


async def test_an_api_key_reads_as_an_app_does(
    shop: RunningSandbox, http: httpx.AsyncClient, client: WixClient
) -> None:
    own = shop.credentials
    keyed = connect(shop, http, ApiKeyCredentials(own.api_key, own.site_id))
    assert await accounts.totals(keyed) == await accounts.totals(client)


@pytest.mark.parametrize("wrong", ["secret", "instance", "key", "site"])
async def test_wrong_credentials_are_a_fault_of_the_connection(
    shop: RunningSandbox, http: httpx.AsyncClient, wrong: str
) -> None:
    own = shop.credentials
    credentials: dict[str, Credentials] = {
        "secret": AppCredentials(own.app_id, "wrong", own.instance_id),
        "instance": AppCredentials(own.app_id, own.app_secret, "00000000-0000-0000-0000-000000000000"),
        "key": ApiKeyCredentials("wrong", own.site_id),
        "site": ApiKeyCredentials(own.api_key, "00000000-0000-0000-0000-000000000000"),
    }
    with pytest.raises(WixUnauthorizedError) as caught:
        await programs.get(connect(shop, http, credentials[wrong]))
    assert caught.value.connection_wide


async def test_a_token_that_expired_early_is_renewed(shop: RunningSandbox, client: WixClient) -> None:
    await programs.get(client)
    shop.sandbox.access._tokens.clear()
    assert (await programs.get(client)).status is ProgramStatus.ACTIVE


async def test_a_throttled_person_is_told_so(shop: RunningSandbox, client: WixClient) -> None:
    await programs.get(client)
    switch(shop, rate_limit_per_minute=1)
    with a_person_waits(), pytest.raises(WixThrottledError) as caught:
        await programs.get(client)
    assert caught.value.retry_at is not None
    assert timedelta(seconds=50) < caught.value.retry_at - now() <= timedelta(seconds=60)


async def test_the_program_is_switched_and_renamed(client: WixClient) -> None:
    assert (await programs.pause(client)).status is ProgramStatus.PAUSED
    assert (await programs.activate(client)).status is ProgramStatus.ACTIVE
    renamed = await programs.update(client, name="Sterne", points_name="Stern", months_of_inactivity=6)
    assert (renamed.name, renamed.points_name) == ("Sterne", "Stern")
    assert (await programs.get(client)).points_expiration.months_of_inactivity == 6
    assert (await programs.premium_features(client)).loyalty_program
    await programs.enable_points_expiration(client)
    await programs.disable_points_expiration(client)


async def test_all_accounts_are_read_page_by_page(client: WixClient) -> None:
    pages = [page async for page in accounts.query_all(client, limit=50)]
    assert not any(page.unreadable for page in pages)
    found = {account.id for page in pages for account in page.items}
    assert len(found) == await accounts.count(client) > 50
    resumed = [page async for page in accounts.query_all(client, limit=50, cursor=pages[0].next_cursor)]
    assert [page.items for page in resumed] == [page.items for page in pages[1:]]


async def test_accounts_are_found_by_balance(client: WixClient) -> None:
    where = {"points.balance": {"$gte": 900, "$lte": 999}}
    pages = [page async for page in accounts.query_all(client, where, sort=[Sort("points.balance")])]
    balances = [account.points.balance for page in pages for account in page.items]
    assert balances == sorted(balances)
    assert all(900 <= balance <= 999 for balance in balances)


async def test_changed_accounts_are_found_by_search(client: WixClient) -> None:
    since = now()
    assert not (await accounts.search(client, accounts.changes_since(since + timedelta(seconds=5)))).items
    account = await some_account(client)
    await accounts.earn(client, account.id, amount=7, description="A review", idempotency_key="k1")
    found = await accounts.search(client, accounts.changes_since(since), sort=[Sort("updatedDate")])
    assert [changed.id for changed in found.items] == [account.id]


async def test_an_account_is_read_in_every_way(client: WixClient) -> None:
    account = await some_account(client, member=True)
    assert await accounts.get(client, account.id) == account
    assert account.contact_id is not None
    assert account.member_id is not None
    assert await accounts.fetch_by(client, contact_id=account.contact_id) == account
    assert await accounts.fetch_by(client, member_id=account.member_id) == account
    with pytest.raises(WixNotFoundError):
        await accounts.get(client, "00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("missing", ["not_found", "empty"])
async def test_a_contact_without_account_has_none(
    shop: RunningSandbox, client: WixClient, missing: str
) -> None:
    switch(shop, missing_account=missing)
    assert await accounts.fetch_by(client, contact_id="00000000-0000-0000-0000-000000000000") is None


@pytest.mark.parametrize("repeated", ["first_result", "already_exists"])
async def test_points_earned_twice_with_one_key_are_booked_once(
    shop: RunningSandbox, client: WixClient, repeated: str
) -> None:
    switch(shop, repeated_earn=repeated)
    before = await some_account(client)
    first = await accounts.earn(client, before.id, amount=5, description="A like", idempotency_key="once")
    again = await outcome(
        accounts.earn(client, before.id, amount=5, description="A like", idempotency_key="once")
    )
    assert accounts.already_earned(again) if isinstance(again, WixError) else again == first
    assert (await accounts.get(client, before.id)).points.balance == before.points.balance + 5
    booked = await transactions.find_by_idempotency_key(client, "once", account_id=before.id)
    assert booked is not None
    assert (booked.id, booked.amount) == (first.transaction_id, 5)
    assert (await transactions.get(client, booked.id)) == booked


@pytest.mark.parametrize("spelling", ["ADJUST", "GIVE"])
async def test_a_balance_is_set_against_a_revision(
    shop: RunningSandbox, client: WixClient, spelling: str
) -> None:
    switch(shop, amount_adjustment_type=spelling)
    before = await some_account(client)
    await accounts.adjust(client, before.id, balance=42, description="sync 1", revision=before.revision)
    after = await accounts.get(client, before.id)
    assert (after.points.balance, after.revision > before.revision) == (42, True)
    with pytest.raises(WixConflictError) as caught:
        await accounts.adjust(client, before.id, amount=8, description="sync 2", revision=before.revision)
    assert not accounts.already_earned(caught.value)
    await accounts.adjust(client, before.id, amount=8, description="sync 3", revision=after.revision)
    assert await transactions.find_by_description(client, before.id, "sync 3") is not None
    assert await transactions.find_by_description(client, before.id, "sync 2") is None
    with pytest.raises(WixError):
        await accounts.adjust(client, before.id, amount=-9_999_999, description="too much")


async def test_all_balances_are_adjusted_as_a_job(client: WixClient) -> None:
    assert await accounts.bulk_adjust(client, {"points.balance": {"$gte": 0}}, amount=1)


@pytest.mark.parametrize("existing", ["already_exists", "return"])
async def test_a_contact_gets_one_account(shop: RunningSandbox, client: WixClient, existing: str) -> None:
    switch(shop, existing_account=existing)
    made = await contacts.create(client, "new@example.com", first_name="New")
    account = await accounts.create(client, made.id)
    assert (account.contact_id, account.points.balance) == (made.id, 0)
    again = await outcome(accounts.create(client, made.id))
    assert accounts.already_exists(again) if isinstance(again, WixError) else again.id == account.id


async def test_what_the_sandbox_does_not_know_is_refused_without_a_code(client: WixClient) -> None:
    with pytest.raises(WixNotFoundError) as caught:
        await client.call("GET", "/loyalty/v1/program", reads=True)
    assert caught.value.code is None
    assert not isinstance(caught.value, WixUnavailableError)
