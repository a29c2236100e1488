"""What Wix may answer and nobody can keep: it costs one account its turn, and never a scan its site."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from milestones.cli.offline import Alone
from milestones.commands import rejected
from milestones.commands.models.people import ReplayRejected
from milestones.config import Settings, parse
from milestones.domain.observation import Source
from milestones.formats import untrusted
from milestones.ingest.events import READERS
from milestones.ingest.reading import UnreadableError
from milestones.pipeline import observe as pipeline
from milestones.pipeline.context import Outcome
from milestones.scans import runner, unreadable
from milestones.scans.pages import observation
from milestones.scans.run import Kind, ScanWork, run
from milestones.scans.runner import ScanRunner
from milestones.store import sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.people import rejected as bodies
from milestones.store.tables import READ_ACCOUNT, Account, Rejected
from milestones.store.views import lookup
from milestones.views.bodies import parse_account
from milestones.views.notices import list_scan_notices
from milestones.views.status import get_status
from milestones.views.timeline import Timeline
from milestones.wix.account import Account as Told
from milestones.wix.answers import Call
from milestones.wix.paging import cursor_page
from milestones.wix.transport import WixClient
from tests.builders import a_milestone
from tests.scans.conftest import NOW, Ground
from tests.store.rules import FixedRules, opened

READ = Call("GET", "/accounts", reads=True)

HOSTILE: tuple[Any, ...] = (
    "half an emoji \ud83d",
    "a NUL \0 within",
    "x" * 600,
    "",
    3_000_000_000,
    -3_000_000_000,
    10**40,
    "HUGE",
    "BROKEN",
    1e400,
    -1e400,
    float("nan"),
    2.5,
    True,
    "9" * 5000,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59-14:00",
    10**18,
    "\u0663",
    {"id": "\ud83d"},
    ["\ud83d"],
    [],
    {},
)
FIELDS = (
    "id",
    "revision",
    "points",
    "points.balance",
    "points.earned",
    "points.adjusted",
    "tier",
    "tier.id",
    "tier.points",
    "tier.updatedDate",
    "contact",
    "contact.id",
    "contact.email",
    "contact.name",
    "contact.displayName",
    "contactId",
    "memberId",
    "rewardAvailable",
    "pointsExpiration",
    "pointsExpiration.expirationDate",
    "createdDate",
    "updatedDate",
    "lastActivityDate",
)


def _whole() -> dict[str, Any]:
    return {
        "id": "a1",
        "revision": "7",
        "points": {"balance": 950, "earned": 950},
        "tier": {"id": "t", "points": 3},
        "contactId": "c1",
        "memberId": "m1",
        "contact": {"id": "c1", "email": "anna@example.com", "displayName": "Anna"},
        "createdDate": "2026-01-01T00:00:00Z",
        "updatedDate": "2026-11-01T00:00:00Z",
    }


def _with(where: str, value: Any) -> dict[str, Any]:
    account = _whole()
    *outer, last = where.split(".")
    here = account
    for part in outer:
        here = here.setdefault(part, {})
    here[last] = value
    return account


def _as_sent(told: Any) -> Any:
    """Through the wire, where there may be numbers too long for Python, and bytes that are no UTF-8."""
    document = json.dumps(told).replace('"HUGE"', "1" + "0" * 5000).encode()
    return untrusted.parse(document.replace(b"BROKEN", b"\xff\xed\xa0\x80"))


def _spoilt() -> Iterator[dict[str, Any]]:
    for where in FIELDS:
        for value in HOSTILE:
            yield _with(where, value)


def _read(account: Mapping[str, Any]) -> Any:
    try:
        return observation(Told.model_validate(account), Source.WEBHOOK, NOW)
    except ValueError:
        return None


def _heard(account: Mapping[str, Any]) -> Any:
    event = {"updatedEvent": {"currentEntity": account}}
    try:
        return READERS["wix.loyalty.v1.account_updated"](event, NOW).observation  # type: ignore[union-attr]
    except UnreadableError:
        return None


def test_a_webhook_and_a_scan_read_the_same_of_the_same_account() -> None:
    for account in _as_sent([_whole(), *_spoilt()]):
        assert _read(account) == _heard(account), account


@dataclass(frozen=True)
class _Work:
    """Of a scan's work, what the recording of a page needs."""

    store: Store
    site_id: str = "site"
    rules: FixedRules = field(default_factory=lambda: FixedRules((a_milestone(900),)))
    tell: Callable[[Outcome], None] = lambda _outcome: None
    skipped: Callable[[str], None] = lambda _kind: None


async def test_no_value_of_any_field_keeps_the_others_from_being_recorded(database_url: str) -> None:
    spoilt = [{**one, "id": f"a{number}"} for number, one in enumerate(_spoilt())]
    spoilt += [_with("id", value) for value in HOSTILE]
    answer = _as_sent({"accounts": [*spoilt, _whole()]})
    page = cursor_page(answer, "accounts", Told, READ)
    seen = [observation(account, Source.REACHED, NOW) for account in page.items]
    async with opened(database_url) as store:
        async with store.write() as tx:
            await sites.take_on(tx, "site", "main", NOW)
        recorded, left_out = await unreadable.observe_page(_Work(store), "reached", seen, page, NOW)
        assert len(recorded) == len(seen), "what can be read can be kept"
        assert left_out == len(page.unreadable) > 20
        async with store.read() as tx:
            accounts = (await tx.execute(select(table_of(Account).c.id))).scalars().all()
            kept = await lookup.list_rejected(tx)
    assert "a1" in accounts
    assert {row.account_id for row in kept} >= {one.id for one in page.unreadable}
    assert all("anna" not in row.reason for row in kept)


