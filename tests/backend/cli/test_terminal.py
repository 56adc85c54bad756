"""What a person sees of the parts."""

import json

from backend.cli.terminal import as_sentence


def test_a_json_log_line_is_read_out() -> None:
    line = json.dumps(
        {"level": "warning", "message": "the database is away", "timestamp": "…", "room": "x", "tries": 3}
    )
    assert as_sentence(line) == "warning the database is away tries=3"


def test_anything_else_is_left_as_it_is() -> None:
    for line in ("plain words", "{ not json", '{"no": "message"}', "[1]"):
        assert as_sentence(line) == line
