"""Asks the machine's DNS resolver."""

import dns.asyncresolver
import dns.exception
import dns.resolver

from milestones.cli.dns_records import NoResolverError

SECONDS = 5.0


async def text_records(name: str) -> list[str]:
    """Ask the machine's resolver. See ``records.Lookup``."""
    try:
        answer = await dns.asyncresolver.resolve(name, "TXT", lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NoResolverError(
            f"No DNS resolver answered for {name} ({type(error).__name__}), so this says nothing about the records. "
            "Try again where DNS works."
        ) from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
