"""What is wrong with the templates: found when the configuration is checked, not at night when a mail is due."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from milestones.errors import ConfigurationError
from milestones.kinds.email.rendering import (
    PARTS,
    Catalogue,
    RenderedMail,
    broken_parts,
    environment,
    template_names,
)
from milestones.kinds.email.template_uses import Use, read
from milestones.kinds.email.variables import VARIABLES, Site, only, preview_variables

_A_DAY = datetime(2026, 1, 15, 12, tzinfo=UTC)


def faults(folder: Path, needed: Mapping[str, frozenset[str]]) -> list[str]:
    """A sentence, with file and line, for everything that would keep a mail from being made.

    needed: for each template that the configuration names, the variables that its mails have
        (``variables.requirements``). Templates that nobody names are checked against all variables.
    """
    try:
        names = template_names(folder)
    except ConfigurationError as error:
        return error.faults
    made = environment(folder)
    found: list[str] = []
    for name in sorted(names | set(needed)):
        if name not in names:
            found.append(_missing_template(name, names))
            continue
        broken = list(broken_parts(made, name))
        if not broken:
            available = needed.get(name, VARIABLES)
            uses = [use for part in PARTS for use in read(made, f"{name}/{part}").uses]
            broken = [fault for use in uses for fault in _undefined(use, available)]
        found.extend(broken)
    # What cannot be seen in the syntax shows when the templates are tried; but only sound ones can be.
    if not found:
        return _tried(folder, needed)
    return [f"{folder.name}/{fault}" for fault in dict.fromkeys(found)]


def _missing_template(name: str, names: frozenset[str]) -> str:
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"make it with {', '.join(PARTS)} inside."
    return f"{name}: there is no such template; {hint}"


def _undefined(use: Use, available: frozenset[str]) -> Iterator[str]:
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


def _tried(folder: Path, needed: Mapping[str, frozenset[str]]) -> list[str]:
    """Renders every template, with what its mails have and with everything, so that every branch is seen."""
    catalogue = Catalogue(folder)
    found: list[str] = []
    for name in sorted(catalogue.templates):
        available = needed.get(name, VARIABLES)
        extra = {path.removeprefix("brand."): "Sample" for path in available - VARIABLES}
        sample = preview_variables(Site("Sample Shop", brand=extra), now=_A_DAY)
        for values in (only(sample, available), sample):
            try:
                mail = catalogue.render(name, values)
            except ConfigurationError as error:
                found.extend(error.faults)
            else:
                found.extend(
                    f"{folder.name}/{fault}" for fault in _no_way_out(name, mail, values["unsubscribe_url"])
                )
    return list(dict.fromkeys(found))


def _no_way_out(name: str, mail: RenderedMail, link: str) -> Iterator[str]:
    """Looked for in what is rendered: a layout may show the link, and a condition may hide it."""
    for part, shown in (("body.txt", mail.text), ("body.html", mail.html)):
        if link not in shown:
            yield (
                f"{name}/{part}: the link to unsubscribe is not in every mail made from this template; "
                "put {{ unsubscribe_url }} into it, outside of conditions."
            )
