"""``[[external]]``: another loyalty program, with which this one is kept in step (docs/sync.md)."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from milestones.config.external_calls import (
    PLACEHOLDER,
    AdjustTable,
    Auths,
    CallTable,
    FindTable,
    Header,
    LimitsTable,
    Line,
    ListTable,
    MemberTable,
    ReadTable,
    WebhookTable,
)
from milestones.config.faults import Fault, Where, faulty, nearest
from milestones.config.sections import Flag, Table
from milestones.config.values import Duration, RateText
from milestones.config.web_addresses import BaseAddress, is_loopback, web_host
from milestones.domain.agreement import Merge, Start
from milestones.domain.order import find_text_fault
from milestones.domain.policy import Rate
from milestones.shipped import list_presets, preset_text

_OF_MEMBER = ("member.id", "member.email", "member.phone")
_OF_ADJUSTMENT = ("delta", "points", "key", "note")

LONGEST_NOTE = 60
"""Characters: our mark stands behind it, and programs keep 100 and more."""


class ExternalTable(Table):
    """``[[external]]``.

    preset: ships all other keys of a known program; any key that is written here goes before it.
    site: of several, the name of the one that is kept in step with it.
    match: how a member is known here: by the id in the mapping (``sync link``), by mail address.
    merge: whose balance counts where both changed since the last agreement; "sum" adds both changes up.
    start: what the first agreement is where the balances differ; "list" leaves it to a person.
    create: whether an account, and a contact, is made here for a member who has none.
    rounding: how a balance with decimals is read.
    ask_every: how often each member is asked for, of a program that has no list.
    note: the text beside our adjustments, on both sides.
    values: what further placeholders stand for, such as a program's id.
    on_status: what an HTTP status means: "retry" (busy), "gone" (no such member), "refused" (never again).
    unverified: of a preset, what nobody has seen documented.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
    preset: str | None = None
    site: str | None = None
    base_url: BaseAddress
    auth: Auths = ()
    headers: dict[Header, Line] = Field(default_factory=dict)
    rate: RateText = Rate(1, timedelta(seconds=1))
    limits: LimitsTable | None = None
    on_status: dict[
        Annotated[str, Field(pattern="^[45][0-9][0-9]$")], Literal["retry", "gone", "refused"]
    ] = Field(default_factory=dict)
    match: tuple[Literal["external_id", "email"], ...] = ("external_id", "email")
    merge: Merge = Merge.SUM
    start: Start = Start.LIST
    create: Flag = False
    rounding: Literal["down", "nearest", "up"] = "down"
    ask_every: Duration = timedelta(days=1)
    note: str = "In step with the other program"
    values: dict[Annotated[str, Field(pattern="^[a-z_]{1,30}$")], str] = Field(default_factory=dict)
    unverified: tuple[str, ...] = ()
    list: ListTable | None = None
    member: MemberTable
    get: ReadTable
    adjust: AdjustTable | None = None
    add: AdjustTable | None = None
    subtract: AdjustTable | None = None
    find: FindTable | None = None
    webhook: WebhookTable | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_find_faults(self))
        return self

    def write_for(self, amount: int) -> AdjustTable:
        """The call that moves so many points."""
        found = self.adjust or (self.add if amount > 0 else self.subtract)
        assert found is not None, "as it was checked"
        return found

    def calls(self) -> Mapping[str, CallTable]:
        """Those that it has, by their tables."""
        known = {name: getattr(self, name) for name in ("list", "get", "adjust", "add", "subtract", "find")}
        return {name: call for name, call in known.items() if call is not None}


def _find_faults(external: ExternalTable) -> Iterator[Fault]:
    if external.base_url.startswith("http:") and not is_loopback(web_host(external.base_url)):
        yield Fault(("base_url",), "must begin with https://; keys and customers travel along")
    if external.adjust is None and (external.add is None or external.subtract is None):
        yield Fault(
            ("adjust",), "is missing; give [external.adjust], or [external.add] and [external.subtract]"
        )
    if external.adjust is not None and (external.add or external.subtract):
        yield Fault(("adjust",), "cannot stand beside add and subtract; keep one way of moving points")
    if external.list is not None and external.member.id is None:
        yield Fault(("member", "id"), "is missing; a member that is listed is known by it")
    if external.list is not None and external.list.method not in {"GET", "POST"}:
        yield Fault(("list", "method"), "must be GET or POST, since it changes nothing")
    fault = find_text_fault("It", external.note, LONGEST_NOTE)
    if fault is not None:
        yield Fault(("note",), fault.replace("fits into what Wix keeps", "fit"))
    yield from _placeholders(external)


def _placeholders(external: ExternalTable) -> Iterator[Fault]:
    general = {*external.values, *_OF_MEMBER, *(f"member.{name}" for name in external.member.more)}
    for name, call in external.calls().items():
        known = set(external.values) if name == "list" else general
        if name in {"adjust", "add", "subtract", "find"}:
            known = known | set(_OF_ADJUSTMENT)
        for where, text in call.texts():
            for word in PLACEHOLDER.findall(text):
                if word in known:
                    continue
                place: Where = (name, *where)
                if "." in word or word in _OF_ADJUSTMENT:
                    yield Fault(place, f"{{{word}}} stands for nothing here{nearest(word, known)}")
                else:
                    yield Fault(
                        place, f'names {{{word}}}; write what it stands for: values = {{ {word} = "..." }}'
                    )


@cache
def read_preset(name: str) -> Mapping[str, Any]:
    """What a preset ships, as it stands in its file."""
    return tomllib.loads(preset_text(name))


def complete(entry: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """An entry with what its preset ships, and what is wrong with the preset's name."""
    name = entry.get("preset")
    if name is None:
        return dict(entry), None
    if name not in list_presets():
        known = ", ".join(list_presets())
        return dict(entry), f"is no preset; there are {known}{nearest(str(name), list_presets())}"
    return _merge(read_preset(name), entry), None


def _is_same_type(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return "type" not in one or "type" not in other or bool(one["type"] == other["type"])


def _merge(general: Mapping[str, Any], particular: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; one whose ``type`` is another is replaced as a whole."""
    merged = dict(general)
    for key, value in particular.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and _is_same_type(before, value):
            merged[key] = _merge(before, value)
        else:
            merged[key] = value
    if "adjust" in particular:
        merged = {
            key: value for key, value in merged.items() if key not in {"add", "subtract"} or key in particular
        }
    return merged
