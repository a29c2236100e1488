"""Tokens for the API: made, listed, revoked. Only whoever may open the local socket has a say in them."""

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from milestones.commands.models.command import Answer, Command, NoReport
from milestones.domain.token import Scope


class TokenLine(Answer):
    """A token without its secret. name: what it begins with, as ``mst_NAME_``. state: in_force, expired or revoked.

    last_used_at: to a minute; None where it never was.
    """

    title: str
    name: str
    scopes: tuple[Scope, ...]
    state: Literal["in_force", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class CreatedToken(Answer):
    """token: the whole of it; nobody can show it again."""

    token: str
    line: TokenLine


class CreateToken(Command[CreatedToken, NoReport]):
    """Make a token that programs show to the API. expires: for so long it is good; None for ever.

    scope: what it is good for, at least one thing.
    """

    path: ClassVar[str] = "/tokens/create"

    title: str
    scope: frozenset[Scope] = Field(min_length=1)
    expires: timedelta | None = None


class TokensAnswer(Answer):
    """Oldest first."""

    tokens: tuple[TokenLine, ...]


class ListTokens(Command[TokensAnswer, NoReport]):
    """Tell of every token that there ever was."""

    path: ClassVar[str] = "/tokens"
    method: ClassVar[Literal["GET", "POST"]] = "GET"


class RevokeToken(Command[TokenLine, NoReport]):
    """Withdraw a token, by its title or its name: from the next moment on it opens nothing."""

    path: ClassVar[str] = "/tokens/revoke"

    token: str
