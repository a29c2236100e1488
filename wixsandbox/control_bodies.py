"""What the control plane takes (``/_sandbox``). Unknown fields are refused: a typing error must not go unseen."""

from pydantic import BaseModel, ConfigDict, Field

from wixsandbox.settings import LONGEST, WebhookUrl
from wixsandbox.wire import Document


class ControlBody(BaseModel):
    """Any body of the control plane."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Webhook(ControlBody):
    """Where webhooks go; null ends the subscription."""

    url: WebhookUrl | None


class Traffic(ControlBody):
    """How busy the shop is; without ``seconds`` until told otherwise."""

    earn_per_second: float = Field(ge=0, allow_inf_nan=False)
    redeem_share: float = Field(default=0.0, ge=0, le=1)
    seconds: float | None = Field(default=None, ge=0, le=LONGEST)


class Reset(ControlBody):
    """The new world; with ``new_program`` its loyalty program is a draft without a name, and nobody has an account."""

    seed: int | None = None
    customers: int = Field(default=500, ge=0, le=1_000_000)
    new_program: bool = False


class Purchase(ControlBody):
    """An order by its price, or by the points that it is to earn."""

    account_id: str
    money: float | None = Field(default=None, gt=0, le=9_999_999)
    points: int | None = Field(default=None, ge=1, le=9_999_999)


class Expire(ControlBody):
    """Points that expire now."""

    account_id: str
    points: int = Field(ge=1, le=999_999_999)


class Checkout(ControlBody):
    """Whose checkout it is."""

    account_id: str


class UseCoupon(ControlBody):
    """A code at the checkout of an order."""

    code: str
    order_id: str = "order"


class Erase(ControlBody):
    """Whom to forget."""

    contact_id: str


class Announce(ControlBody):
    """An event of any type; ``data`` is sent as it is, domain event or not."""

    event_type: str
    data: Document = Field(default_factory=dict)


class App(ControlBody):
    """The app comes to the site or leaves it."""

    event: str = Field(pattern="^(AppInstalled|AppRemoved)$")
    origin_instance_id: str | None = None
