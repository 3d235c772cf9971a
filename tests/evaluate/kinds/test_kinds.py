"""The kinds of evaluator that need no Python, over whole models with tokenizers of their own."""

import pytest
from support.calls import call_with
from support.packages import load, write_evaluator
from support.small_models import diluted_model, pair_model, text_model, token_model, tokenizer
from tokenizers.processors import TemplateProcessing

from otel_llm.errors import ModelError
from otel_llm.evaluate.conformance.checks import check

WORDS = ["you", "are", "a", "fine", "friend", "fool", "beware", "the", "library", "opens", "at", "9", "8", "costs"]
WORDS += [".", "nothing", "free", "of", "charge", "and", "it", "is"]
RUDE = """
name = "rudeness"
version = "1"
kind = "text_classifier"
targets = ["output"]
scores = "rude"
threshold = 0.7
labels = ["rude", "threat"]
activation = "sigmoid"
tokenizer = "tokenizer.json"
max_tokens = 32
"""
PAIRS = """
name = "support"
version = "1"
kind = "pair_classifier"
targets = ["output"]
scores = "supported"
threshold = 0.5
fails = "below"
labels = ["contradiction", "entailment"]
label = "entailment"
tokenizer = "tokenizer.json"
max_tokens = 48
"""
TOKENS = """
name = "spans"
version = "1"
kind = "token_classifier"
targets = ["output"]
scores = "supported"
threshold = 0.5
fails = "below"
labels = ["supported", "hallucinated"]
label = "hallucinated"
activation = "softmax"
tokenizer = "tokenizer.json"
max_tokens = 48
"""
LIBRARY = "The library opens at 9."


def replaced(manifest, old, new):
    assert old in manifest
    return manifest.replace(old, new)


ALONE = "alone"


def rudeness(folder, manifest=RUDE, *, trained_to_cut=False, cases=(), sign=ALONE):
    """Return an evaluator of the worst word; with another `sign`, of the mean, with that word in its screen."""
    made = tokenizer(WORDS, trained_to_cut=trained_to_cut)
    model = text_model(made, {"fool": [3, -3], "beware": [2, 4]}, [-3, -3])
    if sign != ALONE:
        model = diluted_model(made, {"fool": [12, -3]}, [-1, -3], {sign: 100.0} if sign else None)
    files = {"model.onnx": model, "tokenizer.json": made.to_str().encode()}
    return load(write_evaluator(folder, manifest=manifest, files=files, cases=cases))


def paired(folder, manifest=PAIRS, model=pair_model, cases=()):
    made = tokenizer(WORDS)
    files = {"model.onnx": model(made), "tokenizer.json": made.to_str().encode()}
    return load(write_evaluator(folder, manifest=manifest, files=files, cases=cases))


def evaluated(evaluator, answer, *documents):
    (result,) = evaluator.evaluate(call_with(answer=answer, documents=documents), {})
    return result


def test_a_whole_model_scores_a_text_and_names_every_label_above_the_threshold(tmp_path):
    evaluator = rudeness(tmp_path)
    assert list(evaluator.texts(call_with(answer="You fool"))) == []
    fine, fool, threat = (evaluated(evaluator, f"You are a {word}") for word in ("friend", "fool", "beware"))
    assert (fine.label, fine.explanation) == ("pass", None)
    assert fine.score == pytest.approx(0.0474, abs=1e-4)  # the sigmoid of -3
    assert (fool.label, fool.explanation) == ("fail", "rude 0.95: characters 0-14")
    assert (threat.label, threat.explanation) == ("fail", "rude 0.88, threat 0.98: characters 0-16")


def test_another_label_can_be_the_score(tmp_path):
    evaluator = rudeness(tmp_path, f'{RUDE}label = "threat"\n')
    assert evaluated(evaluator, "You fool").label == "pass"
    assert evaluated(evaluator, "Beware").explanation == "threat 0.98, rude 0.88: characters 0-6"


def test_of_a_long_text_the_worst_window_counts_and_windows_end_with_sentences(tmp_path):
    text = f"{'It is fine. ' * 20}You are a fool. {'It is fine. ' * 20}"
    result = evaluated(rudeness(tmp_path), text)
    assert result.label == "fail"
    start, end = (int(number) for number in result.explanation.split()[-1].split("-"))
    assert text[start:end].startswith(("It is fine.", "You are"))
    assert "You are a fool." in text[start:end]
    assert text[start:end].endswith(".")
    assert len(text[start:end].split()) <= 30


def test_of_a_very_long_text_a_bounded_part_is_read_and_the_result_says_so(tmp_path):
    evaluator = rudeness(tmp_path, f"{RUDE}max_windows = 4\n")
    assert evaluated(evaluator, f"You fool. {'It is fine. ' * 100_000}").label == "fail"
    assert evaluated(evaluator, f"{'It is fine. ' * 100_000} You fool.").label == "fail"
    partial = evaluated(evaluator, f"{'It is fine. ' * 50_000} You fool. {'It is fine. ' * 50_000}")
    assert partial.label == "partial"
    assert partial.read.part < 500
    assert partial.explanation == f"{partial.read.part} of 1,200,011 characters read"
    assert evaluated(evaluator, "It is fine.\n" * 20 + " \n").label == "pass"


