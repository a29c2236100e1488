"""Every call whose answer can be lost, lost in every way: nothing is doubled, and nothing is left out."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import Envelope

from milestones.kinds.webhook import channel
from milestones.outbox import drain
from milestones.wix import answers, coupons
from tests.crash.giving import PATIENCE, DiedError, Giving, dying_in, giving
from tests.crash.house import KINDS
from wixsandbox.faults import Fault

CALLS = {
    "token": ("POST", "/oauth2/token"),
    "program": ("GET", "/loyalty-programs/v1/program"),
    "coupon create": ("POST", "^/stores/v2/coupons$"),
    "badge look-up": ("POST", "/badges/v4/badges/query"),
    "badge create": ("POST", "^/badges/v4/badges$"),
    "badge assign": ("POST", "^/badges/v4/assignments$"),
    "points earn": ("POST", "^/loyalty-accounts/v1/accounts/[^/]+/earn-points$"),
    "consent": ("POST", "/email-marketing/v1/email-subscriptions/query"),
}
LOSSES = {
    "connection dropped before": Fault(effect="drop_before"),
    "connection dropped after": Fault(effect="drop_after"),
    "connection cut in the body": Fault(effect="truncate"),
    "500 before": Fault(effect="status", status=500),
    "500 after": Fault(effect="status_after", status=500),
    "503 page after": Fault(effect="status_after", status=503, body="<html>busy</html>"),
    "200 with half a body": Fault(effect="malformed"),
    "answer too late": Fault(effect="delay_after", seconds=2 * PATIENCE),
    "effect too late": Fault(effect="delay", seconds=2 * PATIENCE),
}


AGAIN_AND_AGAIN = ("connection dropped after", "500 after", "200 with half a body", "500 before")
SEVERAL = {
    "in words": AGAIN_AND_AGAIN,
    "in silence": ("connection dropped before", "connection cut in the body", "answer too late"),
    "at last": ("503 page after", "effect too late"),
}
"""Those that one test has every call suffer one after the other; each by itself is rare."""


IN_A_ROW = {loss for losses in SEVERAL.values() for loss in losses}


@pytest.fixture(autouse=True)
def impatient_with_webhooks(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del impatient
    monkeypatch.setattr(channel, "TIMEOUT", httpx.Timeout(PATIENCE))


@pytest.mark.parametrize(
    "loss",
    [pytest.param(loss, marks=[pytest.mark.rare] if loss in IN_A_ROW else []) for loss in LOSSES],
)
@pytest.mark.parametrize("call", CALLS)
async def test_a_lost_answer_doubles_nothing_and_leaves_nothing_out(
    shop: Giving, call: str, loss: str
) -> None:
    async with shop.started():
        shop.fault(*CALLS[call], LOSSES[loss])
        await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()


@pytest.mark.parametrize("losses", SEVERAL)
@pytest.mark.parametrize("call", CALLS)
async def test_answers_that_are_lost_again_and_again_double_nothing(
    shop: Giving, call: str, losses: str
) -> None:
    async with shop.started():
        for loss in SEVERAL[losses]:
            shop.fault(*CALLS[call], LOSSES[loss])
        await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()


LOOK_UPS = {
    "coupon create": "/stores/v2/coupons/query",
    "badge create": "/badges/v4/badges/query",
    "points earn": "/loyalty-transactions/v1/loyalty-transactions/query",
}


@pytest.mark.parametrize("call", LOOK_UPS)
async def test_when_the_look_up_after_a_loss_fails_too_nothing_is_repeated_blindly(
    shop: Giving, call: str
) -> None:
    async with shop.started():
        shop.fault(*CALLS[call], LOSSES["connection dropped after"])
        skip = 1 if call == "badge create" else 0  # the first look-up comes before the create
        shop.fault("POST", LOOK_UPS[call], Fault(effect="status", status=500, times=5, skip=skip))
        await shop.crossing()
        await shop.finish()
        assert all(armed["happened"] for armed in shop.wix.sandbox.faults.list_armed())
        await shop.assert_everything_once()


UNVERIFIED: dict[str, list[dict[str, Any]]] = {
    "coupon create": [{"duplicate_coupon_status": status} for status in (400, 409, 428)],
    "badge assign": [{"badge_assigned_twice": twice} for twice in ("already_exists", "existing", "kept")],
    "points earn": [
        {"earn_key_seconds": 5},
        *(
            {"repeated_earn": repeated, "earn_key_scope": scope}
            for repeated in ("first_result", "already_exists")
            for scope in ("account", "app", "site")
        ),
    ],
}


@pytest.mark.parametrize(
    ("call", "switches"), [(call, switches) for call, several in UNVERIFIED.items() for switches in several]
)
async def test_whatever_wix_says_to_a_repetition_it_is_no_failure(
    tmp_path: Path, call: str, switches: dict[str, Any]
) -> None:
    async with giving(tmp_path, **switches) as shop, shop.started():
        shop.fault(*CALLS[call], LOSSES["connection dropped after"])
        await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()
        tried = {row.kind: row.attempts for row in await shop.actions()}
        assert tried["badge"] <= 2
        assert tried["points"] <= 2


@pytest.mark.parametrize("status", [400, 409, 428])
async def test_a_duplicate_that_is_refused_in_words_that_nobody_knows_is_looked_for_until_it_shows(
    tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coupons, "says_duplicate", lambda _error: False)
    async with giving(tmp_path, duplicate_coupon_status=status) as shop, shop.started():
        shop.fault(*CALLS["coupon create"], LOSSES["connection dropped after"])
        await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_death_in_the_effect_nothing_is_doubled_even_while_queries_lag(
    shop: Giving, kind: str
) -> None:
    async with shop.started():
        await shop.crossing()
        with dying_in(kind):
            await shop.finish()
    async with shop.started():
        await shop.finish()
        await shop.assert_everything_once(unknown=frozenset({kind} & {"email"}))


async def test_a_badge_that_a_dead_process_made_is_awaited_for_others_too(
    shop: Giving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reach(name: str) -> None:
        if name == "wix.answered" and any(one["title"] == "Star customer" for one in shop.books.badges):
            monkeypatch.undo()
            raise DiedError

    monkeypatch.setattr(answers, "reach", reach)
    async with shop.started():
        await shop.crossing()
        with pytest.raises(DiedError):
            await shop.finish()
    async with shop.started():
        await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()


async def test_a_badge_that_was_just_made_is_awaited_by_the_next_process(shop: Giving) -> None:
    for _ in range(2):
        async with shop.started():
            await shop.crossing()
            await shop.finish()
            await shop.assert_everything_once()


async def test_a_receiver_that_took_the_webhook_and_said_nothing_or_nonsense_sees_one_id(
    shop: Giving,
) -> None:
    async with shop.started():
        shop.hook.answers = ["", "500 Oh", "", "503 Busy"]
        account = await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()
    assert len(shop.hook.ids[account.id]) == 5


@pytest.mark.parametrize("taken", [True, False])
async def test_a_mail_whose_answer_is_lost_is_shown_to_a_person_and_not_repeated(
    shop: Giving, *, taken: bool
) -> None:
    async with shop.started():
        shop.hangs_up_after_the_dot(taken=taken)
        await shop.crossing()
        await shop.finish()
        shop.mail.at.clear()
        await shop.finish()
        await shop.assert_everything_once(mails=int(taken), unknown=frozenset({"email"}))


async def test_a_mail_whose_answer_is_lost_is_repeated_under_the_same_id_where_that_is_wanted(
    shop: Giving,
) -> None:
    async with shop.started(on_lost_answer="resend"):
        shop.hangs_up_after_the_dot(taken=True)
        await shop.crossing()
        await drain.drain(lambda: shop.work)
        shop.answers_again()
        await shop.finish()
        await shop.assert_everything_once(mails=2)
    ids = {line for one in shop.mail.taken for line in _lines(one) if line.startswith(b"Message-ID:")}
    assert len(ids) == 1


def _lines(envelope: Envelope) -> list[bytes]:
    return bytes(envelope.original_content or b"").splitlines()
