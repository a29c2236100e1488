"""Templates into mails: Jinja2 in a sandbox, since a shop edits them, and CSS inlined, since mail clients drop it.

A template is a folder with the files of ``PARTS``; whatever else lies beside the folders, such as a layout, may be
extended or included. Everything is read and compiled when the catalogue is made, so that a fault shows at start.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from css_inline import CSSInliner, InlineError
from jinja2 import (
    BytecodeCache,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.bccache import Bucket
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from milestones.errors import ConfigurationError
from milestones.kinds.email import terms
from milestones.kinds.email.names import plain
from milestones.kinds.email.template_uses import read

SUBJECT, TEXT, HTML = PARTS = ("subject.txt", "body.txt", "body.html")

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
# The rest of Jinja's errors may quote values, and with them a customer's name.
_SAYS_NO_VALUES = (TemplateSyntaxError, TemplateNotFound, UndefinedError, SecurityError)


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """What a customer gets to see. The subject is one line without control characters."""

    subject: str
    text: str
    html: str


class Catalogue:
    """The templates of one folder, compiled. Raises ConfigurationError with every file that cannot be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = environment(folder)
        self._inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
        self.templates = template_names(folder)
        broken = [fault for name in sorted(self.templates) for fault in broken_parts(self._environment, name)]
        if broken:
            raise ConfigurationError([f"{folder.name}/{fault}" for fault in dict.fromkeys(broken)])
        self._uses = {name: self._groups(name) for name in self.templates}

    def uses(self, template: str) -> frozenset[str]:
        """The groups of variables that a template shows, such as ``coupon``, in its layout too, if only sometimes."""
        return self._uses[self._require_template(template)]

    def render(self, template: str, variables: Mapping[str, Any]) -> RenderedMail:
        """One mail. Raises ConfigurationError, with file and line and without any value, if the template cannot."""
        self._require_template(template)
        subject, text, html = (self._part(f"{template}/{part}", variables) for part in PARTS)
        return RenderedMail(
            subject=plain(subject),
            text=_BLANK_LINES.sub("\n\n", text).strip() + "\n",
            html=self._inline_css(f"{template}/{HTML}", html),
        )

    def _inline_css(self, name: str, html: str) -> str:
        try:
            # Half a character can be put into no mail; the inliner takes none either.
            return self._inliner.inline(html.encode(errors="replace").decode())
        except InlineError as error:
            fault = f"{self.folder.name}/{name}: its CSS cannot be read."
            advice = 'Look in it and in its layout for a style that is no list of properties, as style="*zoom:1" is none.'
            raise ConfigurationError([f"{fault} {advice}"]) from error

    def _part(self, name: str, variables: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(name).render(variables)
        except Exception as error:
            # A template's own arithmetic may raise anything; whatever it is, the template is at fault.
            raise ConfigurationError([self._fault(error, name)]) from error

    def _fault(self, error: Exception, name: str) -> str:
        file, line = name, 1
        trace = error.__traceback__
        # Jinja rewrites tracebacks to show the files of templates; the innermost one is the place.
        while trace is not None:
            path = Path(trace.tb_frame.f_code.co_filename)
            if path.is_relative_to(self.folder):
                file, line = path.relative_to(self.folder).as_posix(), trace.tb_lineno
            trace = trace.tb_next
        what = f"cannot be rendered ({type(error).__name__})"
        if isinstance(error, _SAYS_NO_VALUES):
            what = f"cannot be rendered: {error}"
        return f"{self.folder.name}/{file}:{line}: {what}."

    def _groups(self, template: str) -> frozenset[str]:
        return frozenset(
            use.path[0] for part in PARTS for use in read(self._environment, f"{template}/{part}").uses
        )

    def _require_template(self, template: str) -> str:
        if template not in self.templates:
            raise ConfigurationError([f"There is no template {template!r} among the templates."])
        return template


class _Loader(FileSystemLoader):
    """Reads files with the mark that some editors put at the beginning, which is no part of a mail, and without."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """As its base; raises TemplateSyntaxError for UTF-16, of which UTF-8 makes letters with zeros between."""
        source, path, is_current = super().get_source(environment, template)
        if "\0" in source:
            raise TemplateSyntaxError("is not UTF-8 text; save it as UTF-8", 1, template)
        return source, path, is_current


class _Compiled(BytecodeCache):
    """What was compiled lately, in memory: a start and a reload make the same templates several times.

    Jinja asks for what it knows by name and source, so an edited template is compiled anew.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket where its template is known."""
        if (kept := self._kept.get(bucket.key)) is not None:
            bucket.load_bytecode(BytesIO(kept))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        if len(self._kept) >= self._most:
            self._kept.clear()
        kept = BytesIO()
        bucket.write_bytecode(kept)
        self._kept[bucket.key] = kept.getvalue()


_COMPILED = _Compiled(most=256)


def environment(folder: Path) -> ImmutableSandboxedEnvironment:
    """Jinja as every template gets it: undefined names are errors, HTML is escaped, no way out of the sandbox."""
    made = ImmutableSandboxedEnvironment(
        loader=_Loader(folder, encoding="utf-8-sig"),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        bytecode_cache=_COMPILED,
    )
    made.filters["number"] = _number
    return made


def template_names(folder: Path) -> frozenset[str]:
    """The folders that hold at least one of a mail's parts."""
    if not folder.is_dir():
        raise ConfigurationError([f"{folder}: the folder with the templates does not exist."])
    return frozenset(
        entry.name for entry in folder.iterdir() if any((entry / part).is_file() for part in PARTS)
    )


def broken_parts(environment: ImmutableSandboxedEnvironment, template: str) -> Iterator[str]:
    """A sentence for each part of a template that is missing or cannot be compiled."""
    for part in PARTS:
        name = f"{template}/{part}"
        try:
            for file in sorted(read(environment, name).files):
                environment.get_template(file)
        except TemplateNotFound:
            yield f"{name}: the file is missing; a template has {', '.join(PARTS)}."
        except TemplateSyntaxError as error:
            yield f"{error.name or name}:{error.lineno}: {(error.message or 'wrong syntax').rstrip('.')}."
        except UnicodeDecodeError:
            yield f"{name}: is not UTF-8 text; save it as UTF-8."


@pass_context
def _number(context: Context, value: float) -> str:
    return terms.number(value, context["customer"]["language"])
