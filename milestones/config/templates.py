"""Which variables a mail template uses: a mail waits only for the actions whose variables it shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PARTS = ("subject.txt", "body.txt", "body.html")
"""The files of a template."""


@dataclass(frozen=True, slots=True)
class Uses:
    """What was found in the templates that a configuration names, by their names.

    groups: the variable groups of those that can be read. faults: sentences on the others.
    """

    groups: Mapping[str, frozenset[str]]
    faults: Mapping[str, str]


def read_uses(templates: Path, names: Iterable[str]) -> Uses:
    """Read each of these templates once. templates: the folder of all of them."""
    result: dict[str, frozenset[str]] = {}
    faults: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            result[name] = groups(templates, name)
        except ValueError as error:
            faults[name] = str(error)
    return Uses(result, faults)


def groups(templates: Path, name: str) -> frozenset[str]:
    """The groups (``coupon``, ``badge``, ``customer``, ...) that a template and its layout use, if only sometimes.

    templates: the folder of all of them. Raises ValueError with a sentence where it is missing or cannot be read.
    """
    folder = templates / name
    if not folder.is_dir():
        result = sorted(path.parent.name for path in templates.glob("*/subject.txt"))
        listed = f"there are {', '.join(result)}" if result else "it has none"
        raise ValueError(f"names the template '{name}', which is not in {templates} ({listed})")
    for part in PARTS:
        if not (folder / part).is_file():
            raise ValueError(f"names the template '{name}', which has no {part} in {folder}")
    return _find_used(templates, [f"{name}/{part}" for part in PARTS])


def _find_used(templates: Path, names: list[str]) -> frozenset[str]:
    # Imported here because it takes a twentieth of a second, and a configuration without mails needs none of it.
    from jinja2 import Environment, meta, nodes  # noqa: PLC0415
    from jinja2.exceptions import TemplateSyntaxError  # noqa: PLC0415

    # Nothing is rendered here, so nothing needs escaping.
    environment = Environment(autoescape=True)
    used: set[str] = set()
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop()
        try:
            parsed = environment.parse((templates / name).read_text(encoding="utf-8"))
        except TemplateSyntaxError as error:
            raise ValueError(
                f"uses the template {templates / name}:{error.lineno}: {error.message}"
            ) from None
        except OSError as error:
            raise ValueError(
                f"uses the template {templates / name}, which cannot be read ({error.strerror})"
            ) from None
        except UnicodeDecodeError:
            raise ValueError(f"uses the template {templates / name}, which is not UTF-8 text") from None
        used |= {node.name for node in parsed.find_all(nodes.Name) if node.ctx == "load"}
        others = {other for other in meta.find_referenced_templates(parsed) if other is not None}
        waiting += others - seen
        seen |= others
    return frozenset(used)
