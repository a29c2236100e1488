"""Who unsubscribed here is told to Wix, and nobody who cannot be told stands in the way of the others."""

from collections.abc import Callable

import httpx
import pytest
from structlog.testing import capture_logs

from milestones.domain.keys import address_key
from milestones.formats.mail_addresses import address_form
from milestones.maintenance.unsubscriptions import tell_wix
from milestones.pipeline import observe
from milestones.store.database.store import Store
from milestones.store.people import people
from milestones.wix.auth import ApiKeyCredentials
from milestones.wix.pacing import SlidingWindowPacer
from milestones.wix.transport import WixClient
from tests.builders import NOW, SECRET, SITE, a_customer, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live

OTHER = "other-site"
Answer = Callable[[httpx.Request], httpx.Response]


async def opted_out(store: Store, **addresses: str) -> None:
    """Customers of two sites, by account, who unsubscribed here."""
    for site_id in (SITE, OTHER):
        await go_live(store, FixedRules(()), site_id)
    for account_id, address in addresses.items():
        site_id = OTHER if account_id.startswith("other") else SITE
        seen = an_observation(
            10, 1, account_id=account_id, customer=a_customer(contact_id=None, email=address)
        )
        await observe.observe(store, FixedRules(()), site_id, [seen], NOW)
        async with store.write() as tx:
            await people.suppress(
                tx, [address_key(SECRET, site_id, address_form(address))], "unsubscribed", NOW
            )


def a_wix(answer: Answer) -> Callable[[str], WixClient]:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))

    def client(site_id: str) -> WixClient:
        credentials = ApiKeyCredentials("key", site_id)
        return WixClient(http, "https://wix.test", credentials, SlidingWindowPacer(1000), lambda: NOW)

    return client


def taken(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"subscription": {"email": request.content.decode()}})


async def left(store: Store) -> int:
    async with store.read() as tx:
        return len(await people.list_unreported(tx))


async def test_wix_is_told_once_of_each(bench: Bench) -> None:
    await opted_out(bench.store, ada="ada@example.com", ben="ben@example.com")
    assert await tell_wix(bench.store, a_wix(taken), NOW) == 2
    assert await tell_wix(bench.store, a_wix(taken), NOW) == 0


@pytest.mark.parametrize(("status", "kept"), [(400, 0), (404, 1), (403, 1), (500, 1)])
async def test_an_address_that_cannot_be_told_holds_up_no_other_site(
    bench: Bench, status: int, kept: int
) -> None:
    def refuse_one(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status) if b"ada@" in request.content else taken(request)

    await opted_out(bench.store, ada="ada@example.com", other_ben="ben@example.com")
    with capture_logs() as lines:
        assert await tell_wix(bench.store, a_wix(refuse_one), NOW) == 2 - kept
    assert await left(bench.store) == kept
    assert [(line["event"], line["site"]) for line in lines] == [("unsubscription_not_told", SITE)]
    assert "ada@" not in str(lines)


async def test_a_site_that_is_silent_is_asked_once_and_not_for_each_of_its_customers(bench: Bench) -> None:
    asked: list[bytes] = []

    def silent(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        raise httpx.ConnectError("nobody there", request=request)

    await opted_out(bench.store, ada="ada@example.com", ben="ben@example.com")
    assert await tell_wix(bench.store, a_wix(silent), NOW) == 0
    assert len(asked) == 1
