"""``claim_url("follow-us")`` in a template: the customer's own link of a rule that is a claim."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches

from milestones.domain import keys
from milestones.domain.keys import Claim

NAME = "claim_url"

SAMPLE = "https://example.com/e/sample"


@dataclass(frozen=True, slots=True)
class ClaimUrls:
    """What stands behind ``claim_url``. Raises jinja2's UndefinedError, whose words may be shown, for what is no rule.

    names: of the rules that a mail may link; None where nobody knows them. link: makes one.
    """

    names: Collection[str] | None
    link: Callable[[str], str] = field(repr=False)

    def __call__(self, name: str) -> str:
        """The link of this rule."""
        if self.names is not None and name not in self.names:
            raise _undefined(_describe_unknown(name, self.names))
        return self.link(name)

    def __str__(self) -> str:
        raise _undefined('claim_url needs the name of a rule: {{ claim_url("follow-us") }}')

    __html__ = __str__


def _describe_unknown(name: object, names: Collection[str]) -> str:
    close = get_close_matches(str(name), sorted(names), n=1)
    known = ", ".join(sorted(names)) or "none"
    hint = f"did you mean '{close[0]}'?" if close else f"there are {known}" if names else "there are none"
    return f"there is no claim '{name}' among [[earn]] of the site; {hint}"


def _undefined(sentence: str) -> Exception:
    # Imported here because the checks of a configuration without mails need none of it.
    from jinja2.exceptions import UndefinedError  # noqa: PLC0415

    return UndefinedError(sentence)


def sample_urls(names: Collection[str] | None) -> ClaimUrls:
    """For a mail that nobody is sent: a link of nobody's."""
    return ClaimUrls(names, lambda _name: SAMPLE)


@dataclass(frozen=True, slots=True)
class SiteClaims:
    """The claims of a site. valid_for: how long a link works, by rule."""

    public_url: str = ""
    secret: bytes = field(default=b"", repr=False)
    valid_for: Mapping[str, timedelta] = field(default_factory=dict)

    def of(self, account_id: str, now: datetime) -> ClaimUrls:
        """The links of an account, that work from now on until the end of a day."""

        def link(name: str) -> str:
            claim = Claim(name, account_id, (now + self.valid_for[name]).date())
            return f"{self.public_url}/e/{keys.claim_token(self.secret, claim)}"

        return ClaimUrls(tuple(self.valid_for), link)
