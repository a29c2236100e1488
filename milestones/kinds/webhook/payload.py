"""A webhook as a reward, and what is frozen of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from milestones.domain import keys
from milestones.domain.milestone import Giving, Reward
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result


@dataclass(frozen=True, slots=True)
class WebhookPayload(kind.Payload):
    """secret_name: of the setting, never its value. webhook_id: by which the receiver drops repeats."""

    url: str
    secret_name: str
    webhook_id: str

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(frozen["url"], frozen["secret_name"], frozen["webhook_id"])

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def name(self) -> str:
        """Any webhook."""
        return "A webhook"

    def subject(self, result: Result) -> str:
        """The host of the receiver: what else stands in a URL may be secret."""
        del result
        return urlsplit(self.url).hostname or "the receiver"

    def assumed_result(self) -> dict[str, Any]:
        """What the receiver answered is not known."""
        return {"status": None}


@dataclass(frozen=True, slots=True)
class Webhook(Reward):
    """A POST to the operator's own service. ``secret_name`` names the setting, never its value."""

    kind = "webhook"
    is_last = True

    url: str
    secret_name: str

    def freeze(self, giving: Giving) -> WebhookPayload:
        """With an id that is the same at every attempt."""
        return WebhookPayload(self.url, self.secret_name, keys.webhook_id(giving.secret, giving.key))

    def summarize(self) -> str:
        """Such as "webhook (crm.example.com)"."""
        return f"webhook ({urlsplit(self.url).hostname})"


KIND = Kind(name=Webhook.kind, read=WebhookPayload.from_json, done="delivered", plural="Webhooks")
