"""The walk of docs/tutorial-events.md: its commands as they stand there, and what Wix has in its books after each."""

import asyncio
import contextlib
import email
import email.policy
import hashlib
import hmac
import re
import shlex
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.crash.customers import strangers
from tests.e2e.floor import assert_calm, configured, rewrite, settled
from tests.process import Daemon, Shop, shop, until
from tests.programs import ROOT

pytestmark = [pytest.mark.xdist_group("walk-b3"), pytest.mark.slow]

PAGE = (ROOT / "docs/tutorial-events.md").read_text(encoding="utf-8")
SECRETS = {"ZOOM_SECRET": "zoom-secret", "JUDGEME_TOKEN": "judge-token"}
STARS = """
[[milestones]]
key = "stars-1000"
title = "1,000 stars"
threshold = 1000

[milestones.near]
within = 100
template = "almost-there"

[[milestones.rewards]]
coupon = { name = "For 1,000 stars", percent_off = 10, scope = "stores" }
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def steps() -> Mapping[str, list[str]]:
    """The commands under each heading, by its number."""
    found = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        shown = "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
        found[section.partition(".")[0]] = shown.splitlines()
    return found


class Walk:
    """A site with customers, its daemon, and who sends events to it."""

    def __init__(self, wix: Shop, daemon: Daemon) -> None:
        self.wix, self.daemon = wix, daemon

    async def step(self, number: str) -> list[tuple[int, str]]:
        """Carry out the commands of a step: exit code and output of each."""
        return [await self.command(line) for line in steps()[number]]

    async def command(self, line: str, **environment: str) -> tuple[int, str]:
        program, *words = [
            str(self.daemon.folder / word) if word.endswith((".json", ".py")) else word
            for word in shlex.split(line)
        ]
        if program == "milestones":
            code, out, err = await self.daemon.command(*words)
            assert "Traceback" not in err, err
            return code, " ".join((out + err).split())
        assert program == "python"
        told = {"SHOP": self.daemon.address, **SECRETS, **environment}
        sender = await asyncio.create_subprocess_exec(
            sys.executable, *words, env=told, stdout=PIPE, stderr=PIPE
        )
        said, _ = await sender.communicate()
        return sender.returncode or 0, said.decode().strip()

    async def books(self, mail: str) -> tuple[int, list[tuple[str, int]]]:
        """The balance of who has this address in Wix, and what our earning moved."""
        state = await self.wix.state("contacts", "accounts", "transactions")
        contacts = {
            one["id"]
            for one in state["contacts"]
            if one.get("primaryInfo", {}).get("email", "").casefold() == mail
        }
        accounts = [one for one in state["accounts"] if one["contactId"] in contacts]
        if not accounts:
            return 0, []
        (account,) = accounts
        earned = [
            (one["description"], one["amount"])
            for one in state["transactions"]
            if one["accountId"] == account["id"] and one.get("description")
        ]
        return account["points"]["balance"], earned


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    async with shop(folder, customers=20, seed=5) as wix:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0.2)
        (rules,) = blocks("toml")
        daemon = configured(folder, wix, STARS + rules)
        _write_templates(daemon)
        for name, text in zip(("registration", "review", "odd"), blocks("json"), strict=True):
            (folder / f"{name}.json").write_text(text)
        (folder / "send.py").write_text(blocks("python")[0])
        (folder / "failpoint").write_text("")
        daemon.environment |= {**SECRETS, "MILESTONES_FAILPOINT": f"@{folder / 'failpoint'}"}
        await daemon.start()
        yield Walk(wix, daemon)
        assert await daemon.end() == 0
        assert_calm("".join(daemon.log))


def _write_templates(daemon: Daemon) -> None:
    """The shipped mails with the line of the page."""
    templates = daemon.folder / "templates"
    shutil.copytree(ROOT / "templates", templates)
    rewrite(daemon, {str(ROOT / "templates"): str(templates)})
    (line,) = blocks("jinja")
    for part in ("body.txt", "body.html"):
        file = templates / "almost-there" / part
        text = file.read_text()
        file.write_text(
            text.replace("{% endblock %}", f"{line}{{% endblock %}}", 1)
            if "{% endblock %}" in text
            else text + line
        )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_shop_gives_points_for_what_happens_elsewhere(walk: Walk) -> None:
    [(code, out)] = await walk.step("1")
    assert (code, "are valid" in out) == (0, True)
    [(code, out)] = await walk.step("2")
    assert code == 0
    assert "20 points for nora@example.com. Nobody is known by that here" in out
    assert await walk.books("nora@example.com") == (0, []), "a trial does nothing"
    await register(walk)
    await review_while_it_dies(walk)
    await mend(walk)
    await refuse_and_keep(walk)
    await follow(walk)


async def register(walk: Walk) -> None:
    *sent, shown = steps()["3"]
    assert [await walk.command(line) for line in sent] == [(0, "200"), (0, "200")]
    await settled(walk.daemon)

    async def is_shown() -> bool:
        return "You joined a webinar" in (await walk.command(shown))[1]

    await until(is_shown, "Wix's queries show what was earned")
    assert await walk.books("nora@example.com") == (20, [("You joined a webinar", 20)])
    contacts = (await walk.wix.state("contacts"))["contacts"]
    (nora,) = [one for one in contacts if one.get("primaryInfo", {}).get("email") == "nora@example.com"]
    assert (nora["info"]["name"]["first"], nora["info"]["name"]["last"]) == ("Nora", "Novak")
    file = walk.daemon.folder / "registration.json"
    for number in ("813", "814"):
        other = walk.daemon.folder / f"registration-{number}.json"
        other.write_text(file.read_text().replace("uLoQc2rJT", number))
        assert await walk.command(f"python send.py webinar {other.name}") == (0, "200")
    await settled(walk.daemon)
    assert (await walk.books("nora@example.com"))[0] == 40, "the third is more than the cap lets"
    forged = await walk.command("python send.py webinar registration.json", ZOOM_SECRET="guessed")
    assert forged[1].startswith("401 The signature in x-zm-signature does not fit")


async def review_while_it_dies(walk: Walk) -> None:
    """Killed between the commit and the answer: the service sends it again, and it is done once."""
    (walk.daemon.folder / "failpoint").write_text("order.committed")
    code, _ = await walk.command("python send.py review review.json")
    assert code != 0, "nobody answered"
    await walk.daemon.died()
    (walk.daemon.folder / "failpoint").write_text("")
    await walk.daemon.start()
    (_, answered), (_, explained) = await walk.step("4")
    assert answered == "200"
    assert "Thank you for your review" in explained
    await settled(walk.daemon)
    balance, earned = await walk.books("nora@example.com")
    assert (balance, earned.count(("Thank you for your review", 50))) == (90, 1)


async def mend(walk: Walk) -> None:
    (_, answered), (_, listed), (reloaded, _), (replayed, sentence) = [
        *[await walk.command(line) for line in steps()["5"][:2]],
        *[await walk.command(line) for line in _mended(walk)],
    ]
    assert answered == "200"
    assert "earn.review" in listed
    assert (reloaded, replayed) == (0, 0)
    assert "1 webhook or account understood and recorded" in sentence
    await settled(walk.daemon)
    assert (await walk.books("nora@example.com"))[0] == 140
    assert walk.daemon.query("SELECT 1 FROM rejected") == []


def _mended(walk: Walk) -> list[str]:
    (line,) = blocks("ini")
    rewrite(walk.daemon, {'preset = "judgeme"\n': f'preset = "judgeme"\n{line}'})
    return steps()["5"][2:]


async def refuse_and_keep(walk: Walk) -> None:
    """What is hostile is answered with a sentence, what is genuine is kept, and nothing is booked."""
    before = (await walk.wix.state("transactions"))["transactions"]
    address = f"{walk.daemon.address}/webhooks/in/webinar"
    async with httpx.AsyncClient(timeout=30) as sender:
        for body in (
            b"[" * 10_000 + b"]" * 10_000,
            b"\0" * 50,
            b"event=x",
            b'{"event": "endpoint.url_validation"}',
        ):
            answer = await sender.post(address, content=body, headers=_sign(body))
            assert (answer.status_code, answer.text) == (200, "")
        old = (walk.daemon.folder / "registration.json").read_bytes()
        for headers, word in (
            (_sign(old, age=3600), "too far from now"),
            (_sign(old + b" "), "does not fit"),
            ({}, "is missing"),
            ({"content-type": "text/html", "x-zm-signature": "v0=" + "0" * 64}, "is missing"),
        ):
            answer = await sender.post(address, content=old, headers=headers)
            assert (answer.status_code, word in answer.text) == (401, True), answer.text
        large = b" " * (1024 * 1024 + 1)
        assert (await sender.post(address, content=large, headers=_sign(large))).status_code == 413
        assert (await sender.post(f"{address}x", content=b"{}")).status_code == 404
        assert (await sender.get(address)).status_code == 405
        with contextlib.suppress(httpx.TransportError):
            answer = await sender.post(address, content=b"{}", headers={"x-zm-signature": "0" * 200_000})
            assert 400 <= answer.status_code < 500
        plain = b'{"event": "endpoint.url_validation", "payload": {"plainToken": "t"}}'
        answer = await sender.post(address, content=plain, headers=_sign(plain))
        proof = hmac.new(b"zoom-secret", b"t", hashlib.sha256).hexdigest()
        assert answer.json() == {"plainToken": "t", "encryptedToken": proof}
    assert len(walk.daemon.query("SELECT 1 FROM rejected WHERE event_type = 'earn.webinar'")) == 4
    await settled(walk.daemon)
    assert (await walk.wix.state("transactions"))["transactions"] == before


def _sign(body: bytes, age: int = 0) -> dict[str, str]:
    sent_at = str(int(time.time()) - age)
    text = f"v0:{sent_at}:".encode() + body
    signature = hmac.new(b"zoom-secret", text, hashlib.sha256).hexdigest()
    return {"x-zm-request-timestamp": sent_at, "x-zm-signature": f"v0={signature}"}


async def follow(walk: Walk) -> None:
    customer = (await strangers(walk.wix))[0]
    await walk.wix.adjust(customer.account, 950)
    await settled(walk.daemon)

    async def is_found() -> bool:
        [(code, out)] = await walk.step("6")
        assert code == 0, out
        return bool(walk.daemon.query("SELECT 1 FROM reminders"))

    await until(is_found, "Wix's queries show a scan that she is near")
    await settled(walk.daemon)
    link = _find_link(walk.daemon.folder / "mail", customer.address)
    assert link.startswith(f"{walk.daemon.address}/e/follow-us.")
    async with httpx.AsyncClient() as browser:
        page = await browser.get(link)
        assert (page.status_code, "Follow us on Instagram" in page.text) == (200, True)
        assert walk.daemon.query("SELECT 1 FROM orders WHERE key LIKE 'follow-us:%'") == []
        for _ in range(2):
            clicked = await browser.post(link)
            assert (clicked.status_code, clicked.headers["location"]) == (
                303,
                "https://www.instagram.com/corner-shop",
            )
        assert (await browser.post(link.replace("follow-us", "follow-me"))).status_code == 404
    await settled(walk.daemon)

    async def has_coupon() -> bool:
        return len((await walk.wix.state("coupons"))["coupons"]) == 1

    await until(has_coupon, "the coupon of the milestone that the follow reached")
    assert (await walk.books(customer.address))[0] == 1010


def _find_link(mails: Path, address: str) -> str:
    for file in mails.rglob("*.eml"):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if address in str(message["To"]).casefold():
            part = message.get_body(("plain",))
            assert part is not None
            found = re.search(r"http\S+/e/\S+", str(part.get_content()))
            assert found is not None, part.get_content()
            return found[0]
    raise AssertionError("no mail to the customer")


def test_the_walk_tries_every_command_that_the_page_shows() -> None:
    assert {number for number, commands in steps().items() if commands} == {"1", "2", "3", "4", "5", "6"}
    assert not [
        line
        for lines in steps().values()
        for line in lines
        if line.split()[0] not in ("milestones", "python")
    ]
