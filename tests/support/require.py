"""A test whose server is missing is skipped with the command that gets it, or fails where all are required."""

import os

import pytest

REQUIRED = os.environ.get("OTEL_LLM_TEST_REQUIRE_SERVERS") == "1"


def require(available: object, what: str, remedy: str) -> None:
    """Skip the test unless `available`; fail it where OTEL_LLM_TEST_REQUIRE_SERVERS=1."""
    if available:
        return
    message = f"{what} is not here; get it with: {remedy}"
    if REQUIRED:
        pytest.fail(message)
    pytest.skip(message)
