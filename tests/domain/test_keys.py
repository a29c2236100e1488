import re
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain import keys
from milestones.domain.address import Form
from tests.builders import ACCOUNT, SECRET, SITE

ADA = Form("ada@example.com")
PREFIXES = st.text(string.ascii_letters + string.digits, max_size=7)
# "/" and "%" are what a careless key would be torn apart by.
PARTS = st.text("a/%#é ", max_size=4)
GRANTS = st.tuples(PARTS, PARTS, PARTS, st.integers(0, 20))


def test_keys_are_text_that_a_person_can_read() -> None:
    grant = keys.grant_key("site", "account", "stars-1000", 1)
    assert grant == "grant/site/account/stars-1000/1"
    assert keys.reminder_key("site", "account", "ladder", 2000, 1) == "reminder/site/account/ladder/2000/1"
    assert keys.action_key(grant, 2) == "grant/site/account/stars-1000/1#2"


@given(st.sets(GRANTS, min_size=2, max_size=6), PREFIXES)
def test_different_grants_have_different_keys_and_different_codes(
    grants: set[tuple[str, str, str, int]], prefix: str
) -> None:
    owners = [keys.grant_key(*grant) for grant in grants]
    owners += [keys.reminder_key(*grant, 1) for grant in grants]
    actions = [keys.action_key(owner, position) for owner in owners for position in (0, 1)]
    assert len(set(actions)) == len(actions) == 4 * len(grants)
    codes = {keys.coupon_code(SECRET, action, prefix) for action in actions}
    assert len({code.casefold() for code in codes}) == len(actions)


@given(GRANTS, PREFIXES)
def test_a_code_has_at_most_20_characters_that_nobody_misreads_after_its_prefix(
    grant: tuple[str, str, str, int], prefix: str
) -> None:
    code = keys.coupon_code(SECRET, keys.grant_key(*grant), prefix)
    # 13 symbols of 5 bits are 65 bits; 7 + 13 = 20.
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{13}", code.removeprefix(prefix.upper()))
    assert len(code) <= keys.CODE_LIMIT
    assert code == code.upper()


def test_a_code_is_the_same_at_every_attempt_and_another_with_another_secret() -> None:
    key = keys.grant_key(SITE, ACCOUNT, "stars-1000", 1)
    assert keys.coupon_code(SECRET, key) == keys.coupon_code(SECRET, key)
    assert keys.coupon_code(SECRET, key) != keys.coupon_code(SECRET + b".", key)


def test_a_prefix_that_the_configuration_should_have_refused_is_not_cut() -> None:
    with pytest.raises(AssertionError, match="configuration bounds the prefix"):
        keys.coupon_code(SECRET, "key", "EIGHT888")


def test_one_key_serves_several_purposes_that_have_nothing_in_common() -> None:
    key = keys.grant_key(SITE, ACCOUNT, "stars-1000", 1)
    idempotency = keys.idempotency_key(SECRET, key)
    assert str(uuid.UUID(idempotency)) == idempotency
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", keys.message_id(SECRET, key, "example.com"))
    assert re.fullmatch(r"msg_[0-9a-f]{32}", keys.webhook_id(SECRET, key))
    heads = {
        idempotency.replace("-", "")[:8],
        keys.message_id(SECRET, key, "example.com")[1:9],
        keys.webhook_id(SECRET, key)[4:12],
    }
    assert len(heads) == 3


def test_an_address_is_recognised_within_its_site_alone() -> None:
    key = keys.address_key(SECRET, SITE, ADA)
    assert key != keys.address_key(SECRET, "another site", ADA)
    assert key != keys.address_key(b"another secret", SITE, ADA)
    # Nothing moves from the site into the address.
    assert keys.address_key(SECRET, "a/b", Form("c")) != keys.address_key(SECRET, "a", Form("b/c"))


def test_a_contact_is_recognised_within_its_site_and_is_no_address() -> None:
    key = keys.contact_key(SECRET, SITE, ACCOUNT)
    assert re.fullmatch(r"[\w-]{22}", key, re.ASCII)
    others = {
        keys.contact_key(SECRET, "another site", ACCOUNT),
        keys.contact_key(b"another secret", SITE, ACCOUNT),
        keys.contact_key(SECRET, SITE, "another contact"),
        keys.address_key(SECRET, SITE, Form(ACCOUNT)),
    }
    assert key == keys.contact_key(SECRET, SITE, ACCOUNT)
    assert len(others - {key}) == 4


def test_a_token_holds_the_key_of_an_address_and_not_the_address() -> None:
    token = keys.unsubscribe_token(SECRET, SITE, ADA)
    assert keys.open_token(SECRET, token) == keys.address_key(SECRET, SITE, ADA)
    # 16 bytes each in base64 without padding are 22 characters; safe in a URL.
    assert re.fullmatch(r"[\w-]{22}\.[\w-]{22}", token, re.ASCII)
    assert "ada" not in token


@given(st.emails(), st.data())
def test_a_token_with_any_bit_flipped_opens_nothing(address: str, data: st.DataObject) -> None:
    token = keys.unsubscribe_token(SECRET, SITE, Form(address))
    position = data.draw(st.integers(0, len(token) - 1))
    flipped = chr(ord(token[position]) ^ 1 << data.draw(st.integers(0, 7)))
    assert keys.open_token(SECRET, token[:position] + flipped + token[position + 1 :]) is None


@given(st.text(st.characters(exclude_categories=()), max_size=60))
@pytest.mark.parametrize("wrap", ["{}", "{}.", ".{}", "{0}.{0}"])
def test_what_this_program_did_not_make_opens_nothing_and_raises_nothing(wrap: str, text: str) -> None:
    assert keys.open_token(SECRET, wrap.format(text)) is None


@pytest.mark.parametrize(
    "written",
    [
        "{}.",
        "{}>",
        "{})",
        "{},",
        "{}=",
        "{}/",
        "{}. ",
        "<{}>",
        "{}%3E",
        "{}%2E",
        "{}%0D%0A",
        "{}\r\nand",
        "{}/..",
        "{};=20",
    ],
)
def test_a_token_is_found_in_what_mail_programs_make_of_its_link(written: str) -> None:
    token = keys.unsubscribe_token(SECRET, SITE, ADA)
    opened = keys.address_key(SECRET, SITE, ADA)
    assert keys.open_token(SECRET, written.format(token)) == opened
    for broken in (
        token[:30] + "=\r\n" + token[30:],
        token[:9] + "= " + token[9:],
        token.replace(".", "%2E"),
    ):
        assert keys.open_token(SECRET, broken) == opened


def test_a_token_is_neither_cut_out_of_other_text_nor_read_in_another_case() -> None:
    token = keys.unsubscribe_token(SECRET, SITE, ADA)
    for other in (token + "x", "x" + token, token.swapcase(), token.replace(".", "/"), token[:-1]):
        assert keys.open_token(SECRET, other) is None


def test_a_token_of_another_installation_opens_nothing() -> None:
    token = keys.unsubscribe_token(b"another secret", SITE, ADA)
    assert keys.open_token(SECRET, token) is None
