import json

import pytest

LIBRARY = "The library opens at 9 and closes at 17 on weekdays. Membership costs 12 euros a year."
RECORDS = (
    {"id": "right", "input": "What is it?", "output": "Membership costs 12 euros a year.", "context": [LIBRARY]},
    {"id": "wrong", "input": "What is it?", "output": "Membership costs 80 euros a month.", "context": LIBRARY},
    {"input": "You stupid idiot!", "output": "Membership costs 12 euros a year."},
    {"id": 7, "output": "You stupid idiot!"},
)


@pytest.fixture
def answers(tmp_path):
    """A file of four records: a plain one, one that its context does not support, and two toxic ones."""
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return path
