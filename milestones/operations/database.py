"""Whether a database is sound: its file, its schema, and what must be so between its rows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from milestones.errors import StoreError
from milestones.store import schema, soundness
from milestones.store.database import Store, Transaction


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. told: a sentence."""

    what: str
    ok: bool
    told: str


_STANDINGS = {
    "current": "It is of this version.",
    "empty": "There is none yet; `milestones run` makes it.",
    "older": "It is of an older version. Make a backup, then run `milestones db upgrade`.",
    "newer": "It was written by a newer version of milestones. Use that version.",
    "foreign": "It holds tables of another program (daemon.database).",
}

_ROWS: tuple[tuple[str, Callable[[Transaction], Awaitable[int]], str, str], ...] = (
    (
        "accounts",
        soundness.accounts_without_history,
        "Every account has the history that it is known by.",
        "account(s) lack the newest stretch of their history. Restore a backup; until then they are not judged.",
    ),
    (
        "grants",
        soundness.grants_without_account,
        "Every grant belongs to an account.",
        "grant(s) belong to no account that is known. Restore a backup.",
    ),
    (
        "actions",
        soundness.actions_without_reason,
        "Every action belongs to a grant or a reminder.",
        "action(s) belong to no grant and no reminder. `milestones outbox list` shows them.",
    ),
)


async def examined(text_url: str) -> list[Finding]:
    """Everything that can be looked at; what depends on something that is wrong is left out."""
    try:
        standing = await schema.standing(text_url)
    except StoreError as error:
        return [Finding("file", False, str(error))]
    findings = [Finding("schema", standing == "current", _STANDINGS[standing])]
    if standing != "current":
        return findings
    store = await Store.open(text_url, read_only=True)
    try:
        async with store.read() as tx:
            faults = await soundness.file_faults(tx)
            findings.append(Finding("file", not faults, "; ".join(faults) or "It is whole."))
            for what, count, sound, unsound in _ROWS:
                number = await count(tx)
                findings.append(Finding(what, not number, f"{number:,} {unsound}" if number else sound))
    except StoreError as error:
        findings.append(Finding("file", False, str(error)))
    finally:
        await store.close()
    return findings
