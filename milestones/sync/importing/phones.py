"""Telephone numbers in the one form that is compared: E.164, such as +14155550100."""


def read_phone(text: str, region: str | None) -> str | None:
    """The number; None where it is none, or where nobody told of which country it is.

    region: the country of numbers that do not begin with +, as two letters.
    """
    # Only files without addresses need it, and its tables are large.
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_region(region: str) -> bool:
    """Whether these two letters are a country that has telephone numbers."""
    import phonenumbers  # noqa: PLC0415

    return region in phonenumbers.SUPPORTED_REGIONS
