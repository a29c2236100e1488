"""Why a command was not carried out, as RFC 9457 has it: ``application/problem+json``."""

from typing import Final

from milestones.commands.models.command import Answer

MEDIA_TYPE: Final = "application/problem+json"

LINES: Final = "application/jsonl"
"""Asked for with ``Accept``, an answer is lines of JSON: any number of ``{"progress": ...}``, then one ``{"result": ...}``
or ``{"problem": ...}``.
"""


class Problem(Answer):
    """detail: the sentence for a person. exit_code: that of a command line which shows it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    exit_code: int
