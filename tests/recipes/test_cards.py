"""The table of a model card, and its place between the markers."""

import json
from pathlib import Path

import pytest

import recipes
from recipes.cards import Measured, report, write
from recipes.statistics import Estimate

SAFE_PROMPTS = Path(recipes.__file__).parent / "safe_prompts.jsonl"


def measured(title, *, rows=100, positives=40, left_out=0, is_of_training=False, loss=None, **figures):
    return Measured(
        title=title,
        rows=rows,
        positives=positives,
        left_out=left_out,
        is_of_training=is_of_training,
        figures={name: Estimate(value, value - 0.01, value + 0.01) for name, value in figures.items()},
        float_loss=loss and Estimate(loss, loss - 0.001, loss + 0.001),
    )


def test_a_figure_that_a_set_does_not_have_is_an_empty_cell():
    text = report("toxicity", 0.5, [measured("tweets", positives=0, false_positive_rate=0.012)], None)

    assert "| tweets | 100 (0) |  |  |  | 0.012 [0.002, 0.022] |  |" in text.splitlines()
    assert "at the threshold 0.5, by `python -m recipes.measure toxicity`" in text


def test_what_was_trained_on_is_marked_or_named():
    sets = [
        measured("part", left_out=20, is_of_training=True, roc_auc=0.9),
        measured("gone", rows=0, positives=0, left_out=100, is_of_training=True),
        measured("new", roc_auc=0.9),
    ]

    text = report("toxicity", 0.5, sets, None)

    assert "| part † |" in text
    assert "| new |" in text
    assert "† Other rows of this source were trained on." in text
    assert "Left out as near duplicates of training texts: part (20)." in text
    assert "Trained on, so not measured: gone." in text


def test_the_loss_of_int8_weights_is_the_mean_and_the_worst_set():
    text = report("toxicity", 0.5, [measured("one", loss=0.001), measured("two", loss=0.003)], None)

    assert "lose 0.0020 of ROC-AUC" in text
    assert "at most 0.0030 [0.0020, 0.0040] (two)" in text


def test_the_table_replaces_what_is_between_the_markers_and_nothing_else(tmp_path):
    card = tmp_path / "MODEL_CARD.md"
    card.write_text("# name\n\n<!-- measured -->\nold\n<!-- end -->\n\n## Weak\n", encoding="utf-8")

    write(card, "new")
    write(card, "newer")

    assert card.read_text(encoding="utf-8") == "# name\n\n<!-- measured -->\nnewer\n<!-- end -->\n\n## Weak\n"


@pytest.mark.parametrize("content", ["", "<!-- measured -->\n", "<!-- end -->\n<!-- measured -->\n"])
def test_a_card_without_its_markers_is_refused_and_left_as_it_is(tmp_path, content):
    card = tmp_path / "MODEL_CARD.md"
    card.write_text(content, encoding="utf-8")

    with pytest.raises(ValueError, match="must have one line <!-- measured -->"):
        write(card, "new")

    assert card.read_text(encoding="utf-8") == content


def test_the_safe_prompts_are_250_beside_100_toxic_ones_each_once():
    rows = [json.loads(line) for line in SAFE_PROMPTS.read_text(encoding="utf-8").splitlines()]

    assert [sum(row["toxic"] is toxic for row in rows) for toxic in (False, True)] == [250, 100]
    assert len({row["prompt"].casefold() for row in rows}) == 350
    assert {row.keys() == {"prompt", "toxic", "kind"} for row in rows} == {True}
