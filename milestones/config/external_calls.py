"""How another program is called: the tables below ``[[external]]`` that describe one request and what it answers."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.references import SecretValue
from milestones.config.sections import Table, Whole
from milestones.config.values import Duration, duration
from milestones.config.web_addresses import BaseAddress

PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")

LONGEST_EXPRESSION = 1000


def _expression(value: str) -> str:
    # Imported here because hardly any configuration has one.
    import jmespath  # noqa: PLC0415
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415

    if len(value) > LONGEST_EXPRESSION:
        raise ValueError(f"is longer than {LONGEST_EXPRESSION:,} characters")
    try:
        jmespath.compile(value)
    except (JMESPathError, RecursionError):
        raise ValueError("is no JMESPath expression (https://jmespath.org)") from None
    return value


def _path(value: str) -> str:
    if not value.startswith("/") or not value.isprintable() or "?" in value or "#" in value or " " in value:
        raise ValueError("must begin with a slash, such as /customers, and hold no ?, # or space")
    return value


def _many(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


Expression = Annotated[str, Field(min_length=1), AfterValidator(_expression)]
Path = Annotated[str, Field(max_length=500), AfterValidator(_path)]
Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")]
Line = Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,500}$")]

_OF_AUTH = {
    "bearer": ("token",),
    "api_key": ("name", "value"),
    "http_basic": ("username", "password"),
    "oauth2_client_credentials": ("url", "client_id", "client_secret"),
    "login": ("path", "username", "password"),
}


class AuthTable(Table):
    """``auth``: who asks. ``type`` says which of the other keys it has.

    api_key: a header (or a parameter, ``location``) of this name. login: POST of user name and password to a path of the
    program, which answers with a token. oauth2_client_credentials: a token from ``url``. A token is asked for anew once it
    is refused.
    """

    type: Literal["bearer", "api_key", "http_basic", "oauth2_client_credentials", "login"]
    token: SecretValue | None = None
    name: Header | None = None
    value: SecretValue | None = None
    prefix: Line = ""
    location: Literal["header", "query"] = "header"
    username: str | None = None
    password: SecretValue | None = None
    url: BaseAddress | None = None
    client_id: str | None = None
    client_secret: SecretValue | None = None
    scope: str | None = None
    path: Path | None = None
    token_path: Expression = "token || access_token"  # noqa: S105 - where it stands in an answer

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        missing = [key for key in _OF_AUTH[self.type] if getattr(self, key) is None]
        faulty(Fault((key,), f'is missing; auth of type "{self.type}" needs it') for key in missing)
        return self


Auths = Annotated[
    tuple[AuthTable, ...], BeforeValidator(_many, json_schema_input_type=AuthTable | tuple[AuthTable, ...])
]


_OF_PAGINATOR = {
    "cursor": ("cursor_path", "cursor_param"),
    "offset": ("offset_param", "limit"),
    "page_number": ("page_param",),
    "last_id": ("cursor_param",),
    "header_link": (),
    "json_link": ("link_path",),
    "single_page": (),
}


class PaginatorTable(Table):
    """``paginator``: how one asks for the next page.

    cursor: what the answer holds at ``cursor_path`` goes into ``cursor_param`` of the query, or of the body (``in``).
    offset, page_number: counted, until a page is empty or shorter than ``limit``. last_id: the id of the last record.
    header_link: the Link header; json_link: an address in the answer. Both must lead to the same host.
    """

    type: Literal["cursor", "offset", "page_number", "last_id", "header_link", "json_link", "single_page"]
    cursor_path: Expression | None = None
    cursor_param: str | None = None
    place: Literal["query", "body"] = Field(default="query", alias="in")
    offset_param: str | None = None
    page_param: str | None = None
    base_page: Whole = 1
    limit: Whole | None = Field(default=None, ge=1)
    link_path: Expression | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        missing = [key for key in _OF_PAGINATOR[self.type] if getattr(self, key) is None]
        faulty(Fault((key,), f'is missing; a paginator of type "{self.type}" needs it') for key in missing)
        return self


class CallTable(Table):
    """One request. In ``path``, ``params`` and ``json`` stand placeholders such as {member.id}; a text that is nothing
    but one keeps the type of what it stands for. ``auth`` in place of the program's own.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Path
    params: dict[str, str | int | bool] = Field(default_factory=dict)
    headers: dict[Header, Line] = Field(default_factory=dict)
    body: dict[str, Any] | None = Field(default=None, alias="json")
    auth: Auths | None = None

    def texts(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every text in which a placeholder may stand, with its place."""
        yield ("path",), self.path
        yield from _texts(("params",), self.params)
        yield from _texts(("json",), self.body)


def _texts(where: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts((*where, key), inner)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _texts((*where, position), inner)


class ReadTable(CallTable):
    """A request that changes nothing. records: what of its answer is meant, in JMESPath."""

    records: Expression = "@"

    def texts(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """With what is looked for in the answer."""
        yield from super().texts()
        yield ("records",), self.records


class ChangedSinceTable(Table):
    """``changed_since``: the parameter that asks for what changed since a moment. ``overlap`` is how far behind the last
    reading it looks, since lists may lag behind what was written. form: how the moment is written.
    """

    param: str
    overlap: Duration = duration("10m")
    form: Literal["iso", "epoch", "epoch_ms"] = "iso"


class ListTable(ReadTable):
    """``[external.list]``: all members, page by page.

    every: how often it is asked what changed, or for all where that cannot be asked. full_every: how often for all.
    """

    paginator: PaginatorTable = PaginatorTable(type="single_page")
    changed_since: ChangedSinceTable | None = None
    every: Duration = duration("15m")
    full_every: Duration = timedelta(days=1)


class IdempotencyTable(Table):
    """``idempotency``: where the other program takes a key, under which it books once. max: its longest."""

    place: Literal["body", "header"] = Field(alias="in")
    field: str = "Idempotency-Key"
    max: Whole = Field(default=128, ge=16, le=255)


class AdjustTable(CallTable):
    """``[external.adjust]``, or ``add`` and ``subtract``: points are moved.

    floor: the balance below which the other side refuses to go. most: the most points of one call.
    settles: ``later`` where the answer comes before the balance shows it.
    idempotency: ``none``, or where a key goes; without one, what was lost is looked for before it is repeated.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    floor: Whole | None = None
    most: Whole = Field(default=9_999_999, ge=1, le=9_999_999)
    settles: Literal["at once", "later"] = "at once"
    idempotency: Literal["none"] | IdempotencyTable = "none"


class FindTable(ReadTable):
    """``[external.find]``: after a lost answer, did it happen? ``when`` is asked of each record; {key} is our mark."""

    when: Expression

    def texts(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """With what is looked for in each record."""
        yield from super().texts()
        yield ("when",), self.when


class MemberTable(Table):
    """``[external.member]``: how a record reads, wherever it comes from. more: further values for placeholders."""

    id: Expression | None = None
    email: Expression | None = None
    phone: Expression | None = None
    balance: Expression
    updated: Expression | None = None
    active: Expression | None = None
    more: dict[Annotated[str, Field(pattern="^[a-z_]{1,30}$")], Expression] = Field(default_factory=dict)


class LimitsTable(Table):
    """``limits``: headers by which the other side tells how much may still be asked. unit: of ``reset``."""

    remaining: Header
    reset: Header
    unit: Literal["epoch", "seconds"] = "seconds"


class SignatureTable(Table):
    """``signature``: by what an event is believed. over: what is signed; ``minified`` is the body as JSON without spaces.
    ``token``: a header that holds the secret itself.
    """

    type: Literal["hmac", "token"] = "hmac"
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    header: Header
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Line = ""
    over: Literal["body", "url_and_body", "minified"] = "body"
    secret: SecretValue


class WebhookTable(Table):
    """``[external.webhook]``: events of the other program, at ``/webhooks/sync/NAME``.

    events: where in a body they stand. member: of an event, its member, read as in ``[external.member]``.
    deleted: whether an event tells that the member is gone. id: by which a repetition is known.
    """

    signature: SignatureTable
    events: Expression = "@"
    member: Expression
    id: Expression | None = None
    deleted: Expression | None = None
