import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest

from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.encoder import Encoder

TEXTS = [
    "The library opens at 9.",
    "Membership costs 12 euros a year. " * 12,
    "¿Dónde está la biblioteca? 図書館は九時に開く。 🎉",
    "word " * 400,
]


def test_a_text_has_the_same_states_whatever_its_company(encoder):
    together = encoder.encode(TEXTS)
    for text in TEXTS:
        (alone,) = encoder.encode([text]).values()
        assert np.array_equal(alone.states, together[text].states)


def test_threads_change_nothing(encoder):
    parallel = Encoder(encoder.manifest, threads=2).encode(TEXTS)
    assert parallel.keys() == set(TEXTS)
    for text, encoding in encoder.encode(TEXTS).items():
        assert np.array_equal(parallel[text].states, encoding.states)


def test_closing_gives_up_what_no_thread_has_begun(encoder):
    parallel = Encoder(encoder.manifest, threads=2)
    texts = [f"{number} {'word ' * 3000}" for number in range(200)]  # half a minute and more
    with ThreadPoolExecutor(1) as evaluating:
        encoding = evaluating.submit(parallel.encode, texts)
        while not any(thread.name.startswith("encoder") for thread in threading.enumerate()):
            assert not encoding.done()
        parallel.close()
        with pytest.raises(CancelledError):
            encoding.result(20)


def test_a_closed_encoder_takes_no_more_texts(encoder):
    parallel = Encoder(encoder.manifest, threads=2)
    parallel.close()
    with pytest.raises(CancelledError):
        parallel.encode(["a"])


def test_closing_without_threads_of_its_own_is_allowed(encoder):
    encoder.close()
    assert list(encoder.encode(["a"])) == ["a"]


def test_each_distinct_text_is_encoded_once(encoder):
    assert list(encoder.encode(["a", "b", "a"])) == ["a", "b"]
    assert encoder.encode([]) == {}


def test_pooled_has_length_1_and_puts_like_beside_like(encoder):
    question, same, other = encoder.encode(
        ["When does the library open?", "What are the opening hours of the library?", "My soup is too salty."]
    ).values()
    assert np.linalg.norm(question.pooled) == pytest.approx(1, abs=1e-5)
    assert question.pooled @ same.pooled > 0.7
    assert question.pooled @ other.pooled < 0.3


def test_a_long_text_is_cut_between_sentences(encoder):
    text = "Membership costs twelve euros a year for everyone. " * 40
    (encoding,) = encoder.encode([text]).values()
    assert len(encoding.windows) > 1
    for window in encoding.windows:
        assert len(window.states) <= encoder.manifest.max_tokens
        assert text[slice(*window.span)].startswith("Membership")
        assert text[slice(*window.span)].endswith(".")


def test_a_sentence_longer_than_a_window_is_cut(encoder):
    (encoding,) = encoder.encode(["word " * 300]).values()
    assert [len(window.states) for window in encoding.windows] == [128, 128, 50]


def test_of_a_very_long_text_the_beginning_and_the_end_are_read(encoder):
    text = f"It begins here. {'The middle goes on and on. ' * 20_000} It ends here."
    (encoding,) = encoder.encode([text]).values()
    assert len(encoding.windows) == encoder.manifest.max_windows
    assert encoding.windows[0].span.start == 0
    assert encoding.windows[-1].span.end == len(text)


def test_states_within_a_span_are_those_of_its_tokens(encoder):
    text = "The library opens at 9. Membership costs 12 euros."
    (encoding,) = encoder.encode([text]).values()
    assert len(encoding.within(Span(0, 23))) == 6
    assert np.array_equal(encoding.within(Span(0, 23)), encoding.states[1:7])
    assert len(encoding.within(Span(23, 24))) == 0


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace")]
)
def test_a_text_without_words_has_states_too(encoder, text):
    (encoding,) = encoder.encode([text]).values()
    assert np.isfinite(encoding.pooled).all()
