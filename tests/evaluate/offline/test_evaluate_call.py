import inspect
import itertools
import json
import os
import subprocess
import sys
import threading

import pytest
from support.packages import install, write_evaluator

import otel_llm
from otel_llm.errors import ConfigError, MissingExtraError, RecordError
from otel_llm.evaluate.offline import evaluate as in_process
from otel_llm.evaluate.offline import loaded_evaluators
from otel_llm.evaluate.offline.records import Record, RecordResult

TOXIC = "You stupid idiot!"
PLAIN = "It is open."
GROUND = ["toxicity", "groundedness"]


def test_records_in_results_out():
    results = otel_llm.evaluate(
        [
            {"id": "a", "input": TOXIC, "output": "Membership costs 80 euros.", "context": "It costs 12 euros."},
            Record(output=PLAIN),
        ],
        GROUND,
    )
    assert all(type(result) is RecordResult for result in results)
    assert [(r.id, r.evaluator, r.target, r.label) for r in results] == [
        ("a", "groundedness", "output", "fail"),
        ("a", "toxicity", "input", "fail"),
        ("a", "toxicity", "output", "pass"),
        (2, "groundedness", "output", "not_applicable"),
        (2, "toxicity", "input", "not_applicable"),
        (2, "toxicity", "output", "pass"),
    ]
    assert all((result.score is None) == (result.label == "not_applicable") for result in results)
    assert all((result.explanation is not None) == (result.label == "fail") for result in results)


def test_the_package_is_callable_however_it_is_imported():
    from otel_llm import evaluate
    from otel_llm.evaluate.offline.records import KEYS

    assert evaluate([], GROUND) == otel_llm.evaluate([], GROUND) == []
    assert KEYS[0] == "output"


def test_what_is_loaded_is_kept():
    otel_llm.evaluate([], GROUND)
    before = in_process._get(GROUND, 1)
    otel_llm.evaluate([], tuple(reversed(GROUND)))
    assert in_process._get(GROUND, 1) is before


def test_names_may_come_from_a_generator():
    (result,) = otel_llm.evaluate([{"output": PLAIN}], (name for name in ["groundedness"]))
    assert result.evaluator == "groundedness"


def test_both_ways_to_call_it_have_the_same_parameters():
    package, function = (inspect.signature(each) for each in (otel_llm.evaluate, in_process.evaluate))
    defaults = [[each.default for each in signature.parameters.values()] for signature in (package, function)]
    assert list(package.parameters) == list(function.parameters)
    assert defaults[0] == defaults[1]


FICKLE = """
import threading
from otel_llm.evaluate.definition.scoring import score_result
class Fickle:
    def __init__(self, manifest):
        self.manifest = manifest
    def texts(self, call):
        if call.output_text == "unreadable":
            raise ValueError
        return []
    def evaluate(self, call, encodings):
        if call.output_text == "slow":
            threading.Event().wait(20)
        if call.output_text == "bad":
            raise ValueError
        return [score_result(self.manifest, call, "output", 0.1, str)]
"""


def test_a_records_results_do_not_depend_on_those_before_it(tmp_path, monkeypatch):
    package = install(tmp_path, "fickle_evaluators", monkeypatch)
    (package / "fickle.py").write_text(FICKLE)
    manifest = (
        'name = "fickle"\nversion = "1"\nkind = "python"\ncode = "fickle_evaluators.fickle:Fickle"\n'
        'targets = ["output"]\nscores = "x"\nthreshold = 0.5\n'
    )
    write_evaluator(package / "fickle", manifest=manifest)
    outputs = ["slow", *["bad"] * 7, *["unreadable"] * 7, "good", "slow", "good"]
    records = [{"output": output} for output in outputs]
    results = list(otel_llm.evaluate_iter(records, ["fickle"], timeout_s=0.5, batch_size=3))
    expected = {"slow": "TimeoutError", "bad": "ValueError", "unreadable": "ValueError", "good": None}
    assert [result.explanation for result in results] == [expected[output] for output in outputs]


def test_records_with_the_same_id_keep_their_own_results():
    results = otel_llm.evaluate([{"id": 1, "output": text} for text in (TOXIC, PLAIN)], ["toxicity"])
    assert [(r.id, r.label) for r in results if r.target == "output"] == [(1, "fail"), (1, "pass")]


def test_of_several_choices_toxicity_sees_the_answer_alone():
    results = otel_llm.evaluate([{"output": PLAIN, "choices": [TOXIC, PLAIN]}], ["toxicity"])
    assert {r.target: r.label for r in results} == {"input": "not_applicable", "output": "pass"}


def test_self_consistency_sees_all_choices():
    records = [
        {"choices": ["Paris", "Paris", "Paris", "Paris"]},
        {"output": "Paris", "choices": ["Rome", "Oslo", "Bern"]},
    ]
    same, different = (r.score for r in otel_llm.evaluate(records, ["self_consistency"]))
    assert same > different


