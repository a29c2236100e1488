"""The part of a contact that callers write: ``info`` (docs/wix-api.md, 2.16). What is not looked at is kept as it came."""

from typing import Literal

from pydantic import Field as Limited

from wixsandbox.wire import Document, OpenWire, Wire


class _Name(OpenWire):
    first: str | None = None
    last: str | None = None


class _Email(OpenWire):
    id: str | None = None
    tag: Literal["UNTAGGED", "MAIN", "HOME", "WORK"] = "UNTAGGED"
    email: str = Limited(pattern=r"^[^@\s]+@[^@\s]+$")
    primary: bool = False


class _Emails(OpenWire):
    items: list[_Email] = Limited(default_factory=list, max_length=50)


class _Phones(OpenWire):
    items: list[Document] = Limited(default_factory=list)


class _Labels(OpenWire):
    items: list[str] = Limited(default_factory=list)


class _ExtendedFields(OpenWire):
    items: Document = Limited(default_factory=dict)


class ContactInfo(OpenWire):
    """Whatever is null is cleared."""

    name: _Name | None = None
    emails: _Emails | None = None
    phones: _Phones | None = None
    label_keys: _Labels | None = None
    extended_fields: _ExtendedFields | None = None


class Described(Wire):
    """Anything that has an ``info``."""

    info: ContactInfo
