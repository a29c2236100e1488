"""The daemon as a process, on the sandbox: erasures, deletions and merges, searched for in everything it left."""

from pathlib import Path
from typing import Any

from tests.privacy.forensics import files_of, traces
from tests.process import STARS, Daemon, Shop, shop, until

Person = dict[str, Any]


async def _people(wix: Shop) -> list[Person]:
    """Guests who are below the threshold, have agreed to mail, and whose name nobody else has a part of."""
    state = await wix.state()
    willing = {
        one["email"].casefold()
        for one in state["subscriptions"]
        if one["subscriptionStatus"] == "SUBSCRIBED"
        and one.get("deliverabilityStatus", "NOT_SET") in {"NOT_SET", "VALID"}
    }
    names = [
        one["contact"].get("name") or one["contact"].get("displayName") or "" for one in state["accounts"]
    ]
    found = []
    for account in state["accounts"]:
        shown = account["contact"]
        name = shown.get("name") or shown.get("displayName") or ""
        if (
            account.get("memberId") is None
            and shown.get("email", "").casefold() in willing
            and account["points"]["balance"] < 900
            and len(name) > 5
            and sum(name in other for other in names) == 1
        ):
            found.append(
                {
                    "account": account["id"],
                    "contact": account["contactId"],
                    "texts": [shown["email"], name, account["contactId"]],
                }
            )
    return found


async def _call(wix: Shop, method: str, path: str, **json: Any) -> None:
    headers = {"Authorization": await wix.token()}
    (await wix.http.request(method, path, json=json or None, headers=headers)).raise_for_status()


async def _unreadable_event(wix: Shop, person: Person) -> None:
    """An event about the person that nobody understands, which is kept."""
    email, name, contact = person["texts"]
    account = {
        "id": person["account"],
        "contactId": contact,
        "contact": {"email": email, "name": name},
        "points": {"balance": "many"},
    }
    data = {"entityId": person["account"], "updatedEvent": {"currentEntity": account}}
    body = {"event_type": "wix.loyalty.v1.account_updated", "data": data}
    (await wix.http.post("/_sandbox/event", json=body)).raise_for_status()


def _left(folder: Path, daemon: Daemon, people: list[Person]) -> list[tuple[str, str]]:
    log = folder / "log.txt"
    log.write_text("".join(daemon.log))
    files = [*files_of(folder / "milestones.db"), *(folder / "mail").glob("*"), log]
    return traces([text for one in people for text in one["texts"]], files)


async def test_who_is_gone_is_in_no_file_and_who_was_merged_is_given_nothing_twice(tmp_path: Path) -> None:
    # What nobody took while the daemon was down is told again at once, not after Wix's minute.
    async with shop(tmp_path, customers=250, seed=5, time_scale=3600.0) as wix:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0)
        daemon = Daemon(tmp_path, wix)
        daemon.configure(STARS)
        await daemon.start()
        await until(lambda: _baseline_done(daemon), "the baseline")
        erased, deleted, merged, target = (await _people(wix))[:4]
        gone = [erased, deleted, merged]
        for person in gone:
            await wix.adjust(person["account"], 1010)
            await _unreadable_event(wix, person)
        await wix.adjust(target["account"], 300)

        async def everything_given() -> bool:
            sent = len(list((tmp_path / "mail").glob("*.eml")))
            return sent >= 3 and await daemon.settled() and len(daemon.query("SELECT 1 FROM rejected")) == 3

        await until(everything_given, "mails were sent, and bodies kept")
        coupons = len((await wix.state("coupons"))["coupons"])
        found = {Path(name).suffix for name, _ in _left(tmp_path, daemon, gone)}
        assert ".eml" in found, "they were mailed"

        (await wix.http.post("/_sandbox/erase", json={"contact_id": erased["contact"]})).raise_for_status()
        await _call(wix, "DELETE", f"/contacts/v4/contacts/{deleted['contact']}")
        path = f"/contacts/v4/contacts/{target['contact']}/merge"
        await _call(wix, "POST", path, sourceContactIds=[merged["contact"]])

        async def rows_erased() -> bool:
            return len(daemon.query("SELECT 1 FROM accounts WHERE erased_at IS NOT NULL")) == 3

        await until(rows_erased, "three accounts are erased")
        # Whatever was not finished outside of the transactions is finished by the next process.
        await daemon.kill()
        await daemon.start()

        async def nothing_left() -> bool:
            return not _left(tmp_path, daemon, gone)

        await until(nothing_left, "nothing is left of them")
        await until(daemon.settled, "all is told")
        state = await wix.state()
        assert await daemon.end() == 0

    assert _left(tmp_path, daemon, gone) == []
    assert _left(tmp_path, daemon, [target]) != []
    [sum_of_both] = [one for one in state["accounts"] if one["id"] == target["account"]]
    assert sum_of_both["points"]["balance"] == 1310
    assert len(state["coupons"]) == coupons == 3
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 0


async def _baseline_done(daemon: Daemon) -> bool:
    return any('"kind": "baseline"' in line and "scan_finished" in line for line in daemon.log)
