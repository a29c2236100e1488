"""A customer may call himself anything: it stays text in mails, headers and pages."""

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.chromium import IN_THE_BROWSER
from tests.process import STARS, Daemon, shop, until
from tests.security.village import baseline_done

pytestmark = IN_THE_BROWSER

# Without spaces, since a mail greets by the first word.
FIRST = "</title></pre></iframe><script>top['pwned']=1</script><img/src=x/onerror=top['pwned']=1>"
LAST = "Anna\r\nBcc: victim\r\n\r\n<h1>Injected</h1>{{ 7 * 191 }}\u202e"
HOSTILE = {"first": FIRST, "last": LAST}
# What passes a shop's own look at it: one @ and no space. Line ends are tried on the message itself.
ADDRESSES = ("a,victim@example.com", "a@example.com>,<victim", '"><script>1</script>@example.com')


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    folder = tmp_path_factory.mktemp("shop")
    async with shop(folder, customers=80) as wix:
        running = Daemon(folder, wix)
        running.configure(STARS)
        await running.start()
        await baseline_done(running)
        yield running
        await running.end()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def customers(daemon: Daemon) -> list[dict[str, Any]]:
    """Those who agreed to mail and have fewer than 1,000 points; every test takes its own off the end."""
    state = await daemon.shop.state()
    agreed = {one["email"] for one in state["subscriptions"] if one["subscriptionStatus"] == "SUBSCRIBED"}
    few = [one for one in state["accounts"] if one["points"]["balance"] < 1000 and "memberId" in one]
    return [one for one in few if one["contact"].get("email") in agreed]


async def rename(daemon: Daemon, account: dict[str, Any], **info: Any) -> None:
    """Change what the shop knows of the account's contact."""
    headers = {"Authorization": await daemon.shop.token()}
    path = f"/contacts/v4/contacts/{account['contactId']}"
    contact = (await daemon.shop.http.get(path, headers=headers)).json()["contact"]
    told = {"emails": contact["info"]["emails"], "name": contact["info"].get("name", {}), **info}
    body = {"info": told, "revision": contact["revision"], "allowDuplicates": True}
    (await daemon.shop.http.patch(path, headers=headers, json=body)).raise_for_status()


async def rewarded(daemon: Daemon, account: dict[str, Any]) -> None:
    await daemon.shop.adjust(account["id"], 1001)

    async def decided() -> bool:
        mail = f"SELECT 1 FROM actions WHERE kind = 'email' AND account_id = '{account['id']}'"
        return bool(daemon.query(mail)) and await daemon.settled()

    await until(decided, "the fate of the mail")


def mails(daemon: Daemon) -> list[Any]:
    return [
        message_from_bytes(path.read_bytes(), policy=default)
        for path in (daemon.folder / "mail").glob("*.eml")
    ]


async def test_a_name_writes_no_headers_no_markup_and_no_template(
    daemon: Daemon, customers: list[dict[str, Any]]
) -> None:
    account = customers.pop()
    before = mails(daemon)
    await rename(daemon, account, name=HOSTILE)
    await rewarded(daemon, account)
    (mail,) = (path for path in mails(daemon) if path["To"] not in [old["To"] for old in before])
    assert mail["Bcc"] is None
    assert len(mail["To"].addresses) == 1
    assert mail["To"].addresses[0].addr_spec == account["contact"]["email"]
    assert "\n" not in str(mail["Subject"])
    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<h1>Injected" not in html
    assert "onerror" in html, "else this would show nothing"
    assert "<img/src" not in html
    assert "1337" not in html + mail.get_body(("plain",)).get_content()


ESCAPES = "\x1b]0;pwned\x07\x1b[31mRed\x9b2J\x1b[8mAda\rhidden [bold]Bold[/bold] [link=https://evil.example]x[/link]"


async def test_no_name_steers_the_operators_terminal(daemon: Daemon, customers: list[dict[str, Any]]) -> None:
    account = customers.pop()
    await rename(daemon, account, name={"first": ESCAPES, "last": "Last"})
    await rewarded(daemon, account)
    ((coupon,),) = daemon.query(
        f"SELECT id FROM actions WHERE kind = 'coupon' AND account_id = '{account['id']}'"
    )
    readable = [("accounts", "list"), ("accounts", "show", account["id"]), ("explain", account["id"])]
    readable += [("outbox", "list"), ("outbox", "show", str(coupon)), ("scan", "--dry-run")]
    preview = ("preview", "milestone-reached", "--customer", account["id"])
    shown = ""
    for command in [*readable, *((*one, "--json") for one in readable), preview]:
        code, out, err = await daemon.command(*command)
        assert code == 0, (command, err)
        shown += out + err
    assert "Ada" in shown, "else this would show nothing"
    assert not set(shown) & {"\x1b", "\x07", "\x9b", "\r", "\x08"}
    assert "[link=https://evil.example]" in shown, "markup is shown, not followed"


async def test_an_address_that_is_none_or_several_gets_no_mail(
    daemon: Daemon, customers: list[dict[str, Any]]
) -> None:
    before = len(mails(daemon))
    chosen = [customers.pop() for _ in ADDRESSES]
    for account, address in zip(chosen, ADDRESSES, strict=True):
        emails = {"items": [{"tag": "MAIN", "email": address, "primary": True}]}
        headers = {"Authorization": await daemon.shop.token()}
        await rename(daemon, account, emails=emails)
        consent = {"subscription": {"email": address, "subscriptionStatus": "SUBSCRIBED"}}
        path = "/email-marketing/v1/email-subscriptions"
        (await daemon.shop.http.post(path, headers=headers, json=consent)).raise_for_status()
        await rewarded(daemon, account)
    assert len(mails(daemon)) == before
    theirs = ", ".join(f"'{account['id']}'" for account in chosen)
    fates = daemon.query(f"SELECT state FROM actions WHERE kind = 'email' AND account_id IN ({theirs})")
    assert len(fates) == len(ADDRESSES)
    assert ("done",) not in fates
    assert "victim" not in "".join(daemon.log)


async def test_no_script_of_a_customer_runs_in_the_dashboard(
    daemon: Daemon, customers: list[dict[str, Any]], chromium_page: Page
) -> None:
    for account in (customers.pop(), customers.pop()):
        await rename(daemon, account, name=HOSTILE)
        await rewarded(daemon, account)
    complaints: list[str] = []
    chromium_page.on("pageerror", lambda error: complaints.append(str(error)))
    chromium_page.on("console", lambda message: complaints.append(message.text))
    chromium_page.on("dialog", lambda dialog: complaints.append(dialog.message))
    await chromium_page.add_init_script(
        "addEventListener('securitypolicyviolation', one => console.log('policy', one.violatedDirective))"
    )
    await chromium_page.goto(daemon.address)
    entries = chromium_page.locator("summary")
    for number in range(await entries.count()):
        await entries.nth(number).click()
    frames = chromium_page.locator("iframe")
    assert await frames.count() == len(mails(daemon))
    for number in range(2):
        await expect(frames.nth(number).content_frame.locator("body")).to_contain_text("onerror")
    assert complaints == []
    assert await chromium_page.evaluate("window.pwned") is None
    assert "pwned" not in await chromium_page.title()
    assert await chromium_page.locator("script:not([src])").count() == 0
