"""The one family of expected failures.

A `Refusal` is something a caller can cause and can mend; every subclass has a stable `code` and an
HTTP `status`, and operations list the ones they may answer. Anything that is not a `Refusal` is a bug.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """An expected failure. `details` names the field, the value received and what was expected."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    summary: ClassVar[str] = ""

    def __init__(self, message: str | None = None, /, **details: Any) -> None:
        self.message = message or self.summary
        self.details = details
        super().__init__(self.message)

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that go with the refusal (`Retry-After`, `Allow`)."""
        return {}


class InvalidRequest(Refusal):
    code, status, summary = "VALIDATION_ERROR", 422, "A value has the wrong type, format or range."


class MalformedBody(Refusal):
    code, status, summary = "VALIDATION_ERROR", 400, "The body is not a JSON object."


class MissingField(Refusal):
    code, status, summary = "MISSING_REQUIRED_FIELD", 422, "A required field is missing."


class InvalidPhoneNumber(Refusal):
    code, status, summary = "INVALID_PHONE_NUMBER", 422, "The phone number cannot be brought into E.164 form."


class InvalidEmail(Refusal):
    code, status, summary = "INVALID_EMAIL", 422, "The e-mail address is not valid."


class InvalidChannel(Refusal):
    code, status, summary = "INVALID_CHANNEL", 422, "The channel is not one this directory knows."


class InvalidCursor(Refusal):
    code, status, summary = "INVALID_CURSOR", 400, "The cursor is malformed, or belongs to another query."


class Unauthorized(Refusal):
    code, status, summary = "UNAUTHORIZED", 401, "No API key or token was sent."


class InvalidApiKey(Refusal):
    code, status, summary = "INVALID_API_KEY", 401, "The API key is malformed, unknown, revoked or expired."


class ExpiredToken(Refusal):
    code, status, summary = "EXPIRED_TOKEN", 401, "The token has expired."


class InsufficientPermissions(Refusal):
    code, status = "INSUFFICIENT_PERMISSIONS", 403
    summary = "The key or role lacks the scope this operation needs."


class IpNotAllowed(Refusal):
    code, status, summary = "IP_NOT_ALLOWED", 403, "The key may not be used from this address."


class WrongKeyMode(Refusal):
    code, status, summary = "WRONG_KEY_MODE", 403, "The key's mode does not match the workspace."


class NotFound(Refusal):
    code, status, summary = "NOT_FOUND", 404, "There is nothing at this address."


class MethodNotAllowed(Refusal):
    code, status, summary = "METHOD_NOT_ALLOWED", 405, "The path exists, but not with this method."

    @property
    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(self.details.get("allowed", ()))}


class Conflict(Refusal):
    code, status, summary = "CONFLICT", 409, "The change clashes with the current state."


class PreconditionFailed(Refusal):
    code, status, summary = "PRECONDITION_FAILED", 412, "The resource changed since the given ETag."


class PayloadTooLarge(Refusal):
    code, status, summary = "PAYLOAD_TOO_LARGE", 413, "The body is larger than this operation accepts."


class UnsupportedMediaType(Refusal):
    code, status, summary = "UNSUPPORTED_MEDIA_TYPE", 415, "The operation does not accept this Content-Type."


class IdempotencyKeyReused(Refusal):
    code, status = "IDEMPOTENCY_KEY_REUSED", 422
    summary = "The Idempotency-Key was used before with a different request."


class IdempotencyInProgress(Refusal):
    code, status = "IDEMPOTENCY_IN_PROGRESS", 409
    summary = "The first request with this Idempotency-Key is still running."

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": "1"}


class RateLimited(Refusal):
    code, status, summary = "RATE_LIMITED", 429, "Too many requests for this key and operation."

    reset: int | None = None
    """When the window ends, in seconds since 1970."""

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Retry-After": str(self.details["retry_after"])}
        if self.reset is not None:
            headers |= {
                "X-RateLimit-Limit": str(self.details["limit"]),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(self.reset),
            }
        return headers


class ServiceUnavailable(Refusal):
    code, status, summary = "SERVICE_UNAVAILABLE", 503, "The database cannot be reached right now."

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": "1"}


class InternalError(Refusal):
    code, status, summary = "INTERNAL_ERROR", 500, "Something went wrong on our side."
