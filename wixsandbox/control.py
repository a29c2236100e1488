"""The control plane, ``/_sandbox``: what no shop has, for tests and for people who try things out."""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from wixsandbox import control_bodies as bodies
from wixsandbox import people, shop
from wixsandbox.api import imports
from wixsandbox.api.coupons import apply_coupon
from wixsandbox.api.subscriptions import set_consent
from wixsandbox.errors import InvalidError, RefusedError
from wixsandbox.events import APP_INSTALLED, APP_REMOVED
from wixsandbox.faults import Fault
from wixsandbox.ledger import document, the_account
from wixsandbox.records import (
    member_document,
    subscription_document,
    transaction_document,
)
from wixsandbox.settings import Switches
from wixsandbox.simulator import Sandbox
from wixsandbox.wire import Document

B = TypeVar("B", bound=BaseModel)


def index(_sandbox: Sandbox, _request: Request, _body: bytes) -> Response:
    """What there is here, in a sentence each, with a JSON schema where a call has a body."""
    controls: list[Document] = []
    for (method, name), handler in _CONTROLS.items():
        call = f"{method} /_sandbox/{name}".rstrip("/")
        controls.append({"call": call, "what": (handler.__doc__ or "").split("\n")[0]})
        if handler in _BODIES:
            controls[-1]["body"] = _BODIES[handler].model_json_schema()
    return JSONResponse({"controls": controls})


def health(sandbox: Sandbox, _request: Request, _body: bytes) -> Response:
    """It serves."""
    return JSONResponse({"status": "ok", "customers": len(sandbox.world.accounts)})


def credentials(sandbox: Sandbox, _request: Request, _body: bytes) -> Response:
    """Everything that a client of this site has to know."""
    return JSONResponse(asdict(sandbox.credentials()))


