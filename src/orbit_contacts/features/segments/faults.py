"""What is wrong with a rule, and where."""

from typing import Any, TypeGuard

import msgspec

from orbit_contacts.core.errors import Refusal


class InvalidSegmentRules(Refusal):
    code, status, summary = "INVALID_SEGMENT_RULES", 422, "The rules cannot be understood; `details.path` says where."


def fault(path: str, value: Any, expected: str) -> InvalidSegmentRules:
    """One thing wrong with a rule; `path` leads to it from `rules`."""
    if not isinstance(value, int | float | bool | None):
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8", "replace")
        value = text[:100]
    return InvalidSegmentRules(
        f"`{path[:200]}`: expected {expected}.", field="rules", path=path, value=value, expected=expected
    )


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