def test_a_screened_model_scores_a_segment_by_itself_where_its_window_passes(tmp_path):
    plain, screened = (
        rudeness(tmp_path / "a", sign=None),
        rudeness(tmp_path / "b", f"{RUDE}screen = 0.5\n", sign="fool"),
    )
    text = "It is fine and free and it is fine. You are a fool. It is fine and free of charge and it is fine."
    assert evaluated(plain, text).label == "pass"
    result = evaluated(screened, text)
    assert (result.label, result.explanation) == ("fail", "rude 0.70: characters 36-51")
    assert evaluated(screened, "It is fine and free. It is fine.").label == "pass"


def test_a_segment_without_a_sign_is_not_scored_by_itself(tmp_path):
    screened = rudeness(tmp_path, f"{RUDE}screen = 0.5\n", sign="beware")
    assert evaluated(screened, f"{'It is fine and free. ' * 2}You are a fool.").label == "pass"


@pytest.mark.parametrize(("manifest", "sign"), [(RUDE, "fool"), (f"{RUDE}screen = 0.5\n", None)])
def test_a_screen_is_in_both_manifest_and_model_or_in_neither(tmp_path, manifest, sign):
    with pytest.raises(ModelError, match=r"screen: must be given where .* has an output 'screen', and only there"):
        rudeness(tmp_path, manifest, sign=sign)


def test_letters_of_other_scripts_count_as_the_letters_that_they_look_like(tmp_path):
    evaluator = rudeness(tmp_path)
    for disguised in (
        "You f\u043e\u043el",
        "You \uff46\uff4f\uff4f\uff4c",
        "You \U0001d41f\U0001d428\U0001d428\U0001d425",
    ):
        assert evaluated(evaluator, disguised).label == "fail"
    assert evaluated(evaluator, "\u0444\u043e\u043e\u043b").label == "pass"


@pytest.mark.parametrize(("manifest", "model"), [(PAIRS, pair_model), (TOKENS, token_model)])
def test_an_answer_that_is_read_in_part_is_no_clean_pass(tmp_path, manifest, model):
    evaluator = paired(tmp_path, f"{manifest}max_windows = 2\n", model)
    result = evaluated(evaluator, f"{LIBRARY} " * 40, LIBRARY)
    assert (result.label, result.read.unit) == ("partial", "characters")
    assert result.read.part < result.read.whole == 40 * (len(LIBRARY) + 1)
    assert evaluated(evaluator, LIBRARY, LIBRARY).label == "pass"


def test_what_the_tokenizer_file_says_of_cutting_and_padding_does_not_count(tmp_path):
    plain, cutting = rudeness(tmp_path / "a"), rudeness(tmp_path / "b", trained_to_cut=True)
    for text in ("You fool", "It is fine and free of charge and you are a fine friend and you are a fool."):
        assert evaluated(cutting, text) == evaluated(plain, text)


def test_a_sentence_is_supported_by_the_best_window_and_the_worst_sentence_decides(tmp_path):
    evaluator = paired(tmp_path)
    other = "Nothing is free of charge."
    assert evaluated(evaluator, "The library opens at 9.", other, LIBRARY).label == "pass"
    result = evaluated(evaluator, "The library opens at 9. It opens at 8. Nothing is free.", f"{LIBRARY} {other}")
    assert (result.label, result.score) == ("fail", 0.0)
    assert result.explanation == "not supported by the context (1 of 3 sentences): “It opens at 8.”"


def test_the_order_of_the_pair_is_the_manifests(tmp_path):
    part = "The library opens."  # all of it is in the context, but not the other way round
    assert evaluated(paired(tmp_path / "a"), part, LIBRARY).label == "pass"
    assert evaluated(paired(tmp_path / "b", f'{PAIRS}order = "claim_first"\n'), part, LIBRARY).label == "fail"


@pytest.mark.parametrize(("manifest", "model"), [(PAIRS, pair_model), (TOKENS, token_model)])
def test_without_answer_or_context_support_does_not_apply(tmp_path, manifest, model):
    evaluator = paired(tmp_path, manifest, model)
    for answer, documents in ((LIBRARY, []), (LIBRARY, [" "]), (" ", [LIBRARY]), (None, [LIBRARY])):
        assert evaluated(evaluator, answer, *documents).label == "not_applicable"


def test_the_tokens_that_the_context_lacks_are_quoted(tmp_path):
    evaluator = paired(tmp_path, TOKENS, token_model)
    assert evaluated(evaluator, "The library opens at 9.", LIBRARY).label == "pass"
    result = evaluated(evaluator, "The library opens at 9. It costs nothing and opens at 8.", LIBRARY)
    assert (result.label, result.score) == ("fail", pytest.approx(0, abs=1e-3))
    assert result.explanation == "not supported by the context (4 of 14 tokens): “It costs nothing and”"


