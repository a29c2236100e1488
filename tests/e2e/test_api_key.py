"""One's own site with an API key: it hears no webhooks, so scans find what happened."""

from pathlib import Path

from tests.process import STARS, Daemon, shop, until


async def test_a_site_without_webhooks_gives_by_scan_alone_and_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path, customers=60, seed=5) as wix:
        await wix.settings(query_lag_seconds=0)
        daemon = Daemon(tmp_path, wix)
        daemon.configure(STARS)
        told = wix.credentials
        text = daemon.config.read_text()
        text = text.replace(
            f'instance_id = "{told["instance_id"]}"',
            f'api_key = {{ env = "WIX_API_KEY" }}\nsite_id = "{told["site_id"]}"',
        ).replace('every = "1h"', 'every = "1s"')
        daemon.config.write_text(text)
        await daemon.start(WIX_API_KEY=told["api_key"])
        # No webhook may help.
        (
            await wix.http.put("/_sandbox/webhook", json={"url": "http://127.0.0.1:9/nowhere"})
        ).raise_for_status()
        await until(lambda: _logged(daemon, '"kind": "baseline"'), "the baseline")
        account = next(
            one for one in (await wix.state("accounts"))["accounts"] if one["points"]["balance"] < 900
        )
        await wix.adjust(account["id"], 1000)

        async def given() -> bool:
            return bool((await wix.state("coupons"))["coupons"])

        await until(given, "a coupon")
        assert await _logged(daemon, "site_without_webhooks")
        assert daemon.query("SELECT account_id, source FROM grants") == [(account["id"], "reached")]
        assert await daemon.end() == 0


async def _logged(daemon: Daemon, words: str) -> bool:
    return any(words in line for line in daemon.log)
