"""Imports of balances from a CSV file (docs/wix-api.md, 2.9): ``_api`` is part of the path."""

import csv
import io
from typing import Literal

from pydantic import Field as Limited

from wixsandbox import bulk, ledger
from wixsandbox.api.call import Call, Operation
from wixsandbox.errors import InvalidError, RefusedError, not_found
from wixsandbox.events import LOYALTY_IMPORT, Caller
from wixsandbox.paging import CursorRequest, cursor_page
from wixsandbox.query import Fields, at
from wixsandbox.records import present
from wixsandbox.wire import Document, Guid, Wire
from wixsandbox.world import Appointment, World

PARSE = "parse-import"
IMPORT = "run-import"
LARGEST = 10_000_000  # bytes
FIELDS: Fields[Document] = {
    "createdDate": at("createdDate", "date"),
    "updatedDate": at("updatedDate", "date"),
    "status": at("status", "text"),
}


def create_file_url(world: World, _call: Call) -> Document:
    """Step 1: where to ``PUT`` the file."""
    key = world.new_id("upload")
    return {"filePath": f"/imports/{key}.csv", "uploadUrl": f"{world.base_url}/_sandbox/upload/{key}"}


class _Create(Wire):
    file_url: str = Limited(min_length=1, max_length=2048)
    file_name: str | None = Limited(default=None, max_length=255)
    file_size: int | None = Limited(default=None, ge=0, le=LARGEST)


def create_import(world: World, call: Call) -> Document:
    """Step 2: the uploaded file is going to be parsed."""
    wanted = call.parse(_Create)
    key = wanted.file_url.rsplit("/", 1)[-1].removesuffix(".csv")
    if key not in world.uploads:
        raise InvalidError("fileUrl", "is not an uploaded file", "VALIDATION")
    now = world.stamp
    file = {"name": wanted.file_name, "size": wanted.file_size, "url": wanted.file_url}
    entity = {
        "id": world.new_id("import"),
        "revision": "1",
        "fileMetadata": {**present(**file), "sampleDataRows": []},
        "status": "INITIATED",
        "createdDate": now,
        "updatedDate": now,
    }
    world.imports.put(entity, world.write_visible)
    world.emit_created(LOYALTY_IMPORT, entity, call.caller)
    world.later(world.switches.job_seconds, PARSE, id=entity["id"], upload=key)
    return {"loyaltyImport": entity}


def finish_parsing(world: World, appointment: Appointment) -> None:
    """Finish reading a file: what it says is in the import."""
    entity = _the_import(world, appointment.details["id"])
    table = _table(world, appointment.details["upload"])
    rows = table[1:]
    result: Document = {"parsedRowCount": len(rows)}
    changes: Document = {"status": "PARSED", "parseResult": result, "upload": appointment.details["upload"]}
    if not rows:
        changes["status"] = "FAILED"
        result["parseErrorReason"] = "The file has no rows that can be read"
    else:
        changes["fileMetadata"] = {
            **entity["fileMetadata"],
            "header": {"values": table[0]},
            "sampleDataRows": [{"values": row} for row in rows[:5]],
        }
    _store(world, entity, changes)


class _Mapping(Wire):
    column_name: Literal["EMAIL", "POINTS"]
    column_index: int = Limited(ge=0)


class _Mappings(Wire):
    header_mappings: list[_Mapping] = Limited(min_length=2, max_length=2)


class _Execute(Wire):
    loyalty_import_id: Guid
    header_mapping_info: _Mappings


def execute_import(world: World, call: Call) -> Document:
    """Step 3: only when PARSED."""
    wanted = call.parse(_Execute)
    entity = _the_import(world, wanted.loyalty_import_id)
    if entity["status"] != "PARSED":
        raise RefusedError(428, "FAILED_PRECONDITION", "The import is not parsed")
    columns = {one.column_name: one.column_index for one in wanted.header_mapping_info.header_mappings}
    if len(columns) != 2:
        raise InvalidError("headerMappingInfo.headerMappings", "must map EMAIL and POINTS", "VALIDATION")
    mappings = wanted.header_mapping_info.document()
    file = {**entity["fileMetadata"], "headerMappingInfo": mappings}
    changed = _store(world, entity, {"status": "IMPORTING", "fileMetadata": file})
    caller = {"kind": call.caller.kind, "id": call.caller.id}
    rows = _table(world, entity["upload"])[1:]
    details = {"id": entity["id"], "columns": columns, "caller": caller, "rows": rows, "failed": []}
    world.later(world.switches.job_seconds, IMPORT, **details, total=len(rows))
    return {"loyaltyImport": _render(changed)}


