"""``[wix]``: who the program is to Wix, and how much it asks."""

import base64
import binascii
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

from milestones.config.addresses import BaseAddress
from milestones.config.faults import Fault, faulty
from milestones.config.references import REFERENCE_SCHEMA, Secret, SecretValue, reference_of, referred
from milestones.config.sections import Flag, Table, Whole
from milestones.config.values import Duration

NOT_A_KEY = (
    "is no public key that can be read; copy the whole of it from the app's page, "
    "from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----, or that text in base64"
)


def _public_key(value: Any, info: ValidationInfo) -> SecretStr:
    """No secret, and treated as one: a command that does not need it can do without."""
    if isinstance(value, str):
        pem = _pem(value)
        return Secret(pem, pem)
    if not isinstance(value, dict | SecretStr):
        raise ValueError(NOT_A_KEY)  # noqa: TRY004 - pydantic wants ValueError
    found = referred(value, info)
    if isinstance(found, Secret) and found.missing is not None:
        return found
    return Secret(_pem(found.get_secret_value()), reference_of(found))


def _pem(value: str) -> str:
    """The key as PEM. Wix signs with RS256 (docs/wix-api.md, 4.2), so only an RSA key can be right."""
    pem = value.strip()
    if not pem.startswith("-----"):
        try:
            pem = base64.b64decode("".join(pem.split()), validate=True).decode("ascii").strip()
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError(NOT_A_KEY) from None
    if "PRIVATE KEY" in pem:
        raise ValueError("is a private key; only the app's public key belongs here")
    # Imported here because it takes a tenth of a second, and a configuration on the sandbox has no key.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        raise ValueError(NOT_A_KEY) from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("is not an RSA key, and Wix signs with RSA")  # noqa: TRY004 - pydantic wants ValueError
    return pem


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
    app_id: str | None = Field(default=None, min_length=1)
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
