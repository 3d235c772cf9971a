"""The service's log: one JSON object a line, on stderr."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

# these say at level info what every start and stop does, and uvicorn's access log is off
_QUIET: Final = ("uvicorn", "grpc", "opentelemetry", "urllib3", "asyncio")


def configure_logging() -> None:
    """Send every logger of this process to stderr: ours from level info, others' from warning."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)
