"""The documents of `otel_llm.context`: when they are recorded, how they are cut; arguments that are wrong."""

import json

import pytest
from context_calls import ask

import otel_llm
from otel_llm import names
from otel_llm.errors import ConfigError
from otel_llm.instrument.content.documents import fit_documents

DOCUMENTS = ["Loans last three weeks.", "A card costs 5 euros."]


def test_documents_are_content_recorded_on_span_and_event_where_it_is_captured(exported, client):
    exported.instrument(capture_content="SPAN_AND_EVENT")
    with otel_llm.context(user="ada", documents=(text for text in DOCUMENTS)):
        ask(client)
        ask(client)

    for span in exported.spans:
        assert json.loads(span.attributes["otel_llm.documents"]) == DOCUMENTS
    for event in exported.logs:
        assert list(event.attributes["otel_llm.documents"]) == DOCUMENTS
        assert event.attributes[names.USER_ID] == "ada"
    assert len(exported.spans) == len(exported.logs) == 2


def test_no_document_is_recorded_without_content(instrumented, client):
    with otel_llm.context(documents=DOCUMENTS):
        ask(client)

    assert names.DOCUMENTS not in instrumented.span.attributes
    assert not instrumented.logs


def test_inner_documents_replace_the_outer_ones(exported, client):
    exported.instrument(capture_content=True)
    with otel_llm.context(documents=DOCUMENTS):
        with otel_llm.context(documents=["Other."]):
            ask(client)
        with otel_llm.context(documents=[]):
            ask(client)
        with otel_llm.context(user="ada"):
            ask(client)

    assert [span.attributes.get(names.DOCUMENTS) for span in exported.spans] == [
        '["Other."]',
        None,
        json.dumps(DOCUMENTS),
    ]


@pytest.mark.parametrize("limit", [60, 100, 200, 400, 700])
def test_documents_are_cut_to_the_limit_the_first_ones_kept(limit):
    texts = ["first " * 20, 'quoted "\n' * 20, "third " * 20]
    kept, written = fit_documents(texts, limit)

    assert len(written) <= limit
    assert json.loads(written) == kept
    assert (kept == texts) == (len(json.dumps(texts)) <= limit)
    if kept != texts:
        assert kept[-1].endswith(" cut]")
        assert texts[0].startswith(kept[0].partition("…")[0])


def test_documents_without_room_leave_their_number():
    assert fit_documents(["a" * 50, "b" * 50], 40).texts == ["…[2 documents cut]"]


class Spoiled:
    def __repr__(self):
        return "Spoiled" * 100


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"user": 42}, r"user must be a text, got 42: pass str\(\) of it"),
        ({"user": Spoiled()}, r"user must be a text, got (Spoiled){14}Sp: pass"),
        ({"conversation": b"c"}, r"conversation must be a text, got b'c': pass str\(\)"),
        (
            {"prompt": ("a", "b", "c")},
            r"prompt must be a name or \(name, version\), all texts, got \('a', 'b', 'c'\)",
        ),
        ({"prompt": ("a", 3)}, r"prompt must be .*, got \('a', 3\): such as prompt=\(\"summary\", \"3\"\)"),
        (
            {"documents": "one text"},
            r"documents must be a sequence of texts, got str: put a single text into a list",
        ),
        ({"documents": 3}, r"documents must be a sequence of texts, got int"),
        ({"documents": ["a", 3]}, r"documents\[1\] must be a text, got int: pass the document's text"),
        ({"tags": ["a"]}, r"tags must be a mapping, got \['a'\]: such as"),
        ({"tags": {"": "a"}}, r"a key of tags must be a text that is not empty, got '': name the tag"),
        ({"tags": {3: "a"}}, r"a key of tags must be a text that is not empty, got 3"),
        ({"tags": {"a": None}}, r"tags\['a'\] must be a text, a number .*, got None: pass str\(\)"),
        ({"tags": {"a": 2**63}}, r"tags\['a'\] must be .*64 bits.*, got 9223372036854775808"),
        ({"baggage": "no"}, r"baggage must be True or False, got 'no'"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value_and_the_remedy(wrong, message):
    with pytest.raises(ConfigError, match=rf"^otel_llm.context: {message}"):
        otel_llm.context(**wrong)


def test_documents_that_cannot_be_read_give_their_own_error_as_the_cause():
    def search():
        yield "A page."
        raise OSError("the index is gone")

    with pytest.raises(ConfigError, match="documents must be readable to their end, got OSError") as caught:
        otel_llm.context(documents=search())
    assert str(caught.value.__cause__) == "the index is gone"
