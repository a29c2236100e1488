"""Overrides from the environment: ``MILESTONES_DAEMON__LISTEN=127.0.0.1:9090``.

The parts of a name are joined by two underscores, in any case. Entries of lists are named by their position, or by
their ``key`` or ``name``, where whatever is neither a letter nor a digit is written ``_``:
``MILESTONES_MILESTONES__STARS_1000__THRESHOLD=900`` and ``MILESTONES_MILESTONES__0__THRESHOLD=900``.

A value is taken as text where the key holds text; else it is written as in TOML. A secret stands in the environment
already, so ``MILESTONES_MAIL__PASSWORD`` is the secret itself, or a reference as in the file. A name without a double
underscore is nobody's override: Kubernetes, for one, sets ``MILESTONES_PORT`` beside a service of that name.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, SecretStr

from milestones.config.faults import Where, nearest
from milestones.config.tables import alternatives, child, entry_of, table_of

PREFIX = "MILESTONES_"
_PART = re.compile("[^A-Za-z0-9]")


def override(
    raw: dict[str, Any], environ: Mapping[str, str], root: type[BaseModel]
) -> tuple[dict[Where, str], list[str]]:
    """Write the overrides into ``raw``. Returns the variable that set each path, and sentences on those that cannot."""
    sources: dict[Where, str] = {}
    faults: list[str] = []
    for variable in sorted(environ):
        if not variable.upper().startswith(PREFIX) or "__" not in variable:
            continue
        parts = variable[len(PREFIX) :].split("__")
        try:
            path, annotation = _resolve(parts, raw, root)
            _put(raw, path, _value(environ[variable], annotation, variable))
        except ValueError as error:
            faults.append(f"{variable}: {error}")
        else:
            sources[path] = variable
    return sources, faults


def _resolve(parts: list[str], raw: dict[str, Any], root: type[BaseModel]) -> tuple[Where, Any]:
    path: Where = ()
    annotation: Any = root
    here: Any = raw
    for part in parts:
        step = _step(part, annotation, here)
        annotation = child(annotation, step)
        here = _below(here, step)
        path = (*path, step)
    return path, annotation


def _step(part: str, annotation: Any, here: Any) -> str | int:
    """The key or position that one part of a name means."""
    table = table_of(annotation)
    if table is not None:
        names = {_fold(name): name for name in table.model_fields}
        if _fold(part) not in names:
            raise ValueError(f"there is no key '{part.lower()}' here{nearest(part, table.model_fields)}")
        return names[_fold(part)]
    if entry_of(annotation) is None:
        raise ValueError(f"there is nothing below this key, so no '{part.lower()}' either")
    if _is_free_table(annotation):
        known: dict[str, str] = {_fold(name): name for name in here} if isinstance(here, dict) else {}
        return known.get(_fold(part), part.lower())
    return _position(part, here if isinstance(here, list) else [])


def _is_free_table(annotation: Any) -> bool:
    return any(get_origin(part) is dict for part in alternatives(annotation))


def _position(part: str, entries: list[Any]) -> int:
    if part.isdecimal() and int(part) <= len(entries):
        return int(part)
    names = [
        str(entry.get("key", entry.get("name", ""))) if isinstance(entry, dict) else "" for entry in entries
    ]
    result = [position for position, name in enumerate(names) if name and _fold(name) == _fold(part)]
    if len(result) != 1:
        listed = ", ".join(name for name in names if name) or "none"
        raise ValueError(f"no entry, or more than one, is called '{part.lower()}'; there are: {listed}")
    return result[0]


def _fold(name: str) -> str:
    return _PART.sub("_", name).lower()


def _below(here: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return here[step] if isinstance(here, list) and step < len(here) else None
    return here.get(step) if isinstance(here, dict) else None


def _value(text: str, annotation: Any, variable: str) -> Any:
    kinds = list(alternatives(annotation))
    try:
        parsed = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        parsed = text
    if SecretStr in kinds:
        # A password may begin like a table.
        return parsed if isinstance(parsed, dict) else {"env": variable}
    if (str in kinds or Path in kinds) and text.lstrip()[:1] not in ("{", "["):
        return text
    return parsed


def _put(raw: dict[str, Any], path: Where, value: Any) -> None:
    here: Any = raw
    for step, following in zip(path, [*path[1:], None], strict=True):
        filling = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not isinstance(here, list):
                raise ValueError("the file has no list here")  # noqa: TRY004 - about the file, not our types
            if step == len(here):
                here.append(filling)
        elif not isinstance(here, dict):
            raise ValueError("the file has no table here")  # noqa: TRY004 - as above
        elif step not in here:
            here[step] = filling
        if following is None:
            here[step] = value
        here = here[step]
