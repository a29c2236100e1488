import pytest

from milestones.domain.greeting import wire_name


@pytest.mark.parametrize(
    ("name", "greets"),
    [
        ("shop.example.com", "shop.example.com"),
        ("shop.example.com.", "shop.example.com"),
        ("büro-pc.example.de", "xn--bro-pc-3ya.example.de"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        # What servers refuse, or what would break the line
        ("büro-pc", None),
        ("shop", None),
        ("localhost", None),
        ("192.0.2.1", None),
        ("my_pc.example.com", None),
        ("-pc.example.com", None),
        ("shop example.com", None),
        ("shop.example.com\r\nRSET", None),
        ("a..b", None),
        (f"{'a' * 64}.example.com", None),
        ("🏠" * 70 + ".example.com", None),
        ("", None),
        (".", None),
    ],
)
def test_a_machine_greets_by_its_full_name_in_ascii_or_by_an_address(name: str, greets: str | None) -> None:
    assert wire_name(name) == greets
