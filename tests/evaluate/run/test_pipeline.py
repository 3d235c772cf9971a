import shutil

import pytest
from support.calls import call_with

from otel_llm.config.evaluate import DriftSettings, EvaluateSettings
from otel_llm.errors import ConfigError, ModelError
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.drift.detector import MmdDrift
from otel_llm.evaluate.drift.monitor import DriftMonitor
from otel_llm.evaluate.engine.execution_providers import CPU, running_on
from otel_llm.evaluate.engine.runtime import session
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.evaluate.run.pipeline import Pipeline

LIBRARY = "The library opens at 9 and closes at 17 on weekdays. Membership costs 12 euros a year."
BOOKS = [
    f"Do you have {what} {where}?"
    for what in ("novels", "maps", "atlases", "comics")
    for where in ("here", "today", "upstairs")
]
FOOTBALL = [
    f"Who scored {when} against {team}?"
    for when in ("first", "twice", "last night")
    for team in ("Leeds", "Porto", "Turin", "Lyon")
]


@pytest.fixture(scope="module")
def pipeline():
    names = ("groundedness", "toxicity")
    return Pipeline.load(EvaluateSettings(evaluators=names, drift=DriftSettings(enabled=False)))


def test_results_are_the_same_with_several_threads(pipeline):
    calls = [
        call_with(question=text, answer=f"{text} It opens at 9.", documents=[LIBRARY], number=number)
        for number, text in enumerate([*BOOKS, *FOOTBALL], 1)
    ]
    names = ("groundedness", "toxicity")
    settings = EvaluateSettings(evaluators=names, threads=3, drift=DriftSettings(enabled=False))
    several = Pipeline.load(settings)
    try:
        assert several.evaluate(calls).results == pipeline.evaluate(calls).results
    finally:
        several.close()


def test_every_evaluator_judges_every_call(pipeline):
    calls = [
        call_with(question="What does it cost?", answer="Membership costs 12 euros a year.", documents=[LIBRARY]),
        call_with(
            question="You stupid idiot!",
            answer="Membership costs 80 euros a month.",
            documents=[LIBRARY],
            number=2,
        ),
        call_with(question="Hello", number=3),
    ]
    evaluation = pipeline.evaluate(calls)
    seen = {(r.call.span_id[-1], r.evaluator, r.target): r.label for r in evaluation.results}
    assert seen == {
        ("1", "groundedness", "output"): "pass",
        ("1", "toxicity", "input"): "pass",
        ("1", "toxicity", "output"): "pass",
        ("2", "groundedness", "output"): "fail",
        ("2", "toxicity", "input"): "fail",
        ("2", "toxicity", "output"): "pass",
        ("3", "groundedness", "output"): "not_applicable",
        ("3", "toxicity", "input"): "pass",
        ("3", "toxicity", "output"): "not_applicable",
    }
    assert set(evaluation.durations_s) == {"encoder", "groundedness", "toxicity"}
    assert all(seconds > 0 for seconds in evaluation.durations_s.values())


def test_names_and_versions_are_told(pipeline):
    loaded = load_evaluators(["groundedness", "toxicity"])
    assert pipeline.evaluators == {each.manifest.name: each.manifest.version for each in loaded}


def test_an_empty_batch_has_no_results(pipeline):
    assert pipeline.evaluate([]).results == []


def test_an_evaluator_that_is_not_installed_is_named():
    with pytest.raises(
        ConfigError, match=r"evaluators: 'toxic' is not installed, these are: groundedness, .*toxicity"
    ):
        Pipeline.load(EvaluateSettings(evaluators=("toxic",)))


def test_an_evaluator_of_another_encoder_is_refused(tmp_path, monkeypatch):
    (original,) = load_evaluators(["prompt_injection"])
    folder = shutil.copytree(original.manifest.folder, tmp_path / "other_evaluators" / "rudeness")
    manifest = (folder / "evaluator.toml").read_text()
    for old, new in (('name = "prompt_injection"', 'name = "rudeness"'), ("minilm_l6_v2", "gpt_9")):
        assert old in manifest
        manifest = manifest.replace(old, new)
    (folder / "evaluator.toml").write_text(manifest)
    (tmp_path / "other_evaluators" / "__init__.py").touch()
    metadata = tmp_path / "other_evaluators-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-evaluators\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[otel_llm.evaluators]\nother = other_evaluators\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        ModelError, match=rf"{folder}: encoder must be 'minilm_l6_v2', the one that is run, got 'gpt_9'"
    ):
        Pipeline.load(EvaluateSettings())
    assert list(Pipeline.load(EvaluateSettings(evaluators=("toxicity",))).evaluators) == ["toxicity"]


