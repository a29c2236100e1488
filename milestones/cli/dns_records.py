"""What DNS says about mail from a domain: whether receivers can tell it from forged mail.

SPF (RFC 7208) names who may send, DKIM (RFC 6376) holds the key of signatures, DMARC (RFC 7489) says what becomes of
mail that has neither. Large receivers ask bulk senders for all three.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

from milestones.cli.outcome import Outcome, Trial
from milestones.errors import MilestonesError

Lookup = Callable[[str], Awaitable[list[str]]]
"""The TXT records of a name, none if there are none. Raises NoResolverError."""


class NoResolverError(MilestonesError):
    """Nobody answered, so nothing is known about the records."""


async def trials(domain: str, selector: str | None, lookup: Lookup) -> AsyncIterator[Trial]:
    """One for each kind of record. selector: that of DKIM, which cannot be guessed."""
    yield await _spf(domain, lookup)
    if selector is None:
        yield Trial("DKIM", Outcome.UNTRIED, "set mail.dkim_selector to the selector of your mail server")
    else:
        yield await _dkim(domain, selector, lookup)
    yield await _dmarc(domain, lookup)


async def _spf(domain: str, lookup: Lookup) -> Trial:
    try:
        result = [record for record in await lookup(domain) if record.lower().split(" ")[0] == "v=spf1"]
    except NoResolverError as error:
        return Trial("SPF", Outcome.UNTRIED, str(error))
    if not result:
        return Trial(
            "SPF",
            Outcome.FAILED,
            f"{domain} has no TXT record that begins with v=spf1; add your mail server's",
        )
    if len(result) > 1:
        return Trial(
            "SPF",
            Outcome.FAILED,
            f"{domain} has {len(result)} SPF records, which makes all of them void; join them",
        )
    if result[0].rstrip().lower().endswith("+all"):
        return Trial(
            "SPF", Outcome.FAILED, f"{domain} lets everybody send (+all); end the record with ~all or -all"
        )
    return Trial("SPF", Outcome.OK, f"{domain}: {result[0]}")


async def _dkim(domain: str, selector: str, lookup: Lookup) -> Trial:
    name = f"{selector}._domainkey.{domain}"
    try:
        records = await lookup(name)
    except NoResolverError as error:
        return Trial("DKIM", Outcome.UNTRIED, str(error))
    keys = [tags["p"] for tags in map(_tags, records) if "p" in tags]
    if not keys:
        return Trial("DKIM", Outcome.FAILED, f"{name} has no key; add the record that your mail server names")
    if not keys[0]:
        return Trial("DKIM", Outcome.FAILED, f"{name} has an empty key, which means that it was revoked")
    return Trial("DKIM", Outcome.OK, f"{name} has a key")


async def _dmarc(domain: str, lookup: Lookup) -> Trial:
    try:
        # The organisation's own record counts where the subdomain has none (RFC 7489, section 6.6.3).
        for name in _and_parents(domain):
            for tags in map(_tags, await lookup(f"_dmarc.{name}")):
                if tags.get("v", "").upper() == "DMARC1":
                    return Trial("DMARC", Outcome.OK, f"_dmarc.{name}: policy {tags.get('p', 'none')}")
    except NoResolverError as error:
        return Trial("DMARC", Outcome.UNTRIED, str(error))
    return Trial("DMARC", Outcome.FAILED, f'_dmarc.{domain} has no record; begin with "v=DMARC1; p=none"')


def _and_parents(domain: str) -> list[str]:
    parts = domain.split(".")
    return [".".join(parts[position:]) for position in range(max(1, len(parts) - 1))]


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, separator, value in pairs if separator}
