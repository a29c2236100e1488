"""Named reasons for giving or not giving, sending or not sending. They are stored, shown and explained."""

from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """Every answer that a gate can give. ``sentence`` explains it to the operator."""

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    # Of an observation
    BEFORE_GO_LIVE = "before_go_live", "It was true before this site was taken on, so it counts for nothing."
    NOT_KNOWN_BELOW = "not_known_below", "At or above the threshold, but never seen below it since go-live."
    # Of a grant
    CROSSED = "crossed", "Went from below to at or above the threshold."
    BACKFILLED = "backfilled", "A person gave it to everybody who was already above."
    ALREADY_GIVEN = "already_given", "This milestone was given to this account before."
    INHERITED = "inherited", "Given to an account of the same customer, whose contacts were merged."
    FELL_BACK = (
        "fell_back",
        "No longer at the threshold when the return period ended; it waits to be reached again.",
    )
    SUPERSEDED = (
        "superseded",
        "Fell back within its return period and was reached anew: the reward of that time takes its place.",
    )
    POINTS_CAPPED = (
        "points_capped",
        "The account has had as many point rewards in this period as are allowed.",
    )
    NO_MEMBER = "no_member", "A badge needs a site member, and this contact is none yet."
    BADGE_JUST_GIVEN = (
        "badge_just_given",
        "This customer may just have been given the same badge; it is looked for in Wix before it is given.",
    )
    NO_CONSENT_YET = "no_consent_yet", "The coupon is made once the customer agrees to mail."
    # Of a reminder
    NEAR = "near", "Inside the near window and willing to be told: a reminder is recorded."
    NOT_NEAR = "not_near", "Outside the near window."
    NOT_TOLD = "not_told", "Wix has not told this measure of the account; tiers may be off."
    NOT_ARMED = "not_armed", "Was rewarded, and must fall below rearm_below before it can be reached anew."
    LADDER_END = "ladder_end", "The last rung of the ladder lies behind: there is no next one."
    TOO_SOON = "too_soon", "The last reminder for this milestone is too recent (remind_every)."
    ENOUGH_REMINDERS = "enough_reminders", "Has had all reminders for this approach (max_reminders)."
    AT_MOST = "at_most", "Has had as many reminders, over all milestones, as the policy allows (at_most)."
    NEARER_ONE = "nearer_one", "Another milestone is nearer, and one reminder at a time is sent."
    ONE_AT_A_TIME = (
        "one_at_a_time",
        "Another reminder to the same customer has not left yet, or is less than a day old.",
    )
    # Of any mail
    NO_ADDRESS = "no_address", "Wix knows no mail address of this account."
    NOT_SUBSCRIBED = (
        "not_subscribed",
        "Has not agreed to mail from the shop: the subscription is not SUBSCRIBED.",
    )
    UNDELIVERABLE = (
        "undeliverable",
        "Mail to this address bounced, was reported as spam, or the address is inactive.",
    )
    UNUSABLE_ADDRESS = (
        "unusable_address",
        "No mail can be sent to this address: it is malformed, or it is not certain which mailbox it means.",
    )
    SUPPRESSED = "suppressed", "Unsubscribed here or is on the opt-out list."
    DELETED = "deleted", "The contact was deleted or its data erased."
    PROGRAM_NOT_ACTIVE = "program_not_active", "The loyalty program is not active in Wix."
    SITE_NOT_ACTIVE = "site_not_active", "The site is only observed, or its app was removed."
    PAUSED = "paused", "A person paused it."
    QUIET_HOURS = "quiet_hours", "It is night at the shop; the mail goes out when the quiet hours end."
    ONLY_TO = "only_to", "The configuration lets mail leave only for listed addresses (mail.only_to)."
    SCAN_UNDER_WAY = "scan_under_way", "The scan that found it is not complete; it goes out when it is."
    MILESTONE_ENDED = (
        "milestone_ended",
        "The milestone that it announces was changed or taken out of the configuration.",
    )
    COUPON_OVER = (
        "coupon_over",
        "The coupon that it shows ended before it could leave: held, so that a person makes up for it.",
    )
    SHADOW = "shadow", "Shadow mode decides and records everything and sends nothing."
    BREAKER = "breaker", "More than the breaker allows within a day: held for a person."
    BLOCKED = "blocked", "What it waits for was discarded; retry that first."
    RESUME = "resume", "The database was copied, restored or asleep: held until a person resumes."
    # Of an order
    ORDERED = "ordered", "It was asked for."
    OTHER_ACCOUNT = (
        "other_account",
        "The customer's contact was merged, and the balance was ordered for the account of before.",
    )
    REDEMPTION_UNDER_WAY = (
        "redemption_under_way",
        "Another redemption of the same reward for the same account is not settled; its turn comes after that.",
    )
    DISCOUNT_UNDER_WAY = (
        "discount_under_way",
        "The same was just applied to this checkout, or may have been; what is there is looked at before.",
    )
    EARNED_BEFORE = (
        "earned_before",
        "The customer has had the points of this rule: it gives them once (once_per).",
    )
    EARN_CAP = (
        "earn_cap",
        "The customer has had as many points of this rule in this period as it gives (cap).",
    )
    # Of an effect
    DONE = "done", "Done."
    REFUSED = "refused", "Refused for good by the other side."
    EXHAUSTED = "exhausted", "Failed at every attempt."
    RETRY = "retry", "Failed for now; it will be tried again."
    PENDING = "pending", "The other side has it and has not finished; what becomes of it is asked by itself."
    LOST_ANSWER = "lost_answer", "Handed over, but no answer came: nobody knows whether it arrived."
    CANCELLED_BY_PERSON = "cancelled_by_person", "A person cancelled it."
    RELEASED_BY_PERSON = "released_by_person", "A person released it."
    HELD_BY_PERSON = "held_by_person", "A person holds it."
