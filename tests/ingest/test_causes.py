"""The log names, for each grant, the events that it came from, and nobody."""

from structlog.testing import capture_logs

from milestones.domain.event import AppInstalled, Heard
from milestones.ingest.causes import tell_granted
from milestones.ingest.envelope import heard
from milestones.store.tables import Grant
from tests.ingest.tokens import ACCOUNT, NOW, POINTS_UPDATED, SITE, claims, points_updated

ANOTHER = "a2a2a2a2-0000-4000-8000-000000000002"
ANNA = {"email": "anna@example.net", "name": "Anna Brandt"}


def told(event_id: str, account_id: str = ACCOUNT, site_id: str = SITE) -> Heard:
    data = {**points_updated(id=account_id, contact=ANNA), "id": event_id}
    return heard(claims(POINTS_UPDATED, data, instanceId=site_id))


def grant(account_id: str = ACCOUNT, occurrence: int = 1) -> Grant:
    return Grant(
        site_id=SITE,
        account_id=account_id,
        milestone="stars-1000",
        occurrence=occurrence,
        version=1,
        revision=17,
        stamped_at=0,
        value=1010,
        source="webhook",
        configuration="0",
        verdict="crossed",
        recorded_at=NOW,
    )


def test_a_grant_is_logged_with_the_events_of_its_account_alone_and_with_nobodys_name() -> None:
    batch = [
        told("event-1"),
        told("event-2", ANOTHER),
        told("event-3", site_id="another site"),
        told("event-4"),
        Heard(SITE, "AppInstalled", AppInstalled(), event_id="event-5"),
    ]
    with capture_logs() as logs:
        tell_granted(batch, [grant(), grant(ANOTHER, occurrence=2)])
    about = {"event": "granted", "log_level": "info", "site": SITE, "milestone": "stars-1000"}
    assert logs == [
        {**about, "account": ACCOUNT, "occurrence": 1, "event_ids": ["event-1", "event-4"]},
        {**about, "account": ANOTHER, "occurrence": 2, "event_ids": ["event-2"]},
    ]
    assert "anna" not in repr(logs).casefold()
