"""A fresh process of `evaluators.py`: it loads the default set, tells its first result, then what it holds.

Writes a line after the first call, with its resident memory before it, and one after as many calls as asked for.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from evaluators_calls import as_call, one_call

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.evaluate.run.pipeline import Pipeline


def main() -> None:
    pipeline = Pipeline.load(EvaluateSettings())
    loaded = memory_mib()
    results = pipeline.evaluate([as_call(one_call(0), 0)]).results
    tell(results=len(results), loaded_mib=loaded)
    for number in range(1, int(sys.argv[1])):
        pipeline.evaluate([as_call(one_call(number), number)])
    tell(after_mib=memory_mib())


def memory_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def tell(**what: float) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
