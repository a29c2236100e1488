"""What is wrong with the templates: found when the configuration is checked, not at night when a mail is due."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jinja2 import Environment

from milestones.errors import ConfigurationError
from milestones.kinds.email.rendering import (
    PARTS,
    Catalogue,
    broken_parts,
    environment,
    template_names,
)
from milestones.kinds.email.template_trials import Mails, Trial, plainest, whom
from milestones.kinds.email.template_uses import Reading, Use, read
from milestones.kinds.email.variables import (
    VARIABLES,
    Site,
    claims_among,
    preview_variables,
)

_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_A_DAY = datetime(2026, 1, 15, 12, tzinfo=UTC)


def faults(
    folder: Path, needed: Mapping[str, frozenset[str]], claims: Collection[str] | None = None
) -> list[str]:
    """A sentence, with file and line, for everything that would keep a mail from being made.

    needed: for each template that the configuration names, the variables that its mails have
        (``variables.requirements``). Templates that nobody names are checked against all variables.
    claims: of all sites, for these; None where nobody knows them.
    """
    try:
        names = template_names(folder)
    except ConfigurationError as error:
        return error.faults
    made = environment(folder)
    result: list[str] = []
    for name in sorted(names | set(needed)):
        if name not in names:
            result.append(_missing_template(name, names))
            continue
        broken = list(broken_parts(made, name))
        if not broken:
            available = needed.get(name, VARIABLES)
            uses = [use for part in PARTS for use in read(made, f"{name}/{part}").uses]
            broken = [fault for use in uses for fault in _find_undefined(use, available)]
        result.extend(broken)
    # What cannot be seen in the syntax shows when the templates are tried; but only sound ones can be.
    if not result:
        return _render_trials(folder, needed, claims)
    return [f"{folder.name}/{fault}" for fault in dict.fromkeys(result)]


def _missing_template(name: str, names: frozenset[str]) -> str:
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"make it with {', '.join(PARTS)} inside."
    return f"{name}: there is no such template; {hint}"


def _find_undefined(use: Use, available: frozenset[str]) -> Iterator[str]:
    known = VARIABLES | available
    groups = {path.split(".")[0] for path in known if "." in path}
    head = use.path[:2] if use.path[0] in groups else use.path[:1]
    name = ".".join(head)
    place = f"{use.file}:{use.line}"
    if name not in known and name not in groups:
        close = get_close_matches(".".join(use.path[:2]), sorted(known | groups), n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        yield f"{place}: {use.dotted} is not a variable{hint}"
    elif not _is_there(head, use, available):
        yield (
            f"{place}: {use.dotted} is not there in every mail made from this template; "
            f"remove it, or put {{% if {name} is defined %}} around it."
        )


def _is_there(head: tuple[str, ...], use: Use, available: frozenset[str]) -> bool:
    """Whether reading this path cannot fail. Asking needs only the group to be there."""
    wanted = head[:-1] if use.asks else head
    return (
        not wanted
        or ".".join(wanted) in available
        or (len(wanted) == 1 and any(path.startswith(f"{wanted[0]}.") for path in available))
        or any(all(map(str.__eq__, given, wanted)) for given in use.given)
    )


def _render_trials(
    folder: Path, needed: Mapping[str, frozenset[str]], claims: Collection[str] | None
) -> list[str]:
    """Renders every template for every kind of customer; a fault names the plainest for whom it shows."""
    catalogue = Catalogue(folder)
    made = environment(folder)
    result: dict[str, str] = {}
    for name in sorted(catalogue.templates):
        available = needed.get(name, VARIABLES)
        extra = {
            path.removeprefix("brand."): "Sample"
            for path in available - VARIABLES
            if path.startswith("brand.")
        }
        linked = claims_among(available) if name in needed else claims
        sample = preview_variables(Site("Sample Shop", brand=extra), now=_A_DAY, claims=linked)
        mails = Mails(sample, available, _whole(made, name))
        for trial in mails:
            for fault, advice in _of_one(catalogue, name, mails.values(trial)).items():
                if fault not in result:
                    customer = _fails(catalogue, name, mails, trial, fault)
                    result[fault] = f"{fault}, for {customer}{advice}" if customer else f"{fault}{advice}"
    return list(result.values())


def _fails(catalogue: Catalogue, name: str, mails: Mails, trial: Trial, fault: str) -> str:
    """For whom a fault shows, in as few words as tell it."""
    return whom(plainest(trial, lambda plainer: fault in _of_one(catalogue, name, mails.values(plainer))))


def _whole(made: Environment, name: str) -> Reading:
    """What all parts of a template read."""
    parts = [read(made, f"{name}/{part}") for part in PARTS]
    paths = {path for part in parts for path in part.compared}
    return Reading(
        [use for part in parts for use in part.uses],
        frozenset(file for part in parts for file in part.files),
        {
            path: tuple(sorted({value for part in parts for value in part.compared.get(path, ())}, key=str))
            for path in paths
        },
        frozenset(word for part in parts for word in part.filters),
    )


def _of_one(catalogue: Catalogue, name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with one mail, each with what to do."""
    return dict(_looked_at(catalogue, name, values))


def _looked_at(catalogue: Catalogue, name: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        mail = catalogue.render(name, values)
    except ConfigurationError as error:
        yield from ((fault.removesuffix("."), ".") for fault in error.faults)
        return
    folder = catalogue.folder.name
    if not mail.subject:
        yield f"{folder}/{name}/subject.txt: the subject is empty", "; write one outside of conditions."
    # Looked for in what is rendered: a layout may show the link, and a condition or a comment may hide it.
    for part, shown in (("body.txt", mail.text), ("body.html", _COMMENT.sub("", mail.html))):
        if values["unsubscribe_url"] not in shown:
            yield (
                f"{folder}/{name}/{part}: the link to unsubscribe is not in every mail made from this template",
                "; put {{ unsubscribe_url }} into it, outside of conditions.",
            )
