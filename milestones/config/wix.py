"""``[wix]``: who the program is to Wix, and how much it asks."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from milestones.config.faults import Fault, faulty
from milestones.config.references import (
    REFERENCE_SCHEMA,
    Secret,
    SecretValue,
    WixId,
    reference_of,
    resolve_reference,
)
from milestones.config.sections import Flag, Table, Whole
from milestones.config.values import Duration
from milestones.config.web_addresses import BaseAddress


def _public_key(value: Any, info: ValidationInfo) -> SecretStr:
    """No secret, and treated as one: a command that does not need it can do without."""
    if isinstance(value, str):
        pem = _check(value)
        return Secret(pem, pem)
    if not isinstance(value, dict | SecretStr):
        raise ValueError("is no public key; write it as PEM in quotes, or refer to it")  # noqa: TRY004 - pydantic wants ValueError
    result = resolve_reference(value, info)
    if isinstance(result, Secret) and result.missing is not None:
        return result
    return Secret(_check(result.get_secret_value()), reference_of(result))


def _check(value: str) -> str:
    """The key as PEM, if the code that will use it can read it. Raises ValueError."""
    # Imported here because it takes a tenth of a second, and a configuration on the sandbox has no key.
    from milestones.config.public_key import as_pem, load_public_key  # noqa: PLC0415

    load_public_key(value)
    return as_pem(value)


def _root(value: str) -> str:
    if not (value.startswith("/") and value.endswith("/")):
        raise ValueError('must begin and end with a slash, such as "/_api/"')
    return value


PublicKey = Annotated[
    SecretStr,
    PlainValidator(_public_key),
    PlainSerializer(reference_of),
    WithJsonSchema({"anyOf": [{"type": "string"}, REFERENCE_SCHEMA]}),
]


class WixSettings(Table):
    """``[wix]``.

    sandbox: the daemon starts the simulated Wix and uses it.
    public_key: as PEM, by which webhooks are believed.
    requests_per_minute: for each site.
    query_lag: how long what was written is awaited in queries before it counts as not written. Wix gives no figure
        (docs/wix-api.md, 8).
    new_sites: what an event of an installation that nobody has named leads to.
    internal_root: where the services live whose public path begins with ``/_api`` (docs/wix-api.md, 0.1).
    """

    sandbox: Flag = False
    api_url: BaseAddress = "https://www.wixapis.com"
    app_id: WixId | None = Field(default=None, min_length=1)
    app_secret: SecretValue | None = None
    public_key: PublicKey | None = None
    requests_per_minute: Whole = Field(default=200, ge=1, le=100_000)
    query_lag: Duration = timedelta(seconds=60)
    new_sites: Literal["ignore", "observe", "active"] = "observe"
    internal_root: Annotated[str, AfterValidator(_root)] = "/_api/"

    @model_validator(mode="after")
    def _app_is_whole(self) -> Self:
        parts = {"app_id": self.app_id, "app_secret": self.app_secret, "public_key": self.public_key}
        given = [key for key, value in parts.items() if value is not None]
        if given and not self.sandbox:
            missing = [key for key in parts if key not in given]
            faulty(Fault((key,), f"is missing; an app needs it beside {given[0]}") for key in missing)
        return self