def _settings(ground: Ground) -> Settings:
    url = f"sqlite:///{ground.store.url.database}"
    return parse(
        f'daemon.database = "{url}"\nwix.sandbox = true\nmail.sender = "shop@example.com"\n',
        Path("/config.toml"),
        {},
    )


class _Spoilt:
    """The client of a site, in whose lists there is an account more."""

    def __init__(self, client: WixClient, account: dict[str, Any]) -> None:
        self._client = client
        self.account: dict[str, Any] | None = account

    async def send(self, call: Call, **rest: Any) -> dict[str, Any]:
        if call.template.endswith("/{id}") and rest["ids"]["id"] == "spoilt" and self.account:
            return {"account": self.account}
        answer = await self._client.send(call, **rest)
        for key in ("loyaltyAccounts", "accounts"):
            if key in answer and self.account:
                answer[key].append(self.account)
        return answer


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_scan_goes_past_an_account_that_cannot_be_read(
    ground: Ground, kind: Kind, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = _with("points.balance", 3_000_000_000) | {"id": "spoilt"}
    client = _Spoilt(ground.client, spoilt)
    skipped: list[str] = []
    work = ground.work(client=client, skipped=skipped.append)
    scan = await run(work, kind)
    assert scan.counts["read"] > 1
    assert scan.counts["unreadable"] == len(skipped) > 0
    (kept,) = await ground.rows(Rejected)
    assert (kept["event_type"], kept["account_id"]) == (READ_ACCOUNT, "spoilt")
    logged = capsys.readouterr().out
    assert "account_left_out" in logged
    assert "anna" not in logged
    async with ground.store.read() as tx:
        told = await get_status(tx, _settings(ground), NOW)
    assert "left out" in told.sites[0].scans[0].told

    # Wix mends it: it is read like any other, and nothing is kept of it any more.
    client.account = {**_whole(), "id": "spoilt"}
    await run(work, kind)
    assert await ground.rows(Rejected) == []
    assert "spoilt" in {row["id"] for row in await ground.rows(Account)}


async def test_an_account_that_cannot_be_recorded_is_left_out_too(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = sorted(account.id for account in ground.sandbox.world.accounts)[17]
    observe = pipeline.observe

    async def fails(*args: Any) -> Outcome:
        if any(item.account_id == poisoned for item in args[3]):
            raise LookupError("anna@example.com")
        return await observe(*args)

    monkeypatch.setattr(pipeline, "observe", fails)
    scan = await run(ground.work(), Kind.BASELINE)
    assert scan.counts["unreadable"] == 1
    assert len(await ground.rows(Account)) == len(ground.sandbox.world.accounts) - 1
    (kept,) = await ground.rows(Rejected)
    assert kept["account_id"] == poisoned
    assert "LookupError" in kept["reason"]
    assert "anna" not in kept["reason"]
    assert parse_account(kept["body"], NOW).account_id == poisoned


async def test_a_scan_that_crashes_is_shown_until_it_has_come_to_its_end(ground: Ground) -> None:
    def crash(_kind: Kind, _read: int, _total: int | None) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(ground.work(progress=crash), Kind.NEAR)
    async with ground.store.read() as tx:
        (told,) = await list_scan_notices(tx)
    assert "near" in told
    assert "ZeroDivisionError" in told
    happenings = Timeline(ground.store, lambda: _settings(ground), ground.clock)
    readiness = await happenings.readiness()
    (check,) = [check for check in readiness.checks if check.name == "scans"]
    assert (check.ok, check.needed) == (False, False)
    assert "ZeroDivisionError" in check.detail
    assert told in (await happenings.overview()).notices

    await run(ground.work(), Kind.NEAR)
    async with ground.store.read() as tx:
        assert await list_scan_notices(tx) == []


async def test_a_scan_that_crashed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RETRY", 0.0)
    ended: list[str] = []

    def crashing(_site: str) -> ScanWork:
        raise ZeroDivisionError

    def noted(_kind: str, outcome: str) -> None:
        ended.append(outcome)
        if len(ended) == 3:
            runs.stop()

    runs = ScanRunner(crashing, noted)
    runs.ask("site", Kind.NEAR)
    await runs.run()
    assert ended == ["crashed"] * 3


async def test_what_a_scan_could_not_understand_is_read_again_by_order(ground: Ground) -> None:
    async with ground.store.write() as tx:
        for number in range(2):
            body = json.dumps({**_whole(), "id": f"a{number}"} if number else {"id": "a0"}).encode()
            await bodies.add_account(tx, ground.site_id, f"a{number}", "It is.", body, NOW)
    told = await rejected.replay(Alone(ground, _settings(ground)), ReplayRejected(), lambda _report: None)
    assert (told.taken, list(told.kept.values())) == (1, ["The account still cannot be read."])
    assert [row["id"] for row in await ground.rows(Account)] == ["a1"]
