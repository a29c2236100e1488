import pytest

from tests.wixsandbox.builders import Shop

ROOT = "/_api/loyalty-imports/v1/loyalty-imports"


async def uploaded(shop: Shop, content: str) -> str:
    answer = await shop.post(f"{ROOT}/wixmp-upload-url")
    path = answer["uploadUrl"]
    assert (
        await shop.client.put(path[path.index("/_sandbox") :], content=content.encode())
    ).status_code == 200
    created = await shop.post(
        ROOT, {"fileUrl": answer["filePath"], "fileName": "old.csv", "fileSize": len(content)}
    )
    assert created["loyaltyImport"]["status"] == "INITIATED"
    return str(created["loyaltyImport"]["id"])


def work(shop: Shop) -> None:
    shop.clock.pass_(2)
    shop.sandbox.advance()


MAPPINGS = [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]


async def test_an_import_overwrites_balances_and_lists_what_failed(shop: Shop) -> None:
    world = shop.sandbox.world
    account = shop.member_account()
    member = world.members.get(str(account.member_id))
    assert member is not None
    content = f"mail,points\n{member.login_email},77\nnobody@example.com,5\n{member.login_email},many\n"
    key = await uploaded(shop, content)
    run = {"loyaltyImportId": key, "headerMappingInfo": {"headerMappings": MAPPINGS}}
    assert await shop.refused(f"{ROOT}/execute", run, status=428) == "FAILED_PRECONDITION"
    work(shop)
    parsed = (await shop.get(ROOT, loyaltyImportId=key))["loyaltyImport"]
    assert parsed["status"] == "PARSED"
    assert parsed["parseResult"] == {"parsedRowCount": 3}
    assert parsed["fileMetadata"]["name"] == "old.csv"
    assert parsed["fileMetadata"]["header"] == {"values": ["mail", "points"]}
    assert parsed["fileMetadata"]["sampleDataRows"][1] == {"values": ["nobody@example.com", "5"]}
    assert (await shop.post(f"{ROOT}/execute", run))["loyaltyImport"]["status"] == "IMPORTING"
    work(shop)
    done = (await shop.get(ROOT, loyaltyImportId=key))["loyaltyImport"]
    assert done["status"] == "IMPORTED"
    assert done["fileMetadata"]["headerMappingInfo"] == {"headerMappings": MAPPINGS}
    assert int(done["revision"]) > int(parsed["revision"])
    assert done["importResult"] == {"errorFileExists": True, "successCount": 1, "failureCount": 2}
    after = world.accounts.get(account.id)
    assert after is not None
    assert after.balance == 77
    url = (await shop.get(f"{ROOT}/error-file-download-url", loyaltyImportId=key))["url"]
    assert "nobody@example.com" in (await shop.client.get(url[url.index("/_sandbox") :])).text


async def test_a_long_import_leaves_time_for_calls_between_its_rows(shop: Shop) -> None:
    email = next(iter(shop.sandbox.world.members)).login_email
    rows = "".join(f"{email},{points}\n" for points in range(1200)) + "nobody@example.com,1\n"
    key = await uploaded(shop, f"mail,points\n{rows}")
    work(shop)
    run = {"loyaltyImportId": key, "headerMappingInfo": {"headerMappings": MAPPINGS}}
    await shop.post(f"{ROOT}/execute", run)
    shop.clock.pass_(1)
    states = []
    for _ in range(3):
        states.append((await shop.get(ROOT, loyaltyImportId=key))["loyaltyImport"]["status"])
        shop.clock.pass_(0.02)
    assert states == ["IMPORTING", "IMPORTING", "IMPORTED"]
    done = (await shop.get(ROOT, loyaltyImportId=key))["loyaltyImport"]
    assert done["importResult"] == {"errorFileExists": True, "successCount": 1200, "failureCount": 1}
    assert len(shop.sandbox.world.transactions) == 1200


async def test_an_empty_file_fails_and_imports_are_found_by_status(shop: Shop) -> None:
    key = await uploaded(shop, "mail,points\n")
    work(shop)
    answer = await shop.post(f"{ROOT}/query", {"query": {"filter": {"status": "FAILED"}}})
    assert [one["id"] for one in answer["loyaltyImports"]] == [key]
    assert answer["loyaltyImports"][0]["parseResult"]["parseErrorReason"]
    await shop.get(f"{ROOT}/error-file-download-url", status=404, loyaltyImportId=key)


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
async def test_lines_may_end_as_on_any_system(shop: Shop, ending: str) -> None:
    key = await uploaded(shop, ending.join(["mail,points", "a@example.com,1", "b@example.com,2"]))
    work(shop)
    parsed = (await shop.get(ROOT, loyaltyImportId=key))["loyaltyImport"]
    assert parsed["parseResult"] == {"parsedRowCount": 2}


async def test_a_file_that_is_no_table_fails_and_the_shop_goes_on(shop: Shop) -> None:
    key = await uploaded(shop, "mail,points\n" + "x" * 200_000 + ",1\n")
    work(shop)
    failed = (await shop.get(ROOT, loyaltyImportId=key))["loyaltyImport"]
    assert failed["status"] == "FAILED"
    assert failed["parseResult"]["parseErrorReason"]


async def test_an_import_needs_an_uploaded_file_of_ten_megabytes_at_most(shop: Shop) -> None:
    assert await shop.violated(ROOT, {"fileUrl": "/imports/none.csv"}) == ["fileUrl"]
    assert await shop.violated(ROOT, {"fileUrl": "x", "fileSize": 10_000_001}) == ["fileSize"]
    run = {"loyaltyImportId": "x", "headerMappingInfo": {"headerMappings": MAPPINGS[:1]}}
    assert len(await shop.violated(f"{ROOT}/execute", run)) == 2
