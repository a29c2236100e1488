"""What it says to whoever starts it, and how the simulated Wix says no (docs/wix-api.md, 5)."""

from typing import Any


class SandboxError(Exception):
    """It cannot start or go on: ``str(error)`` is a sentence that a person can act on."""


class RefusedError(Exception):
    """A business rule refused the call: answered as ``details.applicationError``."""

    def __init__(self, status: int, code: str, description: str, data: dict[str, Any] | None = None) -> None:
        self.status = status
        self.code = code
        self.description = description
        self.data = data
        super().__init__(description)

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        error: dict[str, Any] = {"code": self.code, "description": self.description}
        if self.data is not None:
            error["data"] = self.data
        return {"message": self.description, "details": {"applicationError": error}}


class InvalidError(Exception):
    """The input is bad: answered with status 400 as ``details.validationError``."""

    status = 400

    def __init__(
        self, field: str, description: str, rule: str = "OTHER", rule_name: str | None = None
    ) -> None:
        self.violations: list[dict[str, Any]] = []
        self.add(field, description, rule, rule_name)
        super().__init__(f"{field} {description}")

    def add(self, field: str, description: str, rule: str, rule_name: str | None = None) -> None:
        """Add a violated rule of the same call."""
        violation = {"field": field, "description": description, "violatedRule": rule}
        if rule_name is not None:
            violation["ruleName"] = rule_name
        self.violations.append(violation)

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        message = "; ".join(f"{one['field']} {one['description']}" for one in self.violations)
        return {"message": message, "details": {"validationError": {"fieldViolations": self.violations}}}


class InvalidCursorError(InvalidError):
    """A cursor that is none, or belongs to another query. With which status it is answered is a switch."""

    def __init__(self) -> None:
        super().__init__("query.cursorPaging.cursor", "is not a valid cursor", "VALIDATION", "INVALID_CURSOR")


def not_found(what: str, key: str) -> RefusedError:
    """404 with a Wix body: the path is right, the thing is not there."""
    return RefusedError(404, "NOT_FOUND", f"{what} {key} was not found")


def stale_revision(entity_id: str, status: int = 409, code: str = "INVALID_REVISION") -> RefusedError:
    """The refusal of a revision that is not the current one (docs/wix-api.md, 5: seen on earning rules)."""
    return RefusedError(
        status,
        code,
        "The requested entity has an outdated revision",
        {"revisionViolation": {"entityId": entity_id}},
    )


def forbidden(description: str) -> RefusedError:
    """403: authenticated, but this identity may not do it."""
    return RefusedError(403, "PERMISSION_DENIED", description)
