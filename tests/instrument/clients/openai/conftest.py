import pytest


@pytest.fixture
def captured(exported):
    """Exporters in memory, and the client instrumented, with content on spans."""
    exported.instrument(capture_content="SPAN_ONLY")
    return exported
