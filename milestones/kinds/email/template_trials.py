"""The mails that a template is tried with: every value that may be empty, and every side of its conditions.

A mail is varied in what its template reads, and in nothing else. The first one varies nothing, the next ones a single thing
each, and then come all that differ in several, or, where these are too many, enough for any two to meet. So the first
mail that fails is the plainest, and says for whom.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from milestones.kinds.email.names import first_name
from milestones.kinds.email.template_uses import Reading
from milestones.kinds.email.variables import BRAND_DEFAULTS, VARIABLES, only

MOST = 64
"""So many mails are tried of one template before only pairs are; rendering one takes some milliseconds."""

_LANGUAGES = ("de", "es", "fr", "it", "nl", "en-GB", "pt-BR", "ar", "tlh")
_OPTIONAL = {
    "a coupon": frozenset({"coupon.code", "coupon.name", "coupon.terms", "coupon.expires"}),
    "a badge": frozenset({"badge.title"}),
    "points that are missing": frozenset({"points.missing", "reward"}),
    "a coupon that is promised": frozenset({"reward.coupon"}),
    "a badge that is promised": frozenset({"reward.badge"}),
}


@dataclass(frozen=True, slots=True)
class _Variant:
    """A change of some values, by their paths. present: paths that are there in addition."""

    whom: str = ""
    changes: tuple[tuple[str, Any], ...] = ()
    present: frozenset[str] = frozenset()


_AS_IT_IS = _Variant()
Trial = tuple[_Variant, ...]
"""One mail, by what it differs in."""


@dataclass(frozen=True, slots=True)
class Mails:
    """The mails to try a template with.

    sample: everything that a mail may have. available: what all mails of this template have. reading: what it reads.
    """

    sample: Mapping[str, Any]
    available: frozenset[str]
    reading: Reading

    def __iter__(self) -> Iterator[Trial]:
        """The plainest first."""
        aspects = [[_AS_IT_IS, *variants] for variants in _aspects(self.available, self.reading)]
        yield from map(tuple, _combine(aspects))

    def values(self, trial: Trial) -> dict[str, Any]:
        """What such a mail shows."""
        varied = {
            group: dict(leaf) if isinstance(leaf, Mapping) else leaf for group, leaf in self.sample.items()
        }
        paths = self.available
        for variant in trial:
            paths |= variant.present
            for path, value in variant.changes:
                group, _, name = path.partition(".")
                varied[group][name] = value
        return only(varied, paths)


def plainest(trial: Trial, fails: Callable[[Trial], bool]) -> Trial:
    """The same without what does not make it fail."""
    for place in range(len(trial)):
        plainer = (*trial[:place], _AS_IT_IS, *trial[place + 1 :])
        if plainer != trial and fails(plainer):
            trial = plainer
    return trial


def whom(trial: Trial) -> str:
    """What sets a mail apart, for a sentence; empty for the plainest."""
    return ", ".join(variant.whom for variant in trial if variant.whom)


def _aspects(available: frozenset[str], reading: Reading) -> Iterator[Sequence[_Variant]]:
    """What the mails of this template may differ in, each with its variants."""
    read = {".".join(use.path[:2]) for use in reading.uses} | {use.path[0] for use in reading.uses}

    def reads(*names: str) -> bool:
        return not read.isdisjoint(names)

    for what, paths in _OPTIONAL.items():
        if not paths <= available and reads(*paths, *(path.partition(".")[0] for path in paths)):
            yield [_Variant(f"a mail with {what}", present=paths)]
    if reads("customer.name", "customer.first_name"):
        yield list(_names(reading))
    if reads("customer.language") or reading.filters:
        given = [text for text in reading.compared.get("customer.language", ()) if isinstance(text, str)]
        languages = dict.fromkeys((*_LANGUAGES, *given))
        yield [_Variant(f"the language {text}", (("customer.language", text),)) for text in languages]
    if reads("coupon.expires"):
        yield [_Variant("a coupon that never ends", (("coupon.expires", ""),))]
    if reads("points.value", "points.missing", "milestone.threshold"):
        yield list(_points(available, reading))
    if reads("points.measure"):
        yield [
            _Variant(f"a milestone on {measure}", (("points.measure", measure),))
            for measure in ("earned", "tier_points")
        ]
    brand = [f"brand.{name}" for name, value in BRAND_DEFAULTS.items() if not value]
    if reads(*brand):
        # The sample has what is there by default, which is nothing.
        yield [_Variant("a shop with all texts of its brand", tuple((path, "Sample") for path in brand))]
    yield from _others(available, reading)


def _names(reading: Reading) -> Iterator[_Variant]:
    def with_name(whom: str, name: str) -> _Variant:
        return _Variant(whom, (("customer.name", name), ("customer.first_name", first_name(name))))

    yield with_name("a customer whose name is one word", "Cher")
    yield with_name("a customer without a name", "")
    yield with_name("a customer with a name of one letter", "X")
    yield with_name("a customer with a name of four words", "Ana Maria de Souza")
    yield with_name("a customer with a name without a first name", "Dr. Lima")
    yield with_name("a customer with a very long name", f"{'Ana' * 13} {'Lima' * 10}")
    for path in ("customer.name", "customer.first_name"):
        for text in reading.compared.get(path, ()):
            if isinstance(text, str) and text:
                yield with_name(f"a customer named {text}", text)


def _points(available: frozenset[str], reading: Reading) -> Iterator[_Variant]:
    def with_points(value: int, threshold: int) -> _Variant:
        missing = max(1, threshold - value)
        changes = (("points.value", value), ("points.missing", missing), ("milestone.threshold", threshold))
        return _Variant(f"{value:,} points of {threshold:,}", changes)

    yield with_points(999, 1000)
    yield with_points(999_999, 1_000_000)
    if "points.missing" in available:
        # A window may begin at nothing.
        yield with_points(0, 1000)
        yield with_points(0, 1)
    else:
        yield with_points(1000, 1000)
        yield with_points(1, 1)
        yield with_points(1_234_567, 1000)
    for number in reading.compared.get("points.value", ()):
        if isinstance(number, int) and number > 0:
            for value in (number - 1, number, number + 1):
                yield with_points(value, value + 1 if "points.missing" in available else max(1, value))
    for number in reading.compared.get("points.missing", ()):
        if isinstance(number, int) and number > 0:
            for missing in (number, number + 1, number - 1):
                yield with_points(10 * number, 10 * number + missing)


_SPECIAL = frozenset({"customer.name", "customer.first_name", "customer.language", "points.measure"})


def _others(available: frozenset[str], reading: Reading) -> Iterator[Sequence[_Variant]]:
    """Texts that a condition compares with something: one side of it is seen with that alone."""
    for path, values in sorted(reading.compared.items()):
        known = path in VARIABLES or path in available
        texts = [value for value in values if isinstance(value, str) and value]
        if known and "." in path and path not in _SPECIAL and texts:
            yield [_Variant(f"{path} being {text}", ((path, text),)) for text in texts]


def _combine(aspects: Sequence[Sequence[_Variant]]) -> Iterator[Sequence[_Variant]]:
    """All combinations, or the pairs of variants where those are more than ``MOST``; fewest changes first."""
    plain = [_AS_IT_IS] * len(aspects)
    number = 1
    for variants in aspects:
        number *= len(variants)
    if number <= MOST:
        yield from sorted(product(*aspects), key=lambda chosen: sum(item is not _AS_IT_IS for item in chosen))
        return
    yield plain
    for place, variants in enumerate(aspects):
        for variant in variants[1:]:
            yield [*plain[:place], variant, *plain[place + 1 :]]
    yield from _pairs(aspects)
    # Every first, every second ... variant at once: what needs more than two to be seen.
    for turn in range(max(map(len, aspects))):
        yield [variants[turn % len(variants)] for variants in aspects]


def _pairs(aspects: Sequence[Sequence[_Variant]]) -> Iterator[Sequence[_Variant]]:
    """Mails in which any two variants of different aspects meet, several pairs in one where they fit."""
    left = {
        (one, first, other, second)
        for one, other in combinations(range(len(aspects)), 2)
        for first in range(1, len(aspects[one]))
        for second in range(1, len(aspects[other]))
    }
    while left:
        row: dict[int, int] = {}
        for one, first, other, second in sorted(left):
            if row.get(one, first) == first and row.get(other, second) == second:
                row |= {one: first, other: second}
        left -= {pair for pair in left if row.get(pair[0]) == pair[1] and row.get(pair[2]) == pair[3]}
        yield [variants[row.get(place, 0)] for place, variants in enumerate(aspects)]