def test_one_token_alone_is_weighed_with_its_neighbours(tmp_path):
    evaluator = paired(tmp_path, replaced(TOKENS, "0.5", "0.6"), token_model)
    result = evaluated(evaluator, "The library opens at 8.", LIBRARY)
    assert result.score == pytest.approx(0.5, abs=1e-3)
    assert result.explanation == "not supported by the context (1 of 6 tokens): “8”"


def test_the_places_of_tokens_are_those_in_the_whole_answer(tmp_path):
    evaluator = paired(tmp_path, TOKENS, token_model)
    answer = f"{'The library opens at 9. ' * 12}It costs nothing."
    assert evaluated(evaluator, answer, LIBRARY).explanation.endswith("“It costs nothing”")


@pytest.mark.parametrize(
    ("manifest", "old", "new", "message"),
    [
        (RUDE, "sigmoid", "none", r"activation must make model\.onnx's outputs probabilities, got 'none'"),
        (RUDE, 'labels = ["rude", "threat"]', "", r"labels must name the 2 outputs of model\.onnx"),
        (RUDE, "text_classifier", "pair_classifier", r"targets, fails: must be \['output'\] and 'below'"),
        (RUDE, '"tokenizer.json"', '"words.json"', r"files: must list words\.json"),
        (RUDE, "max_tokens = 32", 'label = "kind"', r"label: must be one of labels, .*, got 'kind'"),
        (RUDE, "max_tokens = 32", 'order = "claim_first"', "order: belongs to kind pair_classifier, got it with"),
        (RUDE, "max_tokens = 32", 'code = "a:B"', "code: belongs to kind python, got it with 'text_classifier'"),
        (RUDE, "max_tokens = 32", 'encoder = "minilm_l6_v2"', "tokenizer: must be given where encoder is not"),
        (PAIRS, '"below"', '"above"', "targets, fails: must be"),
        (PAIRS, "max_tokens = 48", "max_tokens = 9", "max_tokens: .* greater than or equal to 16, got 9"),
        (
            TOKENS,
            'tokenizer = "tokenizer.json"',
            'encoder = "minilm_l6_v2"',
            "encoder: belongs to kind text_class",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_key_value_and_remedy(tmp_path, manifest, old, new, message):
    with pytest.raises(ModelError, match=message):
        evaluated(rudeness(tmp_path, replaced(manifest, old, new)), "You")


def test_a_model_of_another_shape_is_refused(tmp_path):
    made = tokenizer(WORDS)
    tokens = token_model(made)
    for name, files, message in (
        ("a", {"model.onnx": tokens}, r"output must be \(batch, labels\), got shape"),
        ("b", {"tokenizer.json": b"{}"}, r"tokenizer\.json: must be a tokenizer"),
    ):
        given = {"model.onnx": pair_model(made), "tokenizer.json": made.to_str().encode(), **files}
        with pytest.raises(ModelError, match=message):
            load(write_evaluator(tmp_path / name, manifest=RUDE, files=given))


def test_a_window_without_room_for_a_text_is_refused(tmp_path):
    made = tokenizer(WORDS)
    made.post_processor = TemplateProcessing(
        single=f"{'[CLS] ' * 5}$A",
        pair=f"{'[CLS] ' * 5}$A $B:1",
        special_tokens=[("[CLS]", made.token_to_id("[CLS]"))],
    )
    for name, manifest, model in (
        ("a", replaced(RUDE, "32", "16"), text_model(made, {}, [-3, -3])),
        ("b", replaced(PAIRS, "48", "16"), pair_model(made)),
        ("c", replaced(TOKENS, "48", "16"), token_model(made)),
    ):
        files = {"model.onnx": model, "tokenizer.json": made.to_str().encode()}
        with pytest.raises(ModelError, match=r"max_tokens: must be at least 17, of which 5 are .*, got 16"):
            load(write_evaluator(tmp_path / name, manifest=manifest, files=files))


def cases_of_support():
    for number in range(11):
        answer = f"{'It ' * number}"
        yield {"output": f"{answer}opens at 9.", "documents": [f"It {LIBRARY}"], "labels": {"output": "pass"}}
        yield {"output": f"{answer}costs nothing.", "documents": [LIBRARY], "labels": {"output": "fail"}}
        yield {"output": f"{answer}is free.", "labels": {"output": "not_applicable"}}


def cases_of_rudeness():
    for number in range(16):
        start = "It is fine. " * number
        yield {"output": f"{start}You are a friend.", "labels": {"output": "pass"}}
        yield {"output": f"{start}You are a fool.", "labels": {"output": "fail"}}


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: rudeness(folder, cases=cases_of_rudeness()),
        lambda folder: paired(folder, cases=cases_of_support()),
        lambda folder: paired(folder, TOKENS, token_model, cases=cases_of_support()),
    ],
    ids=["text", "pair", "token"],
)
def test_each_kind_passes_the_universal_checks(make, tmp_path, encoder):
    assert check(make(tmp_path), encoder) == []
