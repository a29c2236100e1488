"""Names of customers as a mail may show them. Sign-up forms take anything, and are abused to mail strangers in a shop's
name: so a name is one harmless line, and never anything that a mail program makes a link of.
"""

import re
import unicodedata

from milestones.domain.characters import JOINERS, remove_unseen

LONGEST_TEXT = 200
"""Characters of a customer's or shop's text that a mail shows."""

_LONGEST_NAME = 80

_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "sir",
        "herr",
        "frau",
        "hr",
        "mme",
        "mlle",
        "monsieur",
        "madame",
        "sig",
        "sra",
        "srta",
        "dott",
        "dipl",
        "ing",
        "rev",
    ]
)
_BETWEEN_TITLES = frozenset(["&", "+", "and", "und", "et", "y", "e", "en", "og"])
"""Of several persons in one name."""

_SUFFIXES = frozenset(
    ["jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "msc", "bsc", "ma", "ba", "esq", "dds", "cpa", "llm"]
)

_ABBREVIATION = re.compile(rf"\b([^\W\d_]|{'|'.join(_TITLES)}|st|ph)\.(?=[^\W\d_])", re.IGNORECASE)
"""``J.Smith`` and ``Dr.Li`` are no domains, and would be linked as ones."""

_LINKED = re.compile(
    r"""[@\\]|//                       # addresses, paths of Windows, and whatever has a scheme with a host
    |\bwww\b
    |\b[a-z][a-z0-9+.-]*:\S           # mailto:, tel:, http:
    |[^\s.]\.[^\W_]                   # a domain or an IP address
    |(?:\d[\s()/+-]*){6}              # a number to call
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61\u2024\ufe52", "."))
_COMMAS = re.compile("[,;\uff0c\u3001\u060c]")
_AROUND = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb.,;:!?()[]{}-_*/|~"
"""What no first name begins or ends with."""


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """Text from outside as one line that cannot break a header, hide what follows, or fail to be encoded."""
    kept = "".join(_harmless(character) for character in text)
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    # A lone surrogate cannot be encoded, and a direction override turns the rest of the line round.
    return "" if category == "Cs" or character in _OVERRIDES else character


def person(name: str | None) -> str:
    """A customer's name; nothing where there is none to see, or where a mail program would make a link of it."""
    line = plain(_visible(name or ""), _LONGEST_NAME)
    # As a reader and a mail program see it: without what is not drawn, wide letters as narrow ones.
    shown = unicodedata.normalize("NFKC", remove_unseen(line).translate(_DOTS)).translate(_DOTS)
    if not any(unicodedata.category(character)[0] in "LNS" for character in shown):
        return ""
    spaced = _ABBREVIATION.sub(r"\1. ", shown)
    if _LINKED.search(spaced):
        return ""
    return line if spaced == shown else _ABBREVIATION.sub(r"\1. ", line)


def _visible(name: str) -> str:
    """Without what nobody sees, but for the joiners that words of some scripts and emoji are made with."""
    kept = remove_unseen(name, joiners=True)
    return "".join(
        character
        for place, character in enumerate(kept)
        if character not in JOINERS
        or (0 < place < len(kept) - 1 and not kept[place - 1].isascii() and not kept[place + 1].isascii())
    )


def first_name(name: str) -> str:
    """By which a person is greeted, of a name as ``person`` gives it: Jane of "Doe, Jane", "Dr. Jane Doe", "Jane Doe, Jr.".

    Nothing where only a title and one more word are there: that word is the family's.
    """
    parts = [part.split() for part in _COMMAS.split(name)]
    named = [words for words in parts if words and not _is_suffix(words)]
    words = named[1] if len(named) > 1 else named[0] if named else []
    given = list(words)
    while given and _bare(given[0]) in _TITLES:
        given = given[1:]
        if len(given) > 1 and _bare(given[0]) in _BETWEEN_TITLES and _bare(given[1]) in _TITLES:
            given = given[1:]
    if len(given) < len(words) and len(given) == 1 and len(named) == 1:
        return ""
    result = next((word for word in given if any(unicodedata.category(one)[0] in "LN" for one in word)), "")
    stripped = result.strip(_AROUND)
    # An initial keeps its full stop.
    return f"{stripped}." if len(stripped) == 1 and f"{stripped}." in result else stripped


def _is_suffix(words: list[str]) -> bool:
    return _bare("".join(words)) in _SUFFIXES or all(_bare(word) in _SUFFIXES for word in words)


def _bare(word: str) -> str:
    return word.replace(".", "").strip(_AROUND).casefold()
