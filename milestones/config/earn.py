"""``[[earn]]``: points for what happens elsewhere, by events that services send or by links that customers click."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from milestones.config.earn_presets import PRESETS, WHO, fill
from milestones.config.earn_signature import HandshakeTable, SignatureTable
from milestones.config.earn_values import (
    Caps,
    Expression,
    HeaderName,
    HeaderValues,
    Limit,
    LimitText,
    Places,
    PlaceText,
    PointsOrExpression,
)
from milestones.config.faults import Fault, faulty
from milestones.config.references import ConfiguredPath
from milestones.config.sections import Table
from milestones.config.values import Duration, duration
from milestones.config.web_addresses import WebAddress
from milestones.domain.earn import Cap, ClaimRule, EarnRule, EventRule, Limits, Once, Part, Place, Who
from milestones.domain.order import Create, find_text_fault
from milestones.formats.expressions import JmesPath

LONGEST_DESCRIPTION = 100
"""Characters that Wix keeps with a transaction (docs/wix-api.md, 6)."""

MOST_CLAIM_TIME = duration("3650d")

_NAME = re.compile("[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
_NAMES = ("first_name", "last_name", "phone")
_OF_EVENTS = (
    "preset",
    "path",
    "signature",
    "handshake",
    "headers",
    "events",
    "when",
    "id",
    *WHO,
    "people",
    "create",
    *_NAMES,
    "once_per",
    "cap",
)
_EVERYTHING = JmesPath.parse("@")

PresetName = Literal[
    "standard-webhooks",
    "github",
    "meta",
    "zoom",
    "typeform",
    "judgeme",
    "shopify",
    "x",
    "bearer",
    "basic",
]


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 50 small letters, digits and dashes, such as 'follow-us'")
    return value


def _line(value: str) -> str:
    if fault := find_text_fault("It", value, LONGEST_DESCRIPTION):
        raise ValueError(f"must be a text for customers: {fault[:1].lower()}{fault[1:].rstrip('.')}")
    return value


Name = Annotated[str, AfterValidator(_name)]
Line = Annotated[str, AfterValidator(_line)]


class ClaimTable(Table):
    """``claim``: a link for each customer (``claim_url("NAME")`` in a template); whoever clicks it earns, once.

    url: where the click goes on to. title: what the page asks to do. valid_for: how long a link works, from its mail on.
    """

    url: WebAddress
    title: Line
    valid_for: Duration = duration("90d")

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.valid_for > MOST_CLAIM_TIME:
            faulty([Fault(("valid_for",), 'must be at most "3650d"')])
        return self

    def definition(self) -> ClaimRule:
        """As links are made and read by it."""
        return ClaimRule(self.url, self.title, self.valid_for)


class EarnRuleTable(Table):
    """One of ``[[earn]]``. See ``domain.earn`` for what the keys mean, and ``earn_presets`` for what a preset fills in.

    name: of the rule, by which what it gave is known: to rename it is to begin anew. site: the name of one of
    ``[[sites]]``, needed where there are several. path: the end of ``/webhooks/in/...``, by default the name.
    """

    name: Name
    site: str | None = Field(default=None, min_length=1, max_length=100)
    points: PointsOrExpression
    description: Line | None = None
    claim: ClaimTable | None = None
    preset: PresetName | None = None
    path: Name | None = None
    signature: SignatureTable | None = None
    handshake: HandshakeTable | None = None
    headers: dict[HeaderName, HeaderValues] = Field(default_factory=dict)
    events: Expression | None = None
    when: Expression | None = None
    id: Places = ()
    email: PlaceText | None = None
    contact_id: PlaceText | None = None
    account_id: PlaceText | None = None
    external_id: PlaceText | None = None
    people: ConfiguredPath | None = None
    create: Create = Create.ACCOUNT
    first_name: PlaceText | None = None
    last_name: PlaceText | None = None
    phone: PlaceText | None = None
    once_per: LimitText = Limit(Once.EVENT)
    cap: Caps = ()

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        return fill(values) if isinstance(values, Mapping) else values

    def find_faults(self) -> Iterator[Fault]:
        """What does not go together, with its place below the table. A rule that has such is not put into force."""
        yield from _claim_faults(self) if self.claim is not None else _event_faults(self)

    @property
    def address(self) -> str:
        """The end of the address at which its events come."""
        return self.path or self.name

    @property
    def who(self) -> Who:
        """By what its events name a customer."""
        return next(Who(key) for key in WHO if getattr(self, key) is not None)

    def definition(self, site: str, *, secrets: bool = True) -> EarnRule:
        """As events are taken by it. site: whose points it gives. Raises UsageError where a secret is not there.

        secrets: False for who has nothing to verify.
        """
        is_number = isinstance(self.points, int)
        return EarnRule(
            name=self.name,
            path=self.address,
            site=site,
            points=self.points if isinstance(self.points, int) else 0,
            description=self.description or (self.claim.title if self.claim is not None else self.name),
            limits=Limits(
                Once.CUSTOMER if self.claim is not None else self.once_per.once,
                self.once_per.value,
                tuple(Cap(cap.times, cap.period) for cap in self.cap),
            ),
            event=None
            if self.claim is not None
            else self._event(None if is_number else self.points, secrets=secrets),
            claim=None if self.claim is None else self.claim.definition(),
        )

    def _event(self, points: Any, *, secrets: bool) -> EventRule:
        assert self.signature is not None, "as it was checked"
        signature = self.signature if secrets else self.signature.model_copy(update={"secret": ()})
        who = self.who
        names: dict[str, Place | None] = {key: getattr(self, key) for key in _NAMES}
        return EventRule(
            signature=signature.definition(),
            handshake=None if self.handshake is None or not secrets else self.handshake.definition(),
            events=self.events or _EVERYTHING,
            who=who,
            person=getattr(self, who.value),
            headers=self.headers,
            when=self.when,
            id=self.id,
            people="" if self.people is None else str(self.people),
            create=self.create,
            names={key: place for key, place in names.items() if place is not None},
            points=points,
        )


def _claim_faults(rule: EarnRuleTable) -> Iterator[Fault]:
    written = rule.model_fields_set
    # What a preset has filled in was not written by anybody.
    for key in ("preset",) if "preset" in written else _OF_EVENTS:
        if key in written:
            yield Fault(
                (key,), "is for events, and a claim is a link: it has none, and works once for each customer"
            )
    if not isinstance(rule.points, int):
        yield Fault(("points",), "must be a number: a click says nothing of points")


def _event_faults(rule: EarnRuleTable) -> Iterator[Fault]:
    if rule.signature is None:
        known = ", ".join(PRESETS)
        yield Fault(
            ("signature",),
            f"is missing: write one, or a preset ({known}), or a claim; without it anybody could send events",
        )
    named = [key for key in WHO if getattr(rule, key) is not None]
    if not named:
        yield Fault(
            ("email",),
            "is missing: where does the event say whose it is? Or contact_id, account_id, or external_id with people",
        )
    for key in named[1:]:
        yield Fault((key,), f"cannot be had with {named[0]}; a customer is named in one way")
    if (rule.external_id is not None) != (rule.people is not None):
        key, other = ("people", "external_id") if rule.people is None else ("external_id", "people")
        yield Fault((key,), f"is missing; {other} is looked up in a file that names your customers")
    if isinstance(rule.points, int) and any(cap.times < rule.points for cap in rule.cap):
        yield Fault(("cap",), "is less than one event gives, so nothing would ever be given")
    yield from _id_faults(rule)
    for key in ("signature", "handshake"):
        table: SignatureTable | HandshakeTable | None = getattr(rule, key)
        if table is not None:
            yield from (fault._replace(path=(key, *fault.path)) for fault in table.find_faults())
    by_key = rule.handshake is not None and rule.handshake.type != "echo_get"
    if by_key and rule.signature is not None and rule.signature.type != "hmac":
        yield Fault(("handshake", "type"), "is answered with the key of an hmac signature")


def _id_faults(rule: EarnRuleTable) -> Iterator[Fault]:
    if rule.signature is None or rule.signature.type != "hmac":
        return
    for place in rule.id:
        if place.part is Part.HEADER and place.name not in rule.signature.covers:
            yield Fault(
                ("id",),
                f"names the header {place.name}, which is not signed: an event that is sent again under another would "
                "count anew. Name what stands in the body, or leave id out",
            )
