"""What a configuration only refers to: secrets, keys and files. A secret never appears in a sentence."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    SerializationInfo,
    ValidationInfo,
    WithJsonSchema,
)

from milestones.domain.characters import is_unseen, remove_unseen
from milestones.errors import UsageError

REFERENCE = 'write { env = "NAME" } or { file = "path" }'


@dataclass(frozen=True)
class Surroundings:
    """What reading a configuration needs beside its text.

    folder: the one that holds the file; relative paths start there.
    demand_secrets: whether a secret that is not there is a fault, or is only missed by whoever asks for it.
    """

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    demand_secrets: bool = True


class Secret(SecretStr):
    """A value that no command shows.

    reference: where it is kept (``env:NAME``, ``file:path``). missing: why it is not there, where it is not.
    """

    def __init__(self, value: str, reference: str, missing: str | None = None) -> None:
        super().__init__(value)
        self.reference = reference
        self.missing = missing

    def get_secret_value(self) -> str:
        """The value. Raises UsageError where the configuration was read without its secrets and this one is missing."""
        if self.missing is not None:
            raise UsageError(self.missing)
        return super().get_secret_value()


def surroundings(info: ValidationInfo) -> Surroundings | None:
    """What ``load`` passes along; None when a model is built in code."""
    return info.context if isinstance(info.context, Surroundings) else None


def _resolve(value: Path, info: ValidationInfo) -> Path:
    around = surroundings(info)
    return around.folder / value if around else value


def _require_name(value: object) -> object:
    # Nothing written would be the folder of the configuration.
    if isinstance(value, str) and not (value.strip() and value.isprintable()):
        raise ValueError("must name a file or folder, in characters that can be seen")
    return value


def _portable(value: Path, info: SerializationInfo) -> str:
    """Relative to the folder that is the context, so that two machines name a configuration alike."""
    folder = info.context
    if isinstance(folder, Path) and value.is_relative_to(folder):
        return str(value.relative_to(folder))
    return str(value)


def resolve_reference(value: Any, info: ValidationInfo) -> SecretStr:
    """What a reference leads to; where it may be missing, only whoever asks for it is told. Raises ValueError."""
    if isinstance(value, SecretStr):
        return value
    kind, name = _reference(value)
    around = surroundings(info) or Surroundings(Path(), os.environ)
    try:
        result = _fetch(kind, name, around)
    except ValueError as error:
        if around.demand_secrets:
            raise
        return Secret("", f"{kind}:{name}", missing=f"A secret is needed that is not there: it {error}.")
    return Secret(result, f"{kind}:{name}")


def _reference(value: Any) -> tuple[str, str]:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, name),) = value.items()
        if kind in ("env", "file") and isinstance(name, str) and name.strip():
            if not name.isprintable():
                raise ValueError(f"refers to a name that holds a character that cannot be seen; {REFERENCE}")
            return kind, name
    raise ValueError(f"a secret is never written here; {REFERENCE}")


def _fetch(kind: str, name: str, around: Surroundings) -> str:
    if kind == "env":
        result = _trim(around.environ.get(name, ""), f"the environment variable {name}")
        if not result:
            raise ValueError(f"refers to the environment variable {name}, which is not set")
        return result
    try:
        # With the mark that some editors put at the beginning, and without.
        text = (around.folder / name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"refers to the file {name}, which is not in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"refers to the file {name}, which cannot be read ({error.strerror})") from None
    result = _trim(text, f"the file {name}")
    if not result:
        raise ValueError(f"refers to the file {name}, which is empty")
    return result


def _trim(text: str, where: str) -> str:
    """Without the line end of a file. What nobody sees would only be found by whoever is refused for it."""
    result = text.strip().strip("\ufeff").strip()
    for character in result:
        if is_unseen(character) or (not character.isprintable() and character not in "\r\n\t \u00a0"):
            code_point = f"U+{ord(character):04X}"
            raise ValueError(
                f"refers to {where}, which holds a character that cannot be seen ({code_point}); remove it"
            )
    return result


def one_line_secret(value: Any, info: ValidationInfo) -> SecretStr:
    """As ``resolve_reference``, of a secret that stands on one line. Raises ValueError."""
    result = resolve_reference(value, info)
    if (
        isinstance(result, Secret)
        and result.missing is None
        and len(result.get_secret_value().splitlines()) > 1
    ):
        raise ValueError(
            f"refers to {result.reference}, which holds several lines; only the secret belongs there"
        )
    return result


def secret_or_text(value: Any, info: ValidationInfo) -> tuple[str, str | None]:
    """What may be written or resolve_reference to: the text, and its reference if it was one. Raises ValueError."""
    if isinstance(value, SecretStr):
        return value.get_secret_value(), reference_of(value)
    if isinstance(value, str):
        return value, None
    kind, name = _reference(value)
    return _fetch(kind, name, surroundings(info) or Surroundings(Path(), os.environ)), f"{kind}:{name}"


def reference_of(value: SecretStr) -> str:
    """Where a secret is kept: what may be shown of it."""
    return value.reference if isinstance(value, Secret) else "in code"


REFERENCE_SCHEMA = {
    "type": "object",
    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}

ConfiguredPath = Annotated[
    Path, BeforeValidator(_require_name), AfterValidator(_resolve), PlainSerializer(_portable)
]
SecretValue = Annotated[
    SecretStr,
    PlainValidator(one_line_secret),
    PlainSerializer(reference_of),
    WithJsonSchema(REFERENCE_SCHEMA),
]


_GUID = re.compile(
    r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})", re.IGNORECASE
)
_NEARLY_GUID = re.compile(r"[0-9a-f]+(-[0-9a-f]+){4}", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9._-]+")


def _wix_id(value: str) -> str:
    """As Wix writes it, whatever it was copied from: a GUID in small letters, without braces, quotes and spaces."""
    text = remove_unseen(value).strip().strip("{}()\"'").strip()
    if guid := _GUID.fullmatch(text):
        return "-".join(guid.groups()).lower()
    if not _ID.fullmatch(text) or _NEARLY_GUID.fullmatch(text):
        raise ValueError('must be an id as Wix shows it, such as "0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11"')
    return text


WixId = Annotated[str, AfterValidator(_wix_id)]
