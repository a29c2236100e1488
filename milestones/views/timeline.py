"""What the page and the health checks show: rows as sentences, figures, and whether this process can serve."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from milestones.config.settings import Settings
from milestones.domain.actions import MAIL, State
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.verdict import Verdict
from milestones.kinds.email.folder import FolderTransport
from milestones.store.database import heartbeat, schema
from milestones.store.database.store import Store, find_trouble
from milestones.store.outbox import rests
from milestones.store.outbox.rests import Rest
from milestones.store.tables import Action, Grant, Reminder, Scan, ScanState
from milestones.store.views import lookup, timeline
from milestones.store.views.backlog import get_backlog
from milestones.store.views.timeline import Event
from milestones.views.notices import MOST_RESTS, list_notices, list_scan_notices
from milestones.views.page import Check, Figure, Happening, Overview, Place, Readiness
from milestones.views.sentences import action_sentence, reason

DAY = timedelta(hours=24)

_ALWAYS = 4
"""Figures that are shown even where they are 0."""

OLDEST = timedelta(minutes=15)
"""Something that could be done for so long and was not means that this process does not do its work."""

ASKED_EVERY = timedelta(minutes=1)
"""A schema that was current is asked again after this: on PostgreSQL a newer program may have changed it meanwhile."""

_SCANS = {
    "baseline": "The first reading of all accounts",
    "near": "A scan for near customers",
    "reached": "A scan for changed accounts",
    "sweep": "A reading of all accounts",
}


class Timeline:
    """Answers the web's questions from the store and the configuration in force."""

    def __init__(self, store: Store, settings: Callable[[], Settings], clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._current_at: datetime | None = None

    async def recent(self, limit: int, before: Place | None) -> Sequence[Happening]:
        """The newest happenings, older than a place if one is given."""
        async with self._store.read() as tx:
            events = await timeline.list_events(tx, limit, before)
            names = await timeline.get_site_names(tx, {event.row.site_id for event in events})
        return [self._line(event, names) for event in events]

    async def overview(self) -> Overview:
        """Notices and figures of the last 24 hours."""
        now = self._clock()
        async with self._store.read() as tx:
            tallies = await timeline.get_tallies(tx, now - DAY)
            backlog = await get_backlog(tx, now)
            rejected = await lookup.count_rejected(tx)
            untold = await lookup.count_untold(tx, now - DAY)
            warnings = await list_notices(tx, self._settings(), now)
        figures = [
            Figure(tallies.grants, "reached a milestone in 24 hours"),
            Figure(tallies.reminders, "reminders in 24 hours"),
            Figure(tallies.mails, "mails sent in 24 hours"),
            Figure(backlog.due, "due now"),
            Figure(tallies.held, "held for a person", alarming=True),
            Figure(tallies.unknown, "of unknown fate", alarming=True),
            Figure(tallies.discarded, "failed for good", alarming=True),
            Figure(untold, "codes nobody was told of in 24 hours"),
            Figure(rejected, "webhooks or accounts not understood", alarming=True),
        ]
        return Overview(
            warnings, [*figures[:_ALWAYS], *(figure for figure in figures[_ALWAYS:] if figure.value)]
        )

    async def readiness(self) -> Readiness:
        """Database, schema, channels, and the age of what is due."""
        configuration = self._settings().hash
        if (reason := await find_trouble(self._store)) is not None:
            return Readiness([Check("database", False, reason)], configuration)
        standing = await self._schema()
        async with self._store.read() as tx:
            now = self._clock()
            backlog = await get_backlog(tx, now)
            held = await heartbeat.get_hold(tx) is not None
            failing = await list_scan_notices(tx)
            resting = await rests.list_rests(tx, now, MOST_RESTS)
        age = backlog.oldest or timedelta(0)
        # In hold and in shadow mode nothing is done on purpose, and events must go on to come.
        shadow = self._settings().daemon.mode == "shadow"
        waits = f"the oldest for {age.total_seconds():.0f} s"
        if held or shadow:
            waits = "held until `milestones resume`" if held else "kept back by shadow mode"
        return Readiness(
            [
                Check("database", True, "It answers."),
                Check("migrations", standing == "current", f"The schema is {standing}."),
                Check(
                    "scans", not failing, " ".join(failing) or "None has stopped at an error.", needed=False
                ),
                # Who hears webhooks must go on to: that nothing leaves is for a person, not for a load balancer.
                Check("channels", not resting, _channels(resting), needed=False),
                Check("backlog", held or shadow or age <= OLDEST, f"{backlog.due} due, {waits}."),
            ],
            configuration,
        )

    async def _schema(self) -> schema.Standing:
        """How the schema stands. Asking reads every migration, and probes come every few seconds."""
        now = self._clock()
        if self._current_at is None or not timedelta(0) <= now - self._current_at < ASKED_EVERY:
            standing = await schema.get_version_state(self._settings().daemon.database.get_secret_value())
            if standing != "current":
                return standing
            self._current_at = now
        return "current"

    async def mail(self, message_id: str) -> bytes | None:
        """A message that was put into a folder, by its Message-ID; None where mail goes to a server."""
        settings = self._settings()
        tables = [settings.mail, *(site.mail for site in settings.list_sites())]
        for folder in dict.fromkeys(table.folder for table in tables if table.transport == "folder"):
            message = await FolderTransport(folder).read(message_id)
            if message is not None:
                return message
        return None

    def _line(self, event: Event, names: Mapping[str, str]) -> Happening:
        row, site = event.row, names.get(event.row.site_id)
        settings = self._settings().for_site(row.site_id)
        match row:
            case Scan():
                return Happening(
                    key=event.key,
                    at=event.at,
                    kind="scan",
                    title=_scan_title(row),
                    site=site,
                    state=_scan_state(row),
                )
            case Action():
                in_folder = settings.mail.transport == "folder"
                return _action_line(event, row, site, shows_mail=in_folder)
            case Grant():
                return _grant_line(event, row, site, settings.milestone(row.milestone))
            case Reminder():
                return _reminder_line(event, row, site, settings.milestone(row.milestone))


def _grant_line(event: Event, row: Grant, site: str | None, milestone: Milestone | None) -> Happening:
    title = milestone.title if milestone is not None else row.milestone
    ladder = milestone is not None and milestone.repeat is Repeat.LADDER
    step = f", the step of {row.occurrence:,}" if ladder else ""
    return Happening(
        key=event.key,
        at=event.at,
        kind="grant",
        title=f"Reached {title}{step} with {row.value:,} points",
        site=site,
        account=row.account_id,
        milestone=title,
        verdict=reason(row.verdict) if row.verdict != Verdict.CROSSED else None,
    )


def _reminder_line(event: Event, row: Reminder, site: str | None, milestone: Milestone | None) -> Happening:
    title = milestone.title if milestone is not None else row.milestone
    which = "" if row.number == 1 else f" (reminder {row.number})"
    return Happening(
        key=event.key,
        at=event.at,
        kind="reminder",
        title=f"Near {title} with {row.value:,} points{which}",
        site=site,
        account=row.account_id,
        milestone=title,
    )


def _action_line(event: Event, row: Action, site: str | None, *, shows_mail: bool) -> Happening:
    sent = row.kind == MAIL and row.state == State.DONE
    return Happening(
        key=event.key,
        at=event.at,
        kind=row.kind,
        title=action_sentence(row),
        site=site,
        account=row.account_id,
        milestone=row.payload.get("milestone", {}).get("title"),
        state=row.state,
        verdict=reason(row.verdict),
        mail=(row.result or {}).get("message_id") if sent and shows_mail else None,
    )


def _channels(resting: Sequence[tuple[str, str, Rest]]) -> str:
    """What does not work and why, each reason once. Names no site: whoever reaches the probe may read it."""
    told = {
        (kind, rest.reason): f"{kind} rests until {rest.until:%H:%M:%S} UTC: {rest.reason}"
        for _, kind, rest in resting
    }
    return " ".join(told.values()) or "All work."


def _scan_title(scan: Scan) -> str:
    what = _SCANS.get(scan.kind, f"A scan ({scan.kind})")
    read = scan.counts.get("read", 0)
    near = scan.counts.get("near", 0)
    if scan.state == ScanState.RUNNING:
        if scan.error:
            return f"{what} stopped after {read:,} accounts and goes on later: {scan.error}"
        return f"{what} is under way: {read:,} accounts so far"
    found = f", {near:,} to be reminded" if near else ""
    return f"{what}: {read:,} accounts{found}"


def _scan_state(scan: Scan) -> str | None:
    return None if scan.state == ScanState.FINISHED else "running"
