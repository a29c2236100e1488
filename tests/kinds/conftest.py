import pytest

from tests.kinds.builders import Clock, FakeConsent, Known


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def consent() -> FakeConsent:
    """Ana has subscribed, and nobody else is known."""
    return FakeConsent(known={"ana@example.com": Known()})