def import_rows(world: World, appointment: Appointment) -> None:
    """Take one turn of an import; after the last, the balances of the file are those of the accounts."""
    details = appointment.details
    caller = Caller(**details["caller"])
    rows: list[list[str]] = details["rows"]
    refused = [row for row in rows[: bulk.TURN] if not _import_row(world, row, details["columns"], caller)]
    failed = [*details["failed"], *refused]
    if rows[bulk.TURN :]:
        rest = {**details, "rows": rows[bulk.TURN :], "failed": failed}
        world.later(bulk.PAUSE * world.time_scale, IMPORT, **rest)
        return
    entity = _the_import(world, details["id"])
    errors = io.StringIO()
    csv.writer(errors).writerows(failed)
    world.uploads[f"{entity['id']}-errors"] = errors.getvalue()
    result = {
        "errorFileExists": bool(failed),
        "successCount": details["total"] - len(failed),
        "failureCount": len(failed),
    }
    _store(world, entity, {"status": "IMPORTED", "importResult": result})


def _import_row(world: World, row: list[str], columns: dict[str, int], caller: Caller) -> bool:
    """Set one balance; False if the row names nobody, or no balance."""
    try:
        email, points = row[columns["EMAIL"]].strip(), int(row[columns["POINTS"]])
    except (IndexError, ValueError):
        return False
    contact = world.contacts.find("email", email.casefold())
    if contact is None or not 0 <= points <= 999_999_999:
        return False
    found = world.accounts.find("contactId", contact.id)
    account = found or ledger.open_account(world, contact.id, caller)
    ledger.adjust(world, account, points - account.balance, caller, "Imported")
    return True


class _ById(Wire):
    loyalty_import_id: Guid


def get_import(world: World, call: Call) -> Document:
    """The id is a query parameter here."""
    return {"loyaltyImport": _render(_the_import(world, call.parse_query(_ById).loyalty_import_id))}


def error_file_url(world: World, call: Call) -> Document:
    """Where the rows are that could not be imported."""
    key = _the_import(world, call.parse_query(_ById).loyalty_import_id)["id"]
    if not world.uploads.get(f"{key}-errors"):
        raise not_found("Error file of import", key)
    return {"url": f"{world.base_url}/_sandbox/upload/{key}-errors"}


def query_imports(world: World, call: Call) -> Document:
    """Imports by status and date; lags behind writes."""
    page = cursor_page(
        "queryLoyaltyImports",
        world.imports.visible(world.now),
        FIELDS,
        call.parse(CursorRequest).query,
        id_of=lambda one: str(one["id"]),
        logical=world.switches.logical_filters,
    )
    return {"loyaltyImports": [_render(one) for one in page.records], "pagingMetadata": page.metadata()}


def upload(world: World, key: str, content: bytes) -> None:
    """Take the file of step 1."""
    if len(content) > LARGEST:
        raise InvalidError("file", f"must be at most {LARGEST} bytes", "MAX_SIZE")
    world.uploads[key] = content.decode("utf-8-sig", errors="replace")
    world.changes += 1


def _table(world: World, key: str) -> list[list[str]]:
    """The header and the rows below it, with the line ends of any system; nothing if the file is no table."""
    try:
        return list(csv.reader(io.StringIO(world.uploads[key], newline="")))
    except csv.Error:
        return []


def _the_import(world: World, key: str) -> Document:
    entity = world.imports.get(key)
    if entity is None:
        raise not_found("Import", key)
    return entity


def _store(world: World, entity: Document, changes: Document) -> Document:
    revision = str(int(entity["revision"]) + 1)
    changed = {**entity, **changes, "revision": revision, "updatedDate": world.stamp}
    return world.imports.put(changed, world.write_visible)


def _render(entity: Document) -> Document:
    return {name: value for name, value in entity.items() if name != "upload"}


_ROOT = "/_api/loyalty-imports/v1/loyalty-imports"
OPERATIONS = (
    Operation("createLoyaltyImportFileUrl", "POST", f"{_ROOT}/wixmp-upload-url", create_file_url),
    Operation("createLoyaltyImport", "POST", _ROOT, create_import),
    Operation("executeLoyaltyImport", "POST", f"{_ROOT}/execute", execute_import),
    Operation("getLoyaltyImport", "GET", _ROOT, get_import),
    Operation("getErrorFileDownloadUrl", "GET", f"{_ROOT}/error-file-download-url", error_file_url),
    Operation("queryLoyaltyImports", "POST", f"{_ROOT}/query", query_imports),
)
