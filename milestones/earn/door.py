"""The door for outside events: genuine, understood, durable. Whoever returns from here may be answered 200."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from milestones.domain.earn import EarnRule
from milestones.earn import kept
from milestones.earn.handshake import Answer, answer_event, answer_query
from milestones.earn.reading import Reading, read_body, read_events, select_headers
from milestones.earn.received import Received
from milestones.earn.record import Outcome, Recorder, Result
from milestones.earn.signature import verify
from milestones.earn.together import Together
from milestones.errors import IngestError, MilestonesError, UsageError, blame
from milestones.observability.seldom import Seldom
from milestones.pipeline.context import Outcome as Committed
from milestones.store import sites
from milestones.store.people import rejected
from milestones.store.tables import SiteState

PATIENCE = 2.5
"""Seconds for the commit: services give up after three (Zoom)."""

_NOTHING_DONE = "Nothing is done for this site at the moment."
_NOT_NOW = "The event cannot be stored at the moment; send it again later."

_log = structlog.get_logger(__name__)


def understand(rule: EarnRule, received: Received) -> Answer | list[Reading]:
    """What a genuine body asks for: an answer to a handshake, or its events. Raises ValueError with a predicate."""
    assert rule.event is not None, "a claim has no events"
    document = read_body(received.body)
    return answer_event(rule.event, document) or read_events(rule, document, received.headers)


@dataclass(frozen=True, slots=True)
class EarnDoor:
    """Everything that an outside event meets on its way in.

    rules: those in force. site_id: the site of a name. address: where the events of a path come, as the world knows it.
    tell: after a commit. count: a rule, what became of events, and of how many.
    """

    recorder: Recorder
    rules: Callable[[], Sequence[EarnRule]]
    site_id: Callable[[str], str | None]
    address: Callable[[str], str]
    clock: Callable[[], datetime]
    tell: Callable[[Committed], None]
    count: Callable[[str, str, int], None]
    _together: Together = field(init=False)
    _each_minute: Seldom = field(default_factory=lambda: Seldom(timedelta(minutes=1)))

    def __post_init__(self) -> None:
        object.__setattr__(self, "_together", Together(self.recorder.record, self.clock))

    def greet(self, path: str, query: Mapping[str, str]) -> Answer:
        """What a GET is answered: a handshake. Raises IngestError."""
        rule = self._find_rule(path)
        assert rule.event is not None, "a claim has no path"
        return answer_query(rule.event, query)

    async def receive(self, path: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Answer:
        """Take one body. Raises IngestError when it must not be acknowledged, and nothing else."""
        rule = self._find_rule(path)
        assert rule.event is not None, "a claim has no path"
        received = Received.of(body, headers, self.address(path), self.clock())
        try:
            verify(rule.event.signature, received)
            async with asyncio.timeout(PATIENCE):
                return await self._take(rule, received)
        except IngestError as refusal:
            if self._each_minute.due(f"{rule.name} {refusal.status}", received.at):
                _log.warning(
                    "outside_event_refused", rule=rule.name, status=refusal.status, reason=str(refusal)
                )
            raise
        except TimeoutError:
            self._note_failure(rule, received, "It was not stored in time.")
        except Exception as error:  # noqa: BLE001 (whatever happens, the service must hear that it should try again)
            self._note_failure(
                rule, received, str(error) if isinstance(error, MilestonesError) else blame(error)
            )
        raise IngestError(503, _NOT_NOW)

    def _note_failure(self, rule: EarnRule, received: Received, reason: str) -> None:
        if self._each_minute.due(f"{rule.name} {reason}", received.at):
            _log.error("outside_event_failed", rule=rule.name, reason=reason)

    async def _take(self, rule: EarnRule, received: Received) -> Answer:
        assert rule.event is not None, "a claim has no path"
        headers = select_headers(rule.event, received)
        try:
            understood = understand(rule, received)
        except ValueError as error:
            await self._keep(rule, f"The body {error}.", headers, received)
            return Answer()
        except Exception as error:  # noqa: BLE001
            # A fault of ours, which an upgrade may mend: the body is kept, not refused for some days and then lost.
            _log.error("outside_event_unreadable", rule=rule.name, error=blame(error))
            await self._keep(rule, f"Reading it failed with {type(error).__name__}.", headers, received)
            return Answer()
        if isinstance(understood, Answer):
            return understood
        results = await self._record(rule, understood)
        unread = [result.why for result in results if result.outcome is Outcome.UNREAD]
        if unread:
            several = f" (and {len(unread) - 1:,} more)" if len(unread) > 1 else ""
            await self._keep(rule, f"{unread[0]}{several}", headers, received)
        return Answer()

    async def _record(self, rule: EarnRule, readings: Sequence[Reading]) -> list[Result]:
        site_id = self.site_id(rule.site)
        if site_id is None:
            raise IngestError(404, _NOTHING_DONE)
        try:
            results = await self._together.record(site_id, rule, readings)
        except UsageError:
            raise IngestError(404, _NOTHING_DONE) from None
        for outcome, number in Counter(result.outcome for result in results).items():
            self.count(rule.name, outcome, number)
            _log.info("outside_events", rule=rule.name, outcome=outcome.value, number=number)
        if any(result.outcome is Outcome.EARNED for result in results):
            self.tell(Committed(wake={site_id}))
        return results

    async def _keep(
        self, rule: EarnRule, reason: str, headers: Mapping[str, str], received: Received
    ) -> None:
        """Keep a body for a person, unless nothing is done for the site: then nothing of it stays here."""
        site_id = await self._require_active(rule)
        body = kept.pack(headers, received.body)
        async with self.recorder.store.write() as tx:
            await rejected.add(tx, site_id, f"{kept.EVENT}{rule.name}", reason, body, received.at)
        _log.warning("outside_event_kept_unread", rule=rule.name, reason=reason)

    async def _require_active(self, rule: EarnRule) -> str:
        """The site of a rule. Raises IngestError where nothing is done for it: its app was removed, say."""
        site_id = self.site_id(rule.site)
        if site_id is not None:
            async with self.recorder.store.read() as tx:
                site = await sites.find_site(tx, site_id)
            if site is not None and site.state == SiteState.ACTIVE:
                return site_id
        raise IngestError(404, _NOTHING_DONE)

    def _find_rule(self, path: str) -> EarnRule:
        found = next((one for one in self.rules() if one.path == path and one.event is not None), None)
        if found is None:
            raise IngestError(404, "There is no rule with this address.")
        return found