def test_a_repeated_text_is_encoded_once_over_batches():
    settings = EvaluateSettings(evaluators=("prompt_injection",), drift=DriftSettings(enabled=False))
    pipeline = Pipeline.load(settings)
    first, second = (pipeline.evaluate([call_with(question="Hello", answer="Hi")]).results for _ in range(2))
    assert first == second
    assert (pipeline.cache.hits, pipeline.cache.misses) == (1, 1)


def test_a_provider_that_is_not_installed_is_refused_with_those_that_are():
    with pytest.raises(
        ConfigError,
        match=r"evaluate\.providers: must be among .*CPUExecutionProvider.*, got 'CUDAExecutionProvider': .*-gpu",
    ):
        Pipeline.load(EvaluateSettings(evaluators=(), providers=("CUDAExecutionProvider", "CPUExecutionProvider")))


def test_the_sessions_run_on_the_providers_that_the_settings_name():
    path = encoder_manifest("minilm_l6_v2").path("encoder.onnx")
    with running_on([CPU]):
        assert session(path).get_providers() == [CPU]
    with running_on(["AzureExecutionProvider", CPU]):
        assert session(path).get_providers() == ["AzureExecutionProvider", CPU]
    assert session(path).get_providers() == [CPU]


def test_only_the_named_evaluators_run():
    pipeline = Pipeline.load(EvaluateSettings(evaluators=("toxicity",)))
    assert list(pipeline.evaluators) == ["toxicity"]


def test_drift_rises_when_the_questions_turn_to_something_else():
    settings = DriftSettings(window=6, reference_size=12)
    pipeline = Pipeline.load(EvaluateSettings(evaluators=(), drift=settings))
    assert pipeline.drift_states() == []
    for question in [*BOOKS, *BOOKS[:6]]:
        pipeline.evaluate([call_with(question=question, answer="Yes.")])
    (calm,) = pipeline.drift_states()
    assert (calm.service, calm.detector, calm.target) == ("library", "mmd_rff", "input")
    assert (calm.baseline, calm.count, calm.window, calm.alarm) == ("first-12", 6, 6, False)
    evaluation = pipeline.evaluate([call_with(question=question, answer="Yes.") for question in FOOTBALL[:6]])
    (shifted,) = pipeline.drift_states()
    assert shifted.alarm
    assert shifted.statistic > 2 * shifted.threshold
    assert set(evaluation.durations_s) == {"encoder", "drift"}


def test_services_and_targets_are_streams_of_their_own(encoder):
    monitor = DriftMonitor(DriftSettings(targets=("input", "output")), encoder.manifest)
    calls = [
        call_with(question="Hello", answer="Hi", service="a"),
        call_with(question="Hello", service="b", number=2),
        call_with(service="c", number=3),
    ]
    monitor.update(calls, encoder.encode(text for call in calls for text in monitor.texts(call)))
    assert [(state.service, state.target) for state in monitor.states()] == [
        ("a", "input"),
        ("a", "output"),
        ("b", "input"),
    ]


def test_only_the_streams_of_a_batch_are_worked_out_anew(encoder, monkeypatch):
    monitor = DriftMonitor(DriftSettings(), encoder.manifest)
    hello = encoder.encode(["Hello"])
    monitor.update([call_with(question="Hello", service=service) for service in ("a", "b")], hello)
    before = monitor.states()
    worked_out = []
    statistic = MmdDrift.statistic.fget
    monkeypatch.setattr(MmdDrift, "statistic", property(lambda self: worked_out.append(self) or statistic(self)))
    monitor.update([call_with(question="Hello", service="b", number=number) for number in (1, 2)], hello)
    assert monitor.states() == before
    assert len(worked_out) == 1


def test_streams_are_capped_and_that_is_said_once(encoder, caplog):
    monitor = DriftMonitor(DriftSettings(max_streams=2), encoder.manifest)
    calls = [call_with(question="Hello", service=f"service-{number}", number=number) for number in range(5)]
    monitor.update(calls, encoder.encode(["Hello"]))
    assert [state.service for state in monitor.states()] == ["service-0", "service-1"]
    assert [record.message for record in caplog.records] == [
        "drift.max_streams: 2 streams are watched, service 'service-2' and later ones are not: raise the setting"
    ]