def put_webhook(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """Where webhooks go from now on; null ends the subscription."""
    sandbox.subscribe(_read(bodies.Webhook, body).url)
    return JSONResponse({"url": sandbox.sender.url})


def state(sandbox: Sandbox, request: Request, _body: bytes) -> Response:
    """Everything that the site holds; ``?only=coupons,events`` for some of it."""
    only = request.query_params.get("only")
    names = only.split(",") if only else list(_STATE)
    unknown = [name for name in names if name not in _STATE]
    if unknown:
        return _bad_request(f"there is no state called {', '.join(unknown)}; there are {', '.join(_STATE)}")
    return JSONResponse({name: _STATE[name](sandbox) for name in names})


def requests(sandbox: Sandbox, request: Request, _body: bytes) -> Response:
    """The calls that were made, oldest first; ``?since=N`` gives those after number N."""
    text = request.query_params.get("since", "0")
    if not re.fullmatch("[0-9]{1,18}", text):
        return _bad_request("since must be the number of a request")
    shown = [asdict(one) for one in sandbox.requests if one.number > int(text)]
    return JSONResponse({"requests": shown, "last": sandbox.request_count})


def add_faults(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """Arm one fault or a list of them."""
    wanted = TypeAdapter(Fault | list[Fault]).validate_json(body)
    for fault in wanted if isinstance(wanted, list) else [wanted]:
        sandbox.faults.add(fault)
    return JSONResponse({"faults": sandbox.faults.list_armed()})


def list_faults(sandbox: Sandbox, _request: Request, _body: bytes) -> Response:
    """What is armed."""
    return JSONResponse({"faults": sandbox.faults.list_armed()})


def delete_faults(sandbox: Sandbox, _request: Request, _body: bytes) -> Response:
    """Disarm all."""
    sandbox.faults.clear()
    return JSONResponse({"faults": []})


def settings(sandbox: Sandbox, _request: Request, _body: bytes) -> Response:
    """All switches as they stand."""
    return JSONResponse(sandbox.world.switches.model_dump(mode="json"))


def change_settings(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """Some switches; the others stay as they are."""
    changes = TypeAdapter(dict[str, Any]).validate_json(body)
    sandbox.switch(Switches.model_validate({**sandbox.world.switches.model_dump(), **changes}))
    return settings(sandbox, _request, body)


def start_traffic(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """Open the shop at this rate, or close it with 0."""
    wanted = _read(bodies.Traffic, body)
    sandbox.traffic.start(sandbox.clock(), wanted.earn_per_second, wanted.redeem_share, wanted.seconds)
    return JSONResponse(sandbox.traffic.state())


def reset(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """A new world, with the webhook and the switches of the old one. Another seed has other credentials."""
    wanted = _read(bodies.Reset, body)
    seed = sandbox.world.seed if wanted.seed is None else wanted.seed
    sandbox.reset(seed, wanted.customers, new_program=wanted.new_program)
    return credentials(sandbox, _request, body)


def make_purchase(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """One customer buys something now."""
    wanted = _read(bodies.Purchase, body)
    world = sandbox.world
    account = the_account(world, wanted.account_id)
    money = shop.money_for(world, account, wanted.points or 1) if wanted.money is None else wanted.money
    return JSONResponse({"account": document(world, shop.purchase(world, account, money))})


def expire(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """Points of one customer expire now."""
    wanted = _read(bodies.Expire, body)
    account = the_account(sandbox.world, wanted.account_id)
    return JSONResponse(
        {"account": document(sandbox.world, shop.expire(sandbox.world, account, wanted.points))}
    )


def begin_checkout(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """A customer goes to the checkout, with whatever is in the basket."""
    world = sandbox.world
    account = the_account(world, _read(bodies.Checkout, body).account_id)
    checkout: Document = {"id": world.new_id("checkout"), "accountId": account.id}
    world.checkouts.put(checkout)
    return JSONResponse({"checkout": checkout})


def use_coupon(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """A customer uses a code at checkout."""
    wanted = _read(bodies.UseCoupon, body)
    return JSONResponse({"coupon": apply_coupon(sandbox.world, wanted.code, wanted.order_id)})


def erase(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """A customer asks to be forgotten."""
    world = sandbox.world
    people.erase(world, people.the_contact(world, _read(bodies.Erase, body).contact_id))
    return JSONResponse({})


def announce(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """Send an event of any type and any content, also one that nobody knows."""
    wanted = _read(bodies.Announce, body)
    sandbox.world.emit_plain(wanted.event_type, wanted.data, None)
    return JSONResponse({})


def install(sandbox: Sandbox, _request: Request, body: bytes) -> Response:
    """The app is installed on, or removed from, the site."""
    wanted = _read(bodies.App, body)
    data = {"appId": sandbox.world.identity.app_id}
    if wanted.origin_instance_id is not None:
        data["originInstanceId"] = wanted.origin_instance_id
    event = APP_INSTALLED if wanted.event == "AppInstalled" else APP_REMOVED
    sandbox.world.emit_plain(event, data, sandbox.world.owner)
    return JSONResponse({})


def unsubscribe(sandbox: Sandbox, request: Request, _body: bytes) -> Response:
    """Wix's own unsubscribe page: opening it changes nothing, confirming it does."""
    token, _, issued = request.url.path.rsplit("/", 1)[-1].partition(".")
    world = sandbox.world
    email = world.unsubscribe_tokens.get(token)
    if email is None:
        return PlainTextResponse("This link is not known.", 404)
    lives = world.switches.unsubscribe_link_seconds / sandbox.settings.time_scale
    if lives and not (issued.isdecimal() and world.now.timestamp() < int(issued) + lives):
        return PlainTextResponse("This link is over.", 410)
    if request.method == "GET":
        return HTMLResponse("<form method=post><button>Unsubscribe</button></form>")
    set_consent(world, email, "UNSUBSCRIBED", None, None)
    return HTMLResponse("<p>You are unsubscribed.</p>")


def upload(sandbox: Sandbox, request: Request, body: bytes) -> Response:
    """The file store of imports: PUT the CSV, GET the rows that failed."""
    key = request.url.path.rsplit("/", 1)[-1]
    if request.method == "PUT":
        imports.upload(sandbox.world, key, body)
        return Response(status_code=200)
    content = sandbox.world.uploads.get(key)
    return PlainTextResponse("Not Found", 404) if content is None else PlainTextResponse(content)


def _events(sandbox: Sandbox) -> Document:
    sender = sandbox.sender
    return {
        "emitted": sandbox.world.emitted,
        "delivered": sender.delivered,
        "pending": sender.pending,
        "attempts": sender.attempts,
        "lost": sender.lost,
    }


_STATE: dict[str, Callable[[Sandbox], Any]] = {
    "accounts": lambda box: [document(box.world, one) for one in box.world.accounts],
    "contacts": lambda box: [people.contact_answer(box.world, one) for one in box.world.contacts],
    "members": lambda box: [member_document(one) for one in box.world.members],
    "coupons": lambda box: list(box.world.coupons),
    "loyalty_coupons": lambda box: list(box.world.loyalty_coupons),
    "badges": lambda box: list(box.world.badges),
    "badge_assignments": lambda box: list(box.world.assignments),
    "subscriptions": lambda box: [subscription_document(one) for one in box.world.subscriptions],
    "transactions": lambda box: [transaction_document(one) for one in box.world.transactions],
    "rewards": lambda box: list(box.world.rewards),
    "tiers": lambda box: list(box.world.tiers),
    "tier_settings": lambda box: box.world.tier_settings,
    "earning_rules": lambda box: list(box.world.earning_rules),
    "program": lambda box: box.world.program,
    "imports": lambda box: list(box.world.imports),
    "checkouts": lambda box: list(box.world.checkouts),
    "checkout_discounts": lambda box: list(box.world.discounts),
    "events": _events,
    "traffic": lambda box: box.traffic.state(),
}

ControlHandler = Callable[[Sandbox, Request, bytes], Response]
_CONTROLS: dict[tuple[str, str], ControlHandler] = {
    ("GET", ""): index,
    ("GET", "health"): health,
    ("GET", "credentials"): credentials,
    ("PUT", "webhook"): put_webhook,
    ("GET", "state"): state,
    ("GET", "requests"): requests,
    ("GET", "faults"): list_faults,
    ("POST", "faults"): add_faults,
    ("DELETE", "faults"): delete_faults,
    ("GET", "settings"): settings,
    ("POST", "settings"): change_settings,
    ("POST", "traffic"): start_traffic,
    ("POST", "reset"): reset,
    ("POST", "purchase"): make_purchase,
    ("POST", "expire"): expire,
    ("POST", "checkout"): begin_checkout,
    ("POST", "use-coupon"): use_coupon,
    ("POST", "erase"): erase,
    ("POST", "event"): announce,
    ("POST", "app"): install,
    ("PUT", "upload"): upload,
    ("GET", "upload"): upload,
    ("GET", "unsubscribe"): unsubscribe,
    ("POST", "unsubscribe"): unsubscribe,
}
_BODIES: dict[ControlHandler, type[BaseModel]] = {
    put_webhook: bodies.Webhook,
    add_faults: Fault,
    change_settings: Switches,
    start_traffic: bodies.Traffic,
    reset: bodies.Reset,
    make_purchase: bodies.Purchase,
    expire: bodies.Expire,
    begin_checkout: bodies.Checkout,
    use_coupon: bodies.UseCoupon,
    erase: bodies.Erase,
    announce: bodies.Announce,
    install: bodies.App,
}


async def serve_control(sandbox: Sandbox, request: Request) -> Response:
    """Answer one request to ``/_sandbox``; faults, identities and rate limits do not reach here."""
    name = request.url.path.removeprefix("/_sandbox").strip("/").split("/")[0]
    handler = _CONTROLS.get((request.method, name))
    if handler is None:
        return PlainTextResponse("Not Found", 404)
    sandbox.advance()
    try:
        return handler(sandbox, request, await request.body())
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors()]
        return _bad_request("; ".join(faults))
    except (RefusedError, InvalidError) as error:
        return JSONResponse(error.body(), error.status)


def _read(model: type[B], body: bytes) -> B:
    return model.model_validate_json(body or b"{}")


def _bad_request(message: str) -> Response:
    return JSONResponse({"message": message}, 400)
