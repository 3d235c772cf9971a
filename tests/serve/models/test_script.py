from pathlib import Path

import pytest

from otel_llm.errors import ConfigError
from otel_llm.serve.models.script import DEFAULT_ANSWER, Script, read_script


def read(tmp_path: Path, text: str) -> Script:
    path = tmp_path / "script.toml"
    path.write_text(text)
    return read_script(path)


def test_first_rule_that_matches_wins_and_the_default_may_stand_anywhere(tmp_path):
    script = read(
        tmp_path,
        """
        [[rule]]
        answer = "default"
        [[rule]]
        match = "(?i)paris"
        answer = "first"
        [[rule]]
        match = "Paris"
        answer = "second"
        """,
    )
    assert script.rule_for("in PARIS").answer == "first"
    assert script.rule_for("Paris").answer == "first"
    assert script.rule_for("Rome").answer == "default"


def test_without_a_default_rule_the_answer_says_that_it_is_scripted(tmp_path):
    assert read(tmp_path, "").rule_for("anything").answer == DEFAULT_ANSWER
    assert "scripted" in DEFAULT_ANSWER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[[rule]]\nanswer = "a"\n[[rule]]\nmatch = "b"\nanser = "c"',
            ["rule 2", "unknown key 'anser'", "answer"],
        ),
        ('[[rules]]\nanswer = "a"', ["unknown key 'rules'", "known: rule"]),
        ("[[rule]]\nusage = {tokens = 1}", ["rule 1", "unknown key 'usage.tokens'", "completion_tokens"]),
        ('[[rule]]\nmatch = "a(b"', ["rule 1: match", "not a regular expression", "a(b"]),
        ("[[rule]]\ndelay_s = -1", ["rule 1: delay_s", "greater than or equal to 0", "got -1"]),
        ('[[rule]]\nchunk_delay_s = "fast"', ["rule 1: chunk_delay_s", "number", "'fast'"]),
        ("[[rule]]\nstatus = 200", ["rule 1: status", "400", "got 200"]),
        ("[[rule]]\nbreak_after_chunks = -2", ["rule 1: break_after_chunks", "got -2"]),
        ('[[rule]]\nfinish_reason = "tired"', ["rule 1: finish_reason", "'stop'", "'tired'"]),
        ('[[rule]]\nerror = "no"', ["rule 1: error needs status"]),
        ("[[rule]]\nfail_times = 2", ["rule 1: fail_times needs status"]),
        ("[[rule]]\nstatus = 500\nfail_times = 0", ["rule 1: fail_times", "greater than or equal to 1", "got 0"]),
        ("[[rule]]\ntool_calls = [{ nam = 'f' }]", ["rule 1", "name"]),
        (
            "[[rule]]\ntool_calls = [{ name = 'f', arguments = {}, input = 'x' }]",
            ["rule 1: tool_calls.0", "arguments (of a function) or input (of a custom tool)"],
        ),
        ('[[rule]]\nstatus = 500\nanswer = "no"', ["rule 1: status answers with an error", "answer cannot apply"]),
        ('[[rule]]\nanswer = "a"\n[[rule]]\nanswer = "b"', ["rules 1, 2 have no match", "only one"]),
        ("[[rule", ["is not TOML"]),
    ],
)
def test_wrong_script_is_refused_by_rule_and_key(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert message.startswith("--script: ")
    for part in said:
        assert part in message


def test_script_in_the_documentation_is_valid(tmp_path):
    documentation = Path(__file__).parents[3].joinpath("docs", "serve.md").read_text()
    example = documentation.partition("```toml\n")[2].partition("```")[0]
    script = read(tmp_path, example)
    assert len(script.rule) == 5
    assert script.rule_for("The capital of France?").usage.prompt_tokens == 20


def test_missing_script_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"--script: .*none\.toml cannot be read: No such file"):
        read_script(tmp_path / "none.toml")
