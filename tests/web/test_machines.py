import httpx
import pytest
import structlog

from milestones.errors import StoreUnavailableError
from milestones.views.page import Check, Readiness
from tests.web.house import House


async def test_a_process_that_answers_is_alive_whatever_else_is_wrong(
    visitor: httpx.AsyncClient, house: House
) -> None:
    house.failure = StoreUnavailableError("The disk is full.")
    assert (await visitor.get("/healthz")).status_code == 200


async def test_ready_tells_its_checks_and_the_configuration(visitor: httpx.AsyncClient) -> None:
    response = await visitor.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "configuration": "c0ffee",
        "checks": {"database": {"ok": True, "detail": "answers"}},
    }


async def test_one_failed_check_is_enough_not_to_be_ready(visitor: httpx.AsyncClient, house: House) -> None:
    checks = (Check("database", True, "answers"), Check("backlog", False, "The oldest action is 3 h late."))
    house.readiness = Readiness(checks, "c0ffee")
    response = await visitor.get("/readyz")
    assert response.status_code == 503
    assert response.json()["ready"] is False
    assert response.json()["checks"]["backlog"]["detail"] == "The oldest action is 3 h late."


@pytest.mark.parametrize("path", ["/readyz", "/"])
async def test_a_store_that_cannot_serve_is_a_sentence(
    visitor: httpx.AsyncClient, house: House, path: str
) -> None:
    house.failure = StoreUnavailableError("The disk is full.")
    response = await visitor.get(path)
    assert (response.status_code, response.text) == (503, "The disk is full.\n")


async def test_a_fault_of_our_own_is_a_bare_500_and_a_log_line_without_its_words(
    visitor: httpx.AsyncClient, house: House
) -> None:
    house.failure = RuntimeError("anna@example.net")
    with structlog.testing.capture_logs() as logs:
        response = await visitor.get("/")
    assert response.status_code == 500
    assert [(line["error"], line["path"]) for line in logs] == [("RuntimeError", "/")]
    assert "anna" not in repr(logs) + response.text


async def test_prometheus_reads_every_figure(visitor: httpx.AsyncClient, house: House) -> None:
    house.metrics.grants.labels("stars-1000").inc()
    response = await visitor.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'milestones_grants_total{milestone="stars-1000"} 1.0' in response.text


@pytest.mark.parametrize("path", ["/nothing", "/assets/nothing", "/assets/../app.py"])
async def test_what_is_not_there_is_a_sentence(visitor: httpx.AsyncClient, path: str) -> None:
    response = await visitor.get(path)
    assert (response.status_code, response.text) == (404, "Not Found.\n")
