"""Whether a database is sound: its file, its schema, and what must be so between its rows."""

from dataclasses import dataclass

from milestones.errors import StoreError
from milestones.store.database import integrity, schema
from milestones.store.database.store import Store


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

_SOUND = {
    "accounts": "Every account stands where its history ends.",
    "grants": "Every grant and reminder belongs to an account and to a definition.",
    "actions": "Every action belongs to a grant or a reminder, and what it waits for can come.",
}


async def examine(text_url: str) -> list[Finding]:
    """Everything that can be looked at; what depends on something that is wrong is left out."""
    try:
        state = await schema.get_version_state(text_url)
        altered = await schema.differences(text_url) if state == "current" else []
    except StoreError as error:
        return [Finding("file", False, str(error))]
    findings = [Finding("schema", state == "current", _STANDINGS[state])]
    if state != "current":
        return findings
    if altered:
        # Every question about the rows takes the tables to be as they should be.
        return [*findings, Finding("tables", False, f"{' '.join(altered)} Restore a backup.")]
    findings.append(Finding("tables", True, "They are as this version makes them."))
    store = await Store.open(text_url, read_only=True)
    try:
        async with store.read() as tx:
            faults = await integrity.list_file_faults(tx)
            findings.append(Finding("file", not faults, "; ".join(faults) or "It is whole."))
            for what, sentences in (await integrity.list_contradictions(tx)).items():
                findings.append(Finding(what, not sentences, " ".join(sentences) or _SOUND[what]))
    except StoreError as error:
        findings.append(Finding("file", False, str(error)))
    finally:
        await store.close()
    return findings
