"""What can be chosen when the sandbox starts, and what can be switched while it runs."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST = 315_576_000.0  # ten years, in seconds; dates come to an end, and slow clocks may run a hundred times slower


def _reachable(url: str) -> str:
    import httpx  # noqa: PLC0415 - every command reads these settings, and hardly any has an address in them

    try:
        parts = httpx.URL(url)
        port = 80 if parts.port is None else parts.port
        possible = parts.scheme in {"http", "https"} and bool(parts.host) and 0 < port < 65_536
    except (httpx.InvalidURL, UnicodeError):  # UnicodeError comes of names that only look international
        possible = False
    if not possible:
        raise ValueError("must be an address such as http://127.0.0.1:8080/webhooks/wix")
    return url


WebhookUrl = Annotated[str, AfterValidator(_reachable)]
Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
Header = Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")]


class Switches(BaseModel):
    """Behaviours that nobody could verify, or that a test wants to provoke; ``POST /_sandbox/settings`` changes them.

    Durations called "sandbox seconds" are divided by ``SandboxSettings.time_scale``; all others are real.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Webhooks
    duplicate_probability: float = Field(
        0.0, ge=0, le=1, description="chance that a delivered event comes again, three times at most"
    )
    reorder_window: float = Field(
        0.0, ge=0, le=LONGEST, description="each event waits up to this many sandbox seconds, at random"
    )
    webhook_timeout_seconds: float = Field(
        1.25, gt=0, le=LONGEST, description="an answer later than this counts as a failure"
    )
    webhook_connections: int = Field(
        default=8, ge=1, le=64, description="deliveries under way at the same time"
    )
    webhook_content_type: Header = "text/plain"
    event_spelling: Literal["current", "json_text", "json_object"] = Field(
        default="current", description="`entity`, or the older `entityAsJson` as text or as an object"
    )
    jwt_key_id: str | None = Field(default="k1", description="`kid` of the JWT header; null leaves it out")
    jwt_lifetime_seconds: int = Field(default=300_000, ge=-LONGEST, le=LONGEST)
    own_calls_identity: Literal["APP", "WIX_USER", "absent"] = "APP"
    points_events: Literal["points_first", "account_first", "points_only", "account_only"] = "points_first"
    recalculation_seconds: float = Field(
        default=900.0,
        ge=0,
        le=LONGEST,
        description="sandbox seconds, though never more than ten times a real second; 0 switches it off",
    )
    recalculation_scope: Literal["all", "changed"] = "all"
    recalculation_raises_revision: bool = True
    recalculation_needs_tiers: bool = False

    # Transport
    query_lag_seconds: float = Field(
        default=1.0, ge=0, le=LONGEST, description="how long query and search do not show a write"
    )
    rate_limit_per_minute: int = Field(
        default=200, ge=0, description="calls of one instance; 0 switches it off"
    )
    rate_limit_seconds: float = Field(default=60.0, gt=0, le=LONGEST, description="how long its minute is")
    rate_limit_shared: bool = Field(
        default=True, description="whether reads and writes share it, or each have their own"
    )
    rate_limit_retry_after: bool = Field(default=False, description="whether a 429 carries Retry-After")
    token_seconds: int = Field(default=14_400, ge=1, le=LONGEST)
    accept_bearer_prefix: bool = False
    logical_filters: bool = Field(default=False, description="whether $and, $or and $not are understood")
    bad_cursor_status: Literal[400, 404, 409, 410, 428] = 400
    unprefixed_paths: bool = Field(default=False, description="whether /_api paths also answer without /_api")

    # Loyalty
    paid_plan: bool = Field(
        default=True, description="tiers need one; without it creating a tier answers 428"
    )
    inactive_program_status: Literal[400, 403, 409, 428] = 428
    inactive_program_code: Code = "FAILED_PRECONDITION"
    missing_account: Literal["not_found", "empty"] = "not_found"
    existing_account: Literal["already_exists", "return"] = "already_exists"
    repeated_earn: Literal["first_result", "already_exists"] = "first_result"
    earn_key_scope: Literal["account", "app", "site"] = "account"
    earn_key_seconds: float = Field(
        default=0.0, ge=0, le=LONGEST, description="sandbox seconds until a key is as good as new; 0 is never"
    )
    adjust_without_revision: Literal["accept", "refuse"] = "accept"
    stale_account_status: Literal[400, 409, 412, 428] = 409
    stale_account_code: Code = "INVALID_REVISION"
    amount_adjustment_type: Literal["ADJUST", "GIVE"] = "ADJUST"
    too_few_points_status: Literal[400, 409, 428] = 428
    too_few_points_code: Code = "FAILED_PRECONDITION"
    expired_points_in_balance: bool = Field(
        True, description="whether expired points are taken off the balance"
    )
    conversion_rounding: Literal["linear", "whole_units"] = "linear"
    redeem_seconds: float = Field(
        default=2.0, ge=0, le=LONGEST, description="sandbox seconds from PENDING to ACTIVE or FAILED"
    )
    redeem_outcome: Literal["ACTIVE", "FAILED"] = "ACTIVE"
    failed_redemption_takes_points: bool = False
    tier_without_price: Literal["base", "refuse"] = Field(
        default="base", description="what a reward costs in a tier that it names no price for"
    )
    repeated_discount: Literal["kept", "already_exists", "existing"] = Field(
        default="kept",
        description="the same on a checkout once more is kept beside it, refused, or answered with the first",
    )
    stale_checkout_status: Literal[400, 409, 412, 428] = 409
    unknown_checkout_status: Literal[400, 404, 428] = 404
    job_seconds: float = Field(
        default=1.0, ge=0, le=LONGEST, description="sandbox seconds of an asynchronous job or import step"
    )

    # Coupons, badges, consent
    duplicate_coupon_status: Literal[400, 409, 428] = 409
    duplicate_coupon_code: Code = "ALREADY_EXISTS"
    coupon_codes_ignore_case: bool = True
    coupon_code_characters: Literal["any", "letters_and_digits"] = "any"
    coupon_times: Literal["number", "text"] = "number"
    badge_assigned_twice: Literal["already_exists", "existing", "kept"] = Field(
        default="already_exists",
        description="a second assignment is refused, answered with the first, or kept beside it",
    )
    email_filter_limit: int = Field(default=100, ge=1, description="addresses in one $in")
    email_page_limit: int = Field(default=100, ge=1)
    emails_ignore_case: bool = True
    subscribe_again: Literal["accept", "refuse"] = Field(
        default="accept", description="whether SUBSCRIBED may overwrite UNSUBSCRIBED"
    )
    unsubscribe_link_seconds: float = Field(
        default=0.0,
        ge=0,
        le=LONGEST,
        description="sandbox seconds that an unsubscribe link lives; 0 is for ever",
    )
    bulk_email_answer: Literal["results", "subscriptions"] = "results"


class SandboxSettings(BaseModel):
    """How the sandbox starts.

    time_scale: how much faster than the wall the slow clocks run: webhook retries, the 15-minute recalculation,
        redemptions and jobs. Time stamps stay those of the wall.
    state_file: where the world survives a restart; ``None`` keeps it in memory only.
    earn_per_second: purchases a second of real time, from the start; 0 is a quiet shop.
    redeem_share: which share of those events redeems a reward instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=0, le=65_535, description="0 takes any free port")
    customers: int = Field(default=500, ge=0, le=1_000_000)
    seed: int = 1
    state_file: Path | None = None
    save_seconds: float = Field(default=3.0, gt=0, le=LONGEST)
    time_scale: float = Field(default=1.0, ge=0.01, le=1_000_000_000)
    earn_per_second: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    redeem_share: float = Field(default=0.0, ge=0, le=1)
    webhook_url: WebhookUrl | None = None
    transactions_kept: int = Field(default=100_000, ge=100, description="older transactions are forgotten")
    switches: Switches = Switches()
