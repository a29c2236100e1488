import pytest

from milestones.domain.address import sendable_address


@pytest.mark.parametrize(
    ("address", "sendable"),
    [
        ("ana@example.com", "ana@example.com"),
        (" Ana.Lima+shop@Example.COM ", "Ana.Lima+shop@Example.COM"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@localhost", "ana@localhost"),
        ("ana@straße.example", None),
        ("josé@example.com", None),
        ("", None),
        ("ana", None),
        ("@example.com", None),
        ("ana@", None),
        ("ana@@example.com", None),
        ("ana@exa mple.com", None),
        ("ana@example.com\r\nRCPT TO:<x@y.example>", None),
        ("ana>@example.com", None),
        ('"ana lima"@example.com', None),
        ("a..b@example.com", None),
        ("ana@example..com", None),
        ("ana@-example.com", None),
        ("x" * 65 + "@example.com", None),
        ("ana@" + "x" * 64 + ".example", None),
    ],
)
def test_only_what_smtp_can_take_is_an_address(address: str, sendable: str | None) -> None:
    assert sendable_address(address) == sendable
