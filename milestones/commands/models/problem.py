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


class Fault(Answer):
    """One fault of a request. pointer: into its body, as a fragment of a URI (RFC 6901); parameter: of its path or query;
    header: its name.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ApiProblem(Answer):
    """Why a call of the API was not answered (RFC 9457). detail: the sentence for a person. errors: each fault by itself,
    where there are several places that may have one.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[Fault, ...] | None = None