def test_a_stream_is_read_a_batch_at_a_time():
    read = itertools.count()
    records = ({"output": PLAIN, "id": next(read)} for _ in itertools.repeat(None))
    results = otel_llm.evaluate_iter(records, ["toxicity"], batch_size=2)
    assert [next(results).id for _ in range(4)] == [0, 0, 1, 1]
    assert next(read) == 2


def test_wrong_arguments_are_refused_at_once():
    with pytest.raises(ConfigError, match="'toxic' is not installed, these are: "):
        otel_llm.evaluate_iter([], ["toxic"])
    with pytest.raises(ConfigError, match=r"must be a list of names, got 'toxicity': write \['toxicity'\]"):
        otel_llm.evaluate([], "toxicity")
    with pytest.raises(ConfigError, match="evaluators: must name at least one"):
        otel_llm.evaluate([], [])
    with pytest.raises(ConfigError, match="threads: must be at least 1, got 0"):
        otel_llm.evaluate([], GROUND, threads=0)
    for timeout_s in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="timeout_s: must be a number of seconds above 0, got "):
            otel_llm.evaluate([], GROUND, timeout_s=timeout_s)
    with pytest.raises(ConfigError, match="batch_size: must be at least 1, got 0"):
        otel_llm.evaluate_iter([], GROUND, batch_size=0)
    with pytest.raises(RecordError, match=r"records: must be a list of records, got one dict: write \[record\]"):
        otel_llm.evaluate({"output": PLAIN}, GROUND)


def test_a_wrong_record_is_named_by_its_number():
    with pytest.raises(RecordError, match="record 2: context: must be a list of texts, got 3"):
        otel_llm.evaluate([{"output": PLAIN}, {"output": PLAIN, "context": 3}], ["toxicity"])


class BreaksOver:
    """A pipeline whose encoder fails over one text, and with it the batch."""

    def __init__(self, pipeline, text):
        self._pipeline, self._text = pipeline, text
        self.failed = pipeline.failed

    def evaluate(self, calls):
        if any(call.output_text == self._text for call in calls):
            raise ZeroDivisionError
        return self._pipeline.evaluate(calls)


def test_a_record_over_which_a_batch_fails_costs_the_others_nothing(caplog):
    real = in_process._get(["toxicity"], 1)
    broken = loaded_evaluators.LoadedEvaluators(BreaksOver(real._pipeline, "b"), real.manifests)
    results = broken.evaluate([Record(id=text, output=text) for text in ("a", "b", "c")])
    assert [(r.id, r.label, r.explanation) for r in results if r.target == "output"] == [
        ("a", "pass", None),
        ("b", "error", "ZeroDivisionError"),
        ("c", "pass", None),
    ]
    assert "a record could not be evaluated" in caplog.text


def test_threads_may_call_at_once():
    alone = otel_llm.evaluate([{"output": TOXIC}, {"output": PLAIN}], GROUND)
    seen = []

    def call():
        seen.append(otel_llm.evaluate([{"output": TOXIC}, {"output": PLAIN}], GROUND))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [alone] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_loads_its_own():
    code = (
        "import os, sys, warnings, otel_llm\n"
        "warnings.simplefilter('ignore')\n"  # of a fork while threads run: that is what is tested
        "call = lambda: otel_llm.evaluate([{'output': 'You stupid idiot!'}], ['toxicity'], threads=2)[-1].label\n"
        "assert call() == 'fail'\n"
        "child = os.fork()\n"
        "if not child: os._exit(call() != 'fail')\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_importing_is_light_until_it_is_called():
    code = (
        "import json, sys, otel_llm, otel_llm.evaluate\n"
        "import otel_llm.evaluate.offline.evaluate, otel_llm.evaluate.offline.command\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    assert not {"numpy", "pydantic", "onnxruntime", "tokenizers", "rich"} & set(json.loads(done.stdout))


def test_without_the_extra_the_error_names_it(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numpy", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'otel-llm\[collector\]'"):
            loaded_evaluators.load(None, threads=1)
    monkeypatch.setitem(sys.modules, "otel_llm.evaluate.run.pipeline", None)
    with pytest.raises(ModuleNotFoundError, match="pipeline"):  # a fault of ours is not the extra's
        loaded_evaluators.load(None, threads=1)


@pytest.mark.parametrize("block", ["<think>{}</think>", "{}</think>", "<thinking>\n{}\n</thinking>\n\n"])
def test_reasoning_in_the_text_of_an_answer_is_not_evaluated(block):
    reasoning = (
        "Hmm, I could say the X200 has a 5-year warranty, or that it costs 99 euros. The context says 2 years."
    )
    answer = "The X200 has a 2-year warranty."
    context = "The X200 is a vacuum cleaner. It comes with a 2-year warranty."
    plain, with_block, nothing = otel_llm.evaluate(
        [
            {"output": answer, "context": context},
            {"output": block.format(reasoning) + answer, "context": context},
            {"output": f"<think>{reasoning}", "context": context},
        ],
        ["groundedness"],
    )
    assert (plain.label, with_block.label, with_block.score) == ("pass", "pass", plain.score)
    assert nothing.label == "not_applicable"
