import numpy as np
import pytest

from otel_llm.evaluate.engine.cache import EncodingCache, remembering


@pytest.fixture
def size(encoder):
    """What the encoding of a text of one short word takes at most."""
    cache = EncodingCache(encoder, limit_bytes=2**30)
    cache.encode(["a"])
    return cache.kept_bytes


def counted(cache, *texts):
    """Encode, and return the hits and misses so far."""
    assert list(cache.encode(texts)) == list(dict.fromkeys(texts))
    return cache.hits, cache.misses


def test_a_text_that_comes_again_is_not_encoded_again(encoder):
    cache = EncodingCache(encoder, limit_bytes=2**30)
    first = cache.encode(["Hello", "What is it?"])["Hello"]
    assert cache.encode(["Hello"])["Hello"] is first
    assert counted(cache, "Hello", "Hello", "Who?") == (2, 3)


def test_what_was_used_last_is_kept_within_the_limit(encoder, size):
    cache = EncodingCache(encoder, limit_bytes=2 * size + size // 2)
    assert counted(cache, "a", "b") == (0, 2)
    assert counted(cache, "a") == (1, 2)
    assert counted(cache, "c") == (1, 3)  # instead of b
    assert cache.kept_bytes == 2 * size
    assert counted(cache, "a", "c") == (3, 3)
    assert counted(cache, "b") == (3, 4)


def test_a_text_larger_than_the_limit_is_not_kept_and_drives_nothing_out(encoder, size):
    cache = EncodingCache(encoder, limit_bytes=2 * size)
    cache.encode(["a"])
    long = "word " * 300
    assert counted(cache, long) == (0, 2)
    assert counted(cache, long, "a") == (1, 3)


def test_a_limit_of_0_keeps_nothing(encoder):
    cache = EncodingCache(encoder, limit_bytes=0)
    assert [counted(cache, "a"), counted(cache, "a")] == [(0, 1), (0, 2)]


def test_kept_or_not_the_encoding_is_the_same(encoder):
    cache = EncodingCache(encoder, limit_bytes=2**30)
    cache.encode(["Hello"])
    (kept,), (fresh,) = cache.encode(["Hello"]).values(), encoder.encode(["Hello"]).values()
    assert np.array_equal(kept.states, fresh.states)
    assert np.array_equal(kept.pooled, fresh.pooled)


def test_what_was_found_of_short_texts_is_remembered_and_of_long_ones_is_not():
    asked = []

    def read(*texts):
        asked.append(texts)
        return np.zeros(1, dtype=np.float32)

    ask = remembering(read)
    for texts in (("a",), ("a",), ("a", "b"), ("a", "b"), ("b", "a"), ("x" * 5000,), ("x" * 5000,)):
        ask(*texts)
    assert asked == [("a",), ("a", "b"), ("b", "a"), ("x" * 5000,), ("x" * 5000,)]
