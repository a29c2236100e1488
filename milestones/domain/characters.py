"""Characters that nobody sees, and that come along when text is copied, or are put there to deceive."""

import unicodedata

JOINERS = frozenset("\u200c\u200d")
"""They belong to words in some scripts, and to some domains (RFC 5892, appendix A)."""

_UNSEEN_WITHIN_OTHER_CATEGORIES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2065, 0x2065),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1D159, 0x1D159),
    (0xE0000, 0xE0FFF),
)
"""Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties) beyond category Cf; and the empty cell of braille."""


def is_unseen(character: str) -> bool:
    """Whether nothing is drawn for it, in any font. Spaces and control characters are not meant."""
    if character.isascii():
        return False
    point = ord(character)
    return unicodedata.category(character) == "Cf" or any(
        first <= point <= last for first, last in _UNSEEN_WITHIN_OTHER_CATEGORIES
    )


def remove_unseen(text: str, *, joiners: bool = False) -> str:
    """The text without what nobody sees. joiners: whether those stay that some scripts need within words."""
    if text.isascii():
        return text
    return "".join(
        character for character in text if (joiners and character in JOINERS) or not is_unseen(character)
    )
