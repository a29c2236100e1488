"""``webhook = {...}``: a webhook as a shop writes it."""

import base64
import binascii
from collections.abc import Iterator
from typing import Self

from pydantic import SecretStr, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.references import Secret, SecretValue, reference_of
from milestones.config.rewards import RewardTable, TemplateUses
from milestones.config.web_addresses import WebAddress, is_loopback, web_host
from milestones.kinds.webhook.payload import Webhook


class WebhookReward(RewardTable):
    """``webhook``: a signed POST to one's own service (Standard Webhooks). The secret begins with ``whsec_``."""

    url: WebAddress
    secret: SecretValue

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_webhook_faults(self))
        return self

    def definition(self, uses: TemplateUses) -> Webhook:
        """As the rules know it: the secret's reference, which outlives a move of this entry."""
        del uses
        return Webhook(self.url, reference_of(self.secret))

    def secrets(self) -> tuple[SecretStr, ...]:
        """The one that signs it."""
        return (self.secret,)


def _webhook_faults(webhook: WebhookReward) -> Iterator[Fault]:
    if webhook.url.startswith("http:") and not is_loopback(web_host(webhook.url)):
        yield Fault(("url",), "must begin with https://; what it carries is nobody else's business")
    if not _is_signing_secret(webhook.secret):
        yield Fault(("secret",), "is no Standard Webhooks secret: whsec_ and 24 bytes or more in base64")


def _is_signing_secret(secret: SecretStr) -> bool:
    if isinstance(secret, Secret) and secret.missing:
        return True  # this command does without secrets, so there is nothing to judge
    try:
        return len(base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)) >= 24
    except (binascii.Error, ValueError):
        return False


TABLE = WebhookReward
