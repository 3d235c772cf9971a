"""The tree of all errors.

```
OtelLlmError
├── ConfigError          a setting is wrong: names the key, the value and the remedy
├── MissingExtraError    a part was used whose extra is not installed
├── PortTakenError       a port is in use: names the option that changes it
├── ModelError           weights or a manifest are missing, wrong or unreadable
│   ├── ChecksumError    a file's sha256 is not the one on record
│   └── ParityError      an exported model is too far from its original
├── CircuitOpenError     an evaluator failed too often, and is left out for a while
├── RecordError          a record to evaluate is wrong: names its number, the key, the value and the remedy
├── RedactionError       an app's own function for redaction failed: the content is withheld
├── DecodeError          bytes are not the OTLP message that they should be
├── QueueError           the folder of the durable queue cannot be used
│   └── QueueFullError   there is no room for a record now: the sender should try again
├── ServerError          a server that we started did not come up, or went down
└── GrafanaError         a Grafana refused what we sent, or could not be reached
```

Nothing of this tree ever reaches an instrumented application: see `instrument/guard.py`.
"""

from __future__ import annotations


class OtelLlmError(Exception):
    """The base of every error that this package raises on purpose."""


class ConfigError(OtelLlmError):
    """A setting is wrong; the message names the key, the value and the remedy."""


class MissingExtraError(OtelLlmError):
    """A part was used whose extra is not installed; the message gives the install command."""


class PortTakenError(OtelLlmError):
    """A port is in use; the message names the option that changes it."""


class ModelError(OtelLlmError):
    """Weights or a manifest are missing, wrong or unreadable."""


class ChecksumError(ModelError):
    """A file's sha256 is not the one on record."""


class ParityError(ModelError):
    """An exported model is too far from its original."""


class CircuitOpenError(OtelLlmError):
    """An evaluator failed too often, and is left out for a while."""


class RecordError(OtelLlmError):
    """A record to evaluate is wrong; the message names its number, the key, the value and the remedy."""


class RecordFormatError(RecordError):
    """A file is of another format than JSON Lines; the message says which, and how to convert it."""


class RedactionError(OtelLlmError):
    """An app's own function for redaction failed; the message says how, and nothing of the text."""


class DecodeError(OtelLlmError):
    """Bytes are not the OTLP message that they should be."""


class QueueError(OtelLlmError):
    """The folder of the durable queue cannot be used; the message names the key, the folder and the reason."""


class QueueFullError(QueueError):
    """There is no room for a record now, on disk or in memory: the sender should try again."""


class ServerError(OtelLlmError):
    """A server that we started did not come up, or went down."""


class GrafanaError(OtelLlmError):
    """A Grafana refused what we sent, or could not be reached; the message gives the remedy."""
