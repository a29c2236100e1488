"""From a file and the environment to settings: every fault in one go, each with its place."""

import copy
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from milestones.config import environment, external, warnings
from milestones.config.faults import Fault, Where, collect, overlap, spell, unknown_key
from milestones.config.locate import Place, places
from milestones.config.references import Surroundings, reference_of
from milestones.config.rules import Draft, find_broken, list_templates
from milestones.config.sections import DaemonSettings
from milestones.config.settings import Settings, Source
from milestones.config.tables import entry_of, known_keys, table_of
from milestones.config.templates import Uses, read_uses
from milestones.errors import ConfigurationError

_ENCODING = "utf-8-sig"
"""With the mark that some editors put at the beginning, and without."""

_TOML_PLACE = re.compile(r"^(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
TRIES = 5
"""How often a table is tried again without what is wrong in it. More than two are needed for nested tables only."""
_OF_A_SITE = ("mail", "brand", "policy")
"""Tables of which a site names only what differs."""


def load(path: Path, environ: Mapping[str, str], *, secrets: bool = True) -> Settings:
    """Read ``config.toml`` with the environment's overrides.

    secrets: False for a command that needs none; then one that is not there is missed only by whoever asks for it.
    Raises ConfigurationError with every fault, each "config.toml:12:5: milestones[0].treshold: unknown key; ...".
    """
    try:
        text = path.read_text(encoding=_ENCODING)
    except FileNotFoundError:
        raise ConfigurationError(
            [f"{path}: there is no such file. `milestones init` writes one; --config names another."]
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            [f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8."]
        ) from None
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}."]) from None
    return parse(text, path, environ, secrets=secrets)


def parse(text: str, path: Path, environ: Mapping[str, str], *, secrets: bool = True) -> Settings:
    """As ``load``, of a text. path: where it stands or would stand; relative paths in it start at its folder."""
    try:
        return _parse(text, path, environ, secrets=secrets)
    except RecursionError:
        raise ConfigurationError([f"{path}: tables or lists are nested too deep."]) from None


def restore(source: Source, path: Path) -> Settings:
    """The configuration that was read from ``source``, without its secrets: it was checked then, and what it refers to
    may have changed since.
    """
    return _parse(source.text, path, source.environ, secrets=False, known=source.uses)


def _parse(
    text: str,
    path: Path,
    environ: Mapping[str, str],
    *,
    secrets: bool,
    known: Mapping[str, frozenset[str]] | None = None,
) -> Settings:
    """known: what the templates use, of a configuration that was checked before."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_syntax_fault(error, path, text)]) from None
    except ValueError:
        # Python's own limit, of which the parser does not tell where it was passed.
        raise ConfigurationError([f"{path}: a number has thousands of digits."]) from None
    sources, faults = environment.override(raw, environ, Settings)
    own = _complete_sites(raw)
    of_presets = _complete_externals(raw)
    folder = path.absolute().parent
    around = Surroundings(folder, environ, secrets)
    read = _Reading(raw, around).read()
    read.faults += of_presets
    tell = partial(_sentences, path=path, places=places(text), sources=sources)
    uses = _uses(raw, folder) if known is None else Uses(known, {})
    rules = [] if known is not None else find_broken(_draft(read, uses))
    faults += tell(_without_echoes([*read.faults, *rules], own))
    if faults:
        raise ConfigurationError(faults)
    tables = read.tables | {key: tuple(entries.values()) for key, entries in read.lists.items()}
    source = Source(text, _select_environment(environ, tables["daemon"]), uses.groups)
    return Settings.assemble(tables, path, tell(warnings.list_warnings(Settings(**tables))), source)


def _uses(raw: Mapping[str, Any], folder: Path) -> Uses:
    templates = _templates(raw, folder)
    return read_uses(templates, [name for _, name in list_templates(raw)]) if templates else Uses({}, {})


def _select_environment(environ: Mapping[str, str], daemon: DaemonSettings) -> dict[str, str]:
    """What of the environment a command needs to read the same: overrides, and the database's address."""
    kind, _, name = reference_of(daemon.database).partition(":")
    wanted = {name} if kind == "env" else set()
    return {
        variable: value
        for variable, value in environ.items()
        if variable.upper().startswith(environment.PREFIX) or variable in wanted
    }


def templates_folder(path: Path, environ: Mapping[str, str]) -> Path | None:
    """The folder of the templates that a faulty configuration names; None where even that cannot be told."""
    try:
        raw = tomllib.loads(path.read_text(encoding=_ENCODING))
    except (OSError, ValueError, RecursionError):
        return None
    environment.override(raw, environ, Settings)
    return _templates(raw, path.absolute().parent)


def _syntax_fault(error: tomllib.TOMLDecodeError, path: Path, text: str) -> str:
    match = _TOML_PLACE.match(str(error))
    sentence, line, column = match.groups() if match else (str(error), None, None)
    if line is None:
        lines = text.splitlines() or [""]
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    return f"{path}:{line}:{column}: is not valid TOML: {sentence[:1].lower()}{sentence[1:]}"


def _templates(raw: Mapping[str, Any], folder: Path) -> Path | None:
    daemon = raw.get("daemon", {})
    written = daemon.get("templates", "templates") if isinstance(daemon, dict) else None
    return folder / written if isinstance(written, str) else None


def _complete_sites(raw: Mapping[str, Any]) -> Any:
    """Fill what a site does not say of its mail, brand and policy from what holds for all. Returns what it did say."""
    sites = raw.get("sites")
    said = copy.deepcopy(sites)
    for site in sites if isinstance(sites, list) else ():
        for table in _OF_A_SITE:
            if isinstance(site, dict) and isinstance(site.get(table), dict):
                site[table] = _merge(raw.get(table), site[table])
    return said


def _complete_externals(raw: Mapping[str, Any]) -> list[Fault]:
    """Fill what an entry does not say from what its preset ships. Returns the faults of presets that there are none of."""
    faults: list[Fault] = []
    entries = raw.get("external")
    if not isinstance(entries, list):
        return faults
    for position, entry in enumerate(entries):
        if isinstance(entry, dict):
            entries[position], fault = external.complete(entry)
            faults += [] if fault is None else [Fault(("external", position, "preset"), fault)]
    return faults


def _merge(general: Any, particular: Any) -> Any:
    if not isinstance(general, dict) or not isinstance(particular, dict):
        return particular
    merged = {key: _merge(general.get(key), value) for key, value in particular.items()}
    return {**general, **merged}


class _Reading:
    """What was read so far: whole tables, entries of lists by position, the faults, and what was taken out."""

    def __init__(self, raw: Mapping[str, Any], around: Surroundings) -> None:
        self.raw = raw
        self.tables: dict[str, Any] = {}
        self.lists: dict[str, dict[int, Any]] = {}
        self.faults = [
            unknown_key((key,), Settings.model_fields) for key in raw if key not in Settings.model_fields
        ]
        self.gone: list[Where] = []
        self._around = around

    def read(self) -> Self:
        """Table by table, and entry by entry: a fault in one must not hide those in another."""
        for key, field in Settings.model_fields.items():
            entry = entry_of(field.annotation)
            if table_of(entry) is None:
                table = self._check(TypeAdapter(field.rebuild_annotation()), self.raw.get(key, {}), (key,))
                self.tables |= {} if table is None else {key: table}
                continue
            self.lists[key] = {}
            written = self.raw.get(key, [])
            if not isinstance(written, list):
                self._refuse(Fault((key,), f"must be a list; begin each entry with [[{key}]]"))
                continue
            adapter = TypeAdapter(entry)
            for position, one in enumerate(written):
                value = self._check(adapter, one, (key, position))
                self.lists[key] |= {} if value is None else {position: value}
        return self

    def _refuse(self, fault: Fault) -> None:
        self.faults.append(fault)
        self.gone += [place for place in (fault.path, fault.meant) if place is not None]

    def _check(self, adapter: TypeAdapter[Any], written: Any, where: Where) -> Any:
        """The value; with faults, what it is without them; None where it cannot do without.

        Pydantic checks the rules within a table only once its keys are right. So what is wrong is taken out and the
        rest tried again, as long as that shows something new.
        """
        rest = written
        for _ in range(TRIES):
            try:
                return adapter.validate_python(rest, context=self._around)
            except ValidationError as error:
                result = collect(error, where, partial(known_keys, Settings))
            before = tuple(self.gone)
            for fault in result:
                if any(overlap(fault.path, place) for place in before):
                    # It was told, and taking it out did not help: then what is around it goes too.
                    self.gone.append(fault.path[:-1])
                else:
                    self._refuse(fault)
            rest = _without(written, where, self.gone)
        return None


def _without(written: Any, where: Where, gone: Iterable[Where]) -> Any:
    rest = copy.deepcopy(written)
    for place in gone:
        *above, last = place[len(where) :] or (None,)
        here = rest if place[: len(where)] == where else None
        for part in above:
            here = _below(here, part)
        if isinstance(here, dict):
            here.pop(last, None)
    return rest


def _below(value: Any, part: str | int | None) -> Any:
    if isinstance(value, list):
        return value[part] if isinstance(part, int) and part < len(value) else None
    return value.get(part) if isinstance(value, dict) else None


def _draft(read: _Reading, uses: Uses) -> Draft:
    return Draft(
        raw=read.raw,
        templates=uses.faults,
        daemon=read.tables.get("daemon"),
        wix=read.tables.get("wix"),
        mail=read.tables.get("mail"),
        sites=read.lists["sites"],
        earn=read.lists["earn"],
        faults=read.faults,
        gone=read.gone,
    )


def _without_echoes(faults: Iterable[Fault], said: Any) -> list[Fault]:
    """Each fault once: what a site only inherits is told where it stands."""
    distinct = dict.fromkeys(faults)
    return [
        fault
        for fault in distinct
        if not (
            len(fault.path) > 2
            and fault.path[0] == "sites"
            and fault.path[2] in _OF_A_SITE
            and not _is_said(said, fault.path[1:])
            and any(fault.path[2:] == other.path and fault.sentence == other.sentence for other in distinct)
        )
    ]


def _is_said(said: Any, path: Where) -> bool:
    here = said
    for part in path:
        here = _below(here, part)
    return here is not None


def _sentences(
    faults: Iterable[Fault], *, path: Path, places: Mapping[Where, Place], sources: Mapping[Where, str]
) -> list[str]:
    """As sentences, in the order of the file; those about the environment first."""
    sentences = []
    for fault in faults:
        place, variable = _place(fault.path, places, sources)
        source = variable or f"{path}:{place.line}:{place.column}"
        sentences.append((place, f"{source}: {spell(fault.path)}: {fault.sentence}"))
    return [sentence for _, sentence in sorted(sentences, key=lambda pair: pair[0])]


def _place(
    where: Where, places: Mapping[Where, Place], sources: Mapping[Where, str]
) -> tuple[Place, str | None]:
    """Where a key stands, or what it stands in if it is missing."""
    for length in range(len(where), 0, -1):
        if where[:length] in sources:
            return Place(0, 0), sources[where[:length]]
        if where[:length] in places:
            return places[where[:length]], None
    return Place(1, 1), None
