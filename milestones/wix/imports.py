"""Wix's own import of balances from a CSV file (docs/wix-api.md, 2.9). It overwrites balances.

The steps: ``upload_place``, put the file there, ``create``, wait for PARSED, ``execute``, wait for IMPORTED or FAILED.
"""

from milestones.wix.answers import Call
from milestones.wix.fields import Entity, Instant, State
from milestones.wix.paging import one, text, whole
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

MAX_FILE_BYTES = 10_000_000

_ROOT = "/_api/loyalty-imports/v1/loyalty-imports"
# Asking for a second place leaves the first one unused, which harms nobody.
_UPLOAD_PLACE = Call("POST", _ROOT + "/wixmp-upload-url", reads=True)
_CREATE = Call("POST", _ROOT, reads=False)
_EXECUTE = Call("POST", _ROOT + "/execute", reads=False)
_GET = Call("GET", _ROOT, reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_ERROR_FILE = Call("GET", _ROOT + "/error-file-download-url", reads=True)


class ImportStatus(State):
    """How far an import is. IMPORTED means finished, not that every row went well."""

    UNKNOWN = "UNKNOWN"
    INITIATED = "INITIATED"
    PARSING = "PARSING"
    PARSED = "PARSED"
    IMPORTING = "IMPORTING"
    IMPORTED = "IMPORTED"
    FAILED = "FAILED"


class UploadPlace(Entity):
    """Where the file goes, and the path to name in ``create``."""

    file_path: str
    upload_url: str


class ImportResult(Entity):
    """How many rows went well."""

    error_file_exists: bool = False
    success_count: int = 0
    failure_count: int = 0


class ParseResult(Entity):
    """What Wix made of the file."""

    parsed_row_count: int = 0
    parse_error_reason: str | None = None


class LoyaltyImport(Entity):
    """One import."""

    id: str
    status: ImportStatus = ImportStatus.UNKNOWN
    parse_result: ParseResult | None = None
    import_result: ImportResult | None = None
    created_date: Instant | None = None
    updated_date: Instant | None = None


async def upload_place(client: WixClient) -> UploadPlace:
    """A place for one file of at most 10 MB."""
    return whole(await client.send(_UPLOAD_PLACE, body={}), UploadPlace, _UPLOAD_PLACE)


async def create(client: WixClient, file_path: str, *, file_name: str, file_size: int) -> LoyaltyImport:
    """Lets Wix parse the uploaded file. file_size: bytes."""
    body = {"fileUrl": file_path, "fileName": file_name, "fileSize": file_size}
    return one(await client.send(_CREATE, body=body), "loyaltyImport", LoyaltyImport, _CREATE)


async def execute(
    client: WixClient, import_id: str, *, email_column: int, points_column: int
) -> LoyaltyImport:
    """Lets Wix book a PARSED file. Columns count from 0."""
    mappings = [
        {"columnName": "EMAIL", "columnIndex": email_column},
        {"columnName": "POINTS", "columnIndex": points_column},
    ]
    body = {"loyaltyImportId": import_id, "headerMappingInfo": {"headerMappings": mappings}}
    return one(await client.send(_EXECUTE, body=body), "loyaltyImport", LoyaltyImport, _EXECUTE)


async def get(client: WixClient, import_id: str) -> LoyaltyImport:
    """The import as it is now. Raises WixNotFoundError."""
    return one(
        await client.send(_GET, params={"loyaltyImportId": import_id}), "loyaltyImport", LoyaltyImport, _GET
    )


query = CursorQuery(_QUERY, "loyaltyImports", LoyaltyImport)
"""Imports by status or date."""


async def error_file_url(client: WixClient, import_id: str) -> str:
    """Where the rows that failed can be fetched."""
    return text(await client.send(_ERROR_FILE, params={"loyaltyImportId": import_id}), "url", _ERROR_FILE)
