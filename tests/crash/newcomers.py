"""Points for somebody whom neither the daemon of a house nor Wix knows."""

from contextlib import suppress

from milestones.cli.client import NotRunningError, RefusedError, ask
from milestones.commands.models.orders import EarnForAccount
from milestones.domain.order import Create
from tests.crash.house import House

WELCOME = "Welcome to the club"


async def welcome(house: House) -> None:
    """A person gives points to a new address, and does not wait for the answer."""
    number = len(house.welcomed)
    house.welcomed.append(
        EarnForAccount(
            account=f"newcomer{number}@example.com",
            create=Create.CONTACT,
            amount=50,
            description=WELCOME,
            key=f"welcome-{number}",
            wait=0,
        )
    )
    with suppress(RefusedError, NotRunningError):
        await welcome_again(house)


async def welcome_again(house: House) -> None:
    """Whoever was not answered asks again, with the same key."""
    await ask(house.daemon.folder / "milestones.sock", house.welcomed[-1])


async def assert_welcomed_once(house: House) -> None:
    """By the sandbox's books, each newcomer is one contact with one account that has the points once; and so it is here."""
    await house.settled()
    state = await house.shop.state("contacts", "accounts", "transactions")
    mails = {one["id"]: one.get("primaryInfo", {}).get("email", "") for one in state["contacts"]}
    asked = [one.account for one in house.welcomed]
    assert sorted(mail for mail in mails.values() if mail.startswith("newcomer")) == sorted(asked)
    accounts = {one["id"]: mails[one["contactId"]] for one in state["accounts"] if one["contactId"] in mails}
    assert sorted(mail for mail in accounts.values() if mail.startswith("newcomer")) == sorted(asked)
    given = [one["accountId"] for one in state["transactions"] if one.get("description") == WELCOME]
    assert sorted(accounts[account] for account in given) == sorted(asked)
    known = house.daemon.query("SELECT id FROM accounts WHERE email LIKE 'newcomer%'")
    assert sorted(row[0] for row in known) == sorted(given)
