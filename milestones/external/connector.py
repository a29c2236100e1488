"""Another loyalty program, as its table of ``[[external]]`` describes it: listed, read, adjusted, looked into.

It knows nothing of links, agreements or retries: every method asks once, in its turn, and raises ExternalError.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from milestones import effects
from milestones.config.external import ExternalTable
from milestones.config.external_calls import AdjustTable, CallTable, IdempotencyTable
from milestones.domain.member import Member
from milestones.external.answers import Answer, Request, exchange, understand
from milestones.external.auth import Authority
from milestones.external.errors import ExternalError, UnreadableError
from milestones.external.pace import Pace, seconds_left
from milestones.external.paging import Pages
from milestones.external.reading import read_member, search
from milestones.external.template import Words, fill, fill_path

MOST_UNREADABLE = 100
"""Records of one listing that may be unreadable before all of it is not believed."""


class Connector:
    """One program of one site. http: without credentials, shared and closed by its owner. clock: UTC."""

    def __init__(
        self, external: ExternalTable, http: httpx.AsyncClient, clock: Callable[[], datetime]
    ) -> None:
        self.external = external
        self.calls = 0
        self.unreadable = 0
        self._http = http
        self._clock = clock
        self._pace = Pace(external.rate)
        self._authority = Authority(external.name, external.base_url, http)

    @property
    def name(self) -> str:
        """Of the program, in the configuration."""
        return self.external.name

    async def list_members(self, since: datetime | None) -> AsyncIterator[list[Member]]:
        """All members page by page, or those that changed since. Raises ExternalError; then it is not complete.

        What cannot be read is counted in ``unreadable``, and left out.
        """
        table = self.external.list
        assert table is not None, "whoever asks has looked"
        self.unreadable = 0
        request = self._request("list", table, {}, reads=True)
        if since is not None and table.changed_since is not None:
            moment = _moment(since - table.changed_since.overlap, table.changed_since.form)
            request = _with(request, table.changed_since.param, moment)
        pages = Pages(table.paginator, request)
        following: Request | None = request
        while following is not None:
            answer, document = await self._ask(following, table)
            records = search(table.records, document)
            if records is None:
                records = []
            if not isinstance(records, list):
                raise ExternalError(f"{following} answered no list at `records`.")
            members = self._read_all(records)
            yield members
            last_id = members[-1].id if members else None
            following = pages.find_next(document, answer.headers, records, last_id)

    def _read_all(self, records: Sequence[Any]) -> list[Member]:
        members = []
        for record in records:
            try:
                members.append(read_member(self.external, record))
            except ExternalError:
                self.unreadable += 1
                if self.unreadable > MOST_UNREADABLE:
                    raise
        return members

    async def get(self, member: Member) -> Member:
        """A member as they are now. member: their id, and what else asking needs. Raises GoneError, ExternalError."""
        table = self.external.get
        words = self._words(member)
        request = self._request("get", table, words, reads=True)
        _, document = await self._ask(request, table)
        record = search(table.records, document, words)
        if record is None:
            raise UnreadableError(f"{request} answered without the member that it was asked for.")
        found = read_member(self.external, record, known_id=member.id)
        if found.balance is None:
            raise UnreadableError(f"{request} answered without a balance.")
        # What the answer leaves out is as it was known.
        return replace(found, email=found.email or member.email, phone=found.phone or member.phone)

    async def adjust(self, member: Member, by: int, key: str, mark: str) -> None:
        """Move points. key: the same for the same adjustment, where the program takes one. mark: goes into its free text.

        Awaits ``effects.begin``. Raises ExternalError, lost where they may have moved.
        """
        table = self.external.write_for(by)
        words = {
            **self._words(member),
            "delta": by,
            "points": abs(by),
            "key": mark,
            "note": self.external.note,
        }
        request = self._request("adjust", table, words, reads=False)
        await self._ask(_with_key(request, table, key), table)

    async def find(self, member: Member, mark: str) -> bool | None:
        """Whether the adjustment with this mark is among what is shown; None where that cannot be asked."""
        table = self.external.find
        if table is None:
            return None
        words = {**self._words(member), "key": mark, "note": self.external.note}
        request = self._request("find", table, words, reads=True)
        _, document = await self._ask(request, table)
        records = search(table.records, document, words)
        if not isinstance(records, list):
            raise ExternalError(f"{request} answered no list at `records`.")
        return any(bool(search(table.when, record, words)) for record in records)

    # One request

    def _words(self, member: Member) -> dict[str, str | int]:
        of_member = {"id": member.id, "email": member.email or "", "phone": member.phone or "", **member.more}
        return {**self.external.values, **{f"member.{name}": value for name, value in of_member.items()}}

    def _request(self, call: str, table: CallTable, words: Words, *, reads: bool) -> Request:
        words = {**self.external.values, **words}
        return Request(
            program=self.name,
            call=call,
            method=table.method,
            url=self.external.base_url + fill_path(table.path, words, self.name),
            reads=reads,
            params=fill(table.params, words),
            headers={**self.external.headers, **table.headers},
            body=None if table.body is None else fill(table.body, words),
        )

    async def _ask(self, request: Request, table: CallTable) -> tuple[Answer, Any]:
        ways = self.external.auth if table.auth is None else table.auth
        await self._pace.acquire()
        now = self._clock()
        proof = await self._authority.prove(ways, now)
        if not request.reads:
            await effects.begin()
        answer = await self._exchange(request, proof.headers, proof.params)
        if answer.status == 401 and self._authority.forget(proof):
            # A 401 means that nothing was done, so even a write may be repeated; once.
            proof = await self._authority.prove(ways, now)
            await self._pace.acquire()
            answer = await self._exchange(request, proof.headers, proof.params)
        try:
            return answer, understand(answer, request, self.external.on_status, self._clock())
        except ExternalError as error:
            if answer.status == 429 and error.retry_at is not None:
                self._pace.pause((error.retry_at - self._clock()).total_seconds())
            raise

    async def _exchange(
        self, request: Request, headers: Mapping[str, str], params: Mapping[str, str]
    ) -> Answer:
        self.calls += 1
        proven = replace(request, headers={**request.headers, **headers}, params={**request.params, **params})
        answer = await exchange(self._http, proven)
        self._pace.pause(seconds_left(self.external.limits, answer.headers, self._clock().timestamp()))
        return answer


def _with_key(request: Request, table: AdjustTable, key: str) -> Request:
    way = table.idempotency
    if not isinstance(way, IdempotencyTable):
        return request
    if way.place == "header":
        return replace(request, headers={**request.headers, way.field: key[: way.max]})
    return replace(request, body={**(request.body or {}), way.field: key[: way.max]})


def _with(request: Request, name: str, value: str | int) -> Request:
    if request.method == "POST":
        return replace(request, body={**(request.body or {}), name: value})
    return replace(request, params={**request.params, name: value})


def _moment(moment: datetime, form: str) -> str | int:
    if form == "iso":
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return int(moment.timestamp() * (1 if form == "epoch" else 1000))
