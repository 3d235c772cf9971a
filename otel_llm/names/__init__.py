"""Every attribute, metric, event and label that we emit or read: the one place for names.

Names without the prefix `otel_llm.` are OpenTelemetry's GenAI semantic conventions, status Development
(https://github.com/open-telemetry/semantic-conventions-genai, read in November 2026); names with it are
ours, where the conventions have none.
"""

from otel_llm.names.attributes import *
from otel_llm.names.client_metrics import *
from otel_llm.names.metric import *
from otel_llm.names.service_metrics import *
