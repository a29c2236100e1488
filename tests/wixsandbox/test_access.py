from tests.wixsandbox.builders import Shop, token_request

PROGRAM = "/loyalty-programs/v1/program"


async def test_a_token_is_issued_for_four_hours(shop: Shop) -> None:
    answer = await shop.post("/oauth2/token", token_request(shop.sandbox))
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 14_400
    described = await shop.post("/oauth2/token-info", {"token": answer["access_token"]})
    assert described["instanceId"] == shop.sandbox.credentials().instance_id


async def test_a_wrong_secret_is_refused_in_the_words_of_rfc_6749(shop: Shop) -> None:
    wanted = token_request(shop.sandbox, client_secret="wrong")
    answer = await shop.call("POST", "/oauth2/token", wanted, status=401)
    assert answer == {"error": "invalid_client", "error_description": "The app id or the app secret is wrong"}


async def test_an_instance_where_the_app_is_not_installed_gets_no_token(shop: Shop) -> None:
    answer = await shop.call(
        "POST", "/oauth2/token", token_request(shop.sandbox, instance_id="x"), status=400
    )
    assert answer["error"] == "invalid_grant"


async def test_a_token_request_that_is_no_json_is_refused(shop: Shop) -> None:
    answer = await shop.client.post("/oauth2/token", content=b"grant_type=client_credentials")
    assert answer.status_code == 400
    assert (await shop.call("POST", "/oauth2/token", {"grant_type": "other"}, status=400))[
        "error"
    ] == "invalid_request"


async def test_an_expired_token_answers_401_with_a_wix_body(shop: Shop) -> None:
    shop.clock.pass_(14_399)
    await shop.get(PROGRAM)
    shop.clock.pass_(2)
    body = await shop.get(PROGRAM, status=401)
    assert body["details"]["applicationError"]["code"] == "UNAUTHENTICATED"


async def test_the_word_bearer_is_only_accepted_by_option(shop: Shop) -> None:
    shop.client.headers["Authorization"] = f"Bearer {shop.client.headers['Authorization']}"
    await shop.get(PROGRAM, status=401)
    shop.switch(accept_bearer_prefix=True)
    await shop.get(PROGRAM)


async def test_an_api_key_needs_exactly_one_of_the_two_headers(shop: Shop) -> None:
    own = shop.sandbox.credentials()
    shop.client.headers["Authorization"] = own.api_key
    await shop.get(PROGRAM, status=403)
    shop.client.headers["wix-site-id"] = own.site_id
    await shop.get(PROGRAM)
    shop.client.headers["wix-account-id"] = own.site_id
    await shop.get(PROGRAM, status=403)
    del shop.client.headers["wix-account-id"]
    shop.client.headers["wix-site-id"] = own.instance_id
    await shop.get(PROGRAM, status=403)


async def test_the_201st_call_of_a_minute_is_throttled_until_the_minute_passes(shop: Shop) -> None:
    shop.switch(rate_limit_per_minute=200)
    for _ in range(200):
        await shop.get(PROGRAM)
    answer = await shop.client.get(PROGRAM)
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    assert answer.json()["details"]["applicationError"]["code"] == "RESOURCE_EXHAUSTED"
    shop.switch(rate_limit_retry_after=True)
    assert (await shop.client.get(PROGRAM)).headers["retry-after"] == "60"
    shop.clock.pass_(60)
    await shop.get(PROGRAM)


async def test_how_long_the_minute_is_and_whether_reads_and_writes_share_it_are_switches(shop: Shop) -> None:
    shop.switch(rate_limit_per_minute=1, rate_limit_shared=False, rate_limit_seconds=10)
    await shop.get(PROGRAM)
    assert (await shop.client.get(PROGRAM)).status_code == 429
    await shop.post(f"{PROGRAM}/pause")
    shop.switch(rate_limit_shared=True)
    shop.clock.pass_(10)
    await shop.get(PROGRAM)
    assert (await shop.client.post(f"{PROGRAM}/activate")).status_code == 429


async def test_every_answer_carries_a_request_id_of_its_own(shop: Shop) -> None:
    answers = [await shop.client.get(path) for path in (PROGRAM, "/nowhere", PROGRAM)]
    assert len({answer.headers["x-wix-request-id"] for answer in answers}) == 3


async def test_an_unknown_path_answers_404_without_a_wix_body(shop: Shop) -> None:
    for path in ("/loyalty-earning-rules/v1/earning-rules/rules", "/loyalty/v1/program", "/nowhere"):
        answer = await shop.client.get(path)
        assert answer.status_code == 404
        assert answer.text == "Not Found"


async def test_paths_without_the_prefix_answer_by_option(shop: Shop) -> None:
    shop.switch(unprefixed_paths=True)
    await shop.get("/loyalty-earning-rules/v1/earning-rules/rules")


async def test_what_only_members_may_do_is_forbidden(shop: Shop) -> None:
    for path in ("/loyalty-accounts/v1/accounts/my-account", "/loyalty-coupons/v1/coupons/my-coupons"):
        body = await shop.get(path, status=403)
        assert body["details"]["applicationError"]["code"] == "PERMISSION_DENIED"


async def test_a_body_that_is_no_json_object_is_a_validation_error(shop: Shop) -> None:
    for content in (b"{", b"[]", b"\xff\xfe"):
        answer = await shop.client.post("/loyalty-accounts/v1/accounts", content=content)
        assert answer.status_code == 400
        assert answer.json()["details"]["validationError"]["fieldViolations"][0]["field"] == "body"
