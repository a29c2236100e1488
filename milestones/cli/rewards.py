"""``milestones rewards``: what points buy, redeeming them for coupons, and spending them at a checkout."""

import uuid
from typing import Annotated

import typer

from milestones.cli import render
from milestones.cli.accounts import ACCOUNT_HELP
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.orders import tell_order
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, text, when
from milestones.commands.models.rewards import (
    DiscountCheckout,
    ListCoupons,
    ListDiscounts,
    ListRewards,
    RedeemForAccount,
    RewardLine,
    RewardsAnswer,
    ShowReward,
)

app = typer.Typer(
    no_args_is_help=True, help="What points buy: redeemed for coupons, and spent at a checkout."
)

REWARD_HELP = "A reward: its id, its name, or the beginning of either."

Site = Annotated[str | None, typer.Option("--site", help="Only on this site, by name or id.")]
For = Annotated[
    str | None,
    typer.Option("--for", metavar="ACCOUNT", help="What it costs this account, and whether it has enough."),
]
Key = Annotated[
    str | None, typer.Option("--key", help="The same key again means the same order, and is done once.")
]
AccountName = Annotated[str, typer.Argument(metavar="ACCOUNT", help=ACCOUNT_HELP)]
RewardName = Annotated[str, typer.Argument(metavar="REWARD", help=REWARD_HELP)]
Checkout = Annotated[str, typer.Argument(metavar="CHECKOUT", help="The id of a checkout.")]


@app.command("list")
def list_rewards(
    account: For = None, site: Site = None, as_json: AsJson = False, config: ConfigPath = DEFAULT
) -> None:
    """Show the rewards of the site and what they cost, as Wix has them now."""
    answer = carry_out(settings_in_force(config), ListRewards(account=account, site=site), asks_wix=True)
    if as_json:
        print_json(answer)
        return
    shown = render.console()
    _show_whose(answer)
    if not answer.rewards:
        shown.print("The site has no rewards.")
        return
    rows = render.table("reward", "kind", "costs", "for", right=("costs",))
    for one in answer.rewards:
        name = f"{text(one.name)}{'' if one.active else ' [yellow](not active)[/]'}\n[dim]{text(one.id)}[/]"
        rows.add_row(name, one.type, *_cost(one, answer))
    shown.print(rows)


@app.command()
def show(
    reward: RewardName,
    account: For = None,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show one reward, with its price in each tier."""
    command = ShowReward(reward=reward, account=account, site=site)
    answer = carry_out(settings_in_force(config), command, asks_wix=True)
    if as_json:
        print_json(answer)
        return
    shown = render.console()
    _show_whose(answer)
    (one,) = answer.rewards
    shown.print(f"[bold]{text(one.name)}[/] [dim]{text(one.id)}[/]")
    kinds = {"coupon": "a coupon, `milestones rewards redeem` makes it", "unknown": "of an unknown type"}
    at_checkout = "a discount at the checkout, `milestones rewards apply` spends it"
    shown.print(render.pair("kind", kinds.get(one.type, at_checkout)))
    shown.print(render.pair("active", "yes" if one.active else "no"))
    for price in one.prices:
        tier = "in the base tier" if price.tier is None else f"in {text(price.tier)}"
        shown.print(render.pair("costs", f"{price.points:,} points {tier}: {text(price.worth)}"))
    if one.terms is not None:
        shown.print(render.pair("terms", text(one.terms)))
    if one.fault is not None:
        shown.print(render.pair("but", text(one.fault)))


@app.command()
def redeem(
    account: AccountName,
    reward: RewardName,
    key: Key = None,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Redeem the points of an account for a coupon, and show its code.

    It is recorded first and done once, whatever dies in between. Wix takes the points a moment after it has made the
    coupon; the code is shown when it has.
    """
    command = RedeemForAccount(account=account, reward=reward, site=site, key=key or str(uuid.uuid4()))
    tell_order(carry_out(settings_in_force(config), command, asks_wix=True), as_json=as_json)


@app.command()
def coupons(
    account: AccountName,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show the loyalty coupons of an account, the newest first, as Wix has them now."""
    settings = settings_in_force(config)
    answer = carry_out(settings, ListCoupons(account=account, site=site, limit=limit), asks_wix=True)
    if as_json:
        print_json(answer)
        return
    zone = settings.for_site(answer.site).timezone
    rows = render.table("made", "code", "status", "reward")
    for one in answer.coupons:
        status = f"{text(one.status)}{' (for a checkout)' if one.at_checkout else ''}"
        made = when(one.created_at, zone)
        rows.add_row(made, text(one.code or ""), status, f"{text(one.reward or '')}\n[dim]{text(one.id)}[/]")
    render.console().print(rows if answer.coupons else "Wix tells of no loyalty coupon of this account.")


@app.command()
def apply(
    checkout: Checkout,
    reward: Annotated[
        str | None, typer.Option("--reward", metavar="REWARD", help=f"{REWARD_HELP} Needs --account.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ACCOUNT", help=f"Who pays. {ACCOUNT_HELP}")
    ] = None,
    coupon: Annotated[
        str | None, typer.Option("--coupon", metavar="COUPON", help="A loyalty coupon: its id or its code.")
    ] = None,
    points: Annotated[
        int | None,
        typer.Option("--points", help="How many to spend, of a discount; what the reward costs otherwise."),
    ] = None,
    key: Key = None,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Put a reward or a loyalty coupon on a checkout.

    It is recorded first and done once; what is on the checkout already is not applied again.
    """
    command = DiscountCheckout(
        checkout=checkout,
        reward=reward,
        account=account,
        coupon=coupon,
        points=points,
        site=site,
        key=key or str(uuid.uuid4()),
    )
    tell_order(carry_out(settings_in_force(config), command, asks_wix=True), as_json=as_json)


@app.command()
def discounts(
    checkout: Checkout, site: Site = None, as_json: AsJson = False, config: ConfigPath = DEFAULT
) -> None:
    """Show the loyalty discounts of a checkout, as Wix has them now.

    Wix's API has no call that takes one off: that is done in the cart, and the points come back by themselves.
    """
    command = ListDiscounts(checkout=checkout, site=site)
    answer = carry_out(settings_in_force(config), command, asks_wix=True)
    if as_json:
        print_json(answer)
        return
    rows = render.table("status", "type", "what")
    for one in answer.discounts:
        what = one.reward or (f"coupon {one.coupon_id}" if one.coupon_id else f"reward {one.reward_id}")
        rows.add_row(text(one.status), text(one.type or ""), f"{text(what)}\n[dim]{text(one.id)}[/]")
    render.console().print(rows if answer.discounts else "Wix tells of no loyalty discount of this checkout.")


def _show_whose(answer: RewardsAnswer) -> None:
    if answer.balance is None:
        return
    tier = "in the base tier" if answer.tier is None else f"in {text(answer.tier)}"
    render.console().print(f"The account has {answer.balance:,} points and is {tier}.")


def _cost(one: RewardLine, answer: RewardsAnswer) -> tuple[str, str]:
    """What it costs the account, or the base tier, and what for."""
    if answer.account is None:
        price = next((price for price in one.prices if price.tier is None), None)
        more = " [dim](other tiers: rewards show)[/]" if len(one.prices) > 1 else ""
        return ("", "") if price is None else (f"{price.points:,}", f"{text(price.worth)}{more}")
    cost = "" if one.cost is None else f"{one.cost:,}"
    can = "[green]can be afforded[/]" if one.fault is None else f"[yellow]{text(one.fault)}[/]"
    return cost, f"{text(one.worth or '')}\n{can}"
