"""What other programs write where somebody was asked whether he wants mail. A no is kept; a yes was said to somebody else."""

from milestones.sync.importing.fields import heading_form

_NO = frozenset(
    [
        "no",
        "n",
        "false",
        "0",
        "unsubscribed",
        "inactive",
        "optedout",
        "optout",
        "declined",
        "rejected",
        "bounced",
        "cleaned",
        "suppressed",
        "nein",
        "non",
        "nee",
    ]
)
_YES = frozenset(
    ["yes", "y", "true", "1", "subscribed", "active", "optedin", "optin", "accepted", "ja", "oui", "si"]
)
_SILENT = frozenset(
    ("", "unknown", "notset", "none", "null", "na", "nosubscriptionstatus", "neversubscribed", "pending")
)


def is_refusal(text: str) -> bool | None:
    """Whether it says no; None where it says nothing. Raises ValueError for a word that is not known."""
    form = heading_form(text)
    if form in _NO:
        return True
    if form in _YES:
        return False
    if form in _SILENT:
        return None
    raise ValueError(text)
