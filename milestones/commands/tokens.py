"""Tokens of the API: made, listed, revoked, and recognised."""

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.tokens import (
    CreatedToken,
    CreateToken,
    ListTokens,
    RevokeToken,
    TokenLine,
    TokensAnswer,
)
from milestones.domain.token import RANDOM_BYTES, Presented, Scope, read_token, write_token
from milestones.errors import UsageError
from milestones.store import tokens
from milestones.store.database.store import Store
from milestones.store.tables import ApiToken

_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")

NOTE_USE_EACH = timedelta(minutes=1)
"""So often at most the use of a token is written down."""


async def create(host: Host, command: CreateToken, _report: Report[NoReport]) -> CreatedToken:
    """Make a token. Raises UsageError for a title that cannot be, or is taken."""
    if not _TITLE.fullmatch(command.title):
        raise UsageError(
            "A token's name has 1 to 60 letters and digits of ASCII, and . _ - between them, such as till-2."
        )
    if command.expires is not None and command.expires <= timedelta(0):
        raise UsageError("A token that expires at once is of no use.")
    now = host.runtime.clock()
    token = write_token(secrets.token_bytes(RANDOM_BYTES))
    presented = read_token(token)
    assert presented is not None, "it was just written"
    until = None if command.expires is None else now + command.expires
    async with host.runtime.store.write() as tx:
        if await tokens.find_in_force(tx, command.title, now) is not None:
            raise UsageError(
                f"There is a token {command.title!r} already. Take another name, or revoke it first."
            )
        await tokens.add(tx, command.title, presented, command.scope, now, until)
        row = await tokens.find(tx, presented.name)
    assert row is not None, "it was just written"
    return CreatedToken(token=token, line=_line(row, now))


async def list_tokens(host: Host, _command: ListTokens, _report: Report[NoReport]) -> TokensAnswer:
    """Tell of every token."""
    now = host.runtime.clock()
    async with host.runtime.store.read() as tx:
        found = await tokens.list_all(tx)
    return TokensAnswer(tokens=tuple(_line(row, now) for row in found))


async def revoke(host: Host, command: RevokeToken, _report: Report[NoReport]) -> TokenLine:
    """Withdraw a token. Raises UsageError where none of this name is in force."""
    now = host.runtime.clock()
    async with host.runtime.store.write() as tx:
        row = await tokens.find_in_force(tx, command.token, now)
        if row is None:
            raise UsageError(
                f"No token {command.token!r} is in force. `milestones token list` shows their names."
            )
        await tokens.revoke(tx, row.name, now)
        row.revoked_at = now
    return _line(row, now)


async def find_holder(store: Store, presented: Presented, now: datetime) -> ApiToken | None:
    """The token in force that is shown, as the database has it at this moment. Raises StoreError."""
    async with store.read() as tx:
        row = await tokens.find(tx, presented.name)
    # A name that is unknown takes as long as a secret that is wrong.
    is_it = presented.is_of(row.digest if row is not None else "")
    return row if row is not None and is_it and _state(row, now) == "in_force" else None


async def note_use(store: Store, token: ApiToken, clock: Callable[[], datetime]) -> None:
    """Write down that a token was used, at most once a minute. Raises StoreError."""
    now = clock()
    if token.last_used_at is None or now - token.last_used_at >= NOTE_USE_EACH:
        async with store.write() as tx:
            await tokens.note_use(tx, token.name, now)


def _state(row: ApiToken, now: datetime) -> Literal["in_force", "expired", "revoked"]:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "in_force"


def _line(row: ApiToken, now: datetime) -> TokenLine:
    return TokenLine(
        title=row.title,
        name=row.name,
        scopes=tuple(Scope(scope) for scope in row.scopes),
        state=_state(row, now),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
