"""The demo's scripts for what changes files. They know the sample repository by heart, and no other."""

import re
from collections.abc import Sequence

from backend.providers.demo_script import STAND_IN, TESTS, Done, Script, Talk

_TOTALS, _README = "shop/totals.py", "README.md"
_BUG = "    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt"
_MENDED = (
    "    net = sum((line.net for line in lines), Decimal(0))\n"
    "    # Rounded once, at the end: half-cents of single lines must not be lost.\n"
    "    return round(net - exempt, 2)"
)
_DOCSTRING = '    """The cart\'s total, in whole cents."""\n'
_TOLD = (
    '    """The cart\'s total: what its lines cost together, less what of them is exempt from tax.\n\n'
    "    Amounts are of one currency, which is not checked; without lines the total is 0.\n"
    '    """\n'
)
_HEADING = "## Using it"
_USING = """
## Using it

```python
from decimal import Decimal

from shop.totals import Line, total

total([Line(Decimal("19.90")), Line(Decimal("5.10"), exempt=Decimal("1.00"))])  # Decimal("24.00")
```
"""
_FIELD = "    exempt: Decimal = Decimal(0)\n"
_CHECKED = f"""{_FIELD}
    def __post_init__(self) -> None:
        if self.exempt > self.net >= 0:
            raise ValueError("a line cannot be exempt for more than it costs")
"""
_LINES_TEST = '''"""What a line of a cart may be."""

import unittest
from decimal import Decimal

from shop.totals import Line


class Lines(unittest.TestCase):
    def test_a_line_is_not_exempt_for_more_than_it_costs(self) -> None:
        with self.assertRaises(ValueError):
            Line(Decimal("5.00"), exempt=Decimal("8.00"))

    def test_a_line_may_be_exempt_for_all_that_it_costs(self) -> None:
        self.assertEqual(Line(Decimal("5.00"), exempt=Decimal("5.00")).net, Decimal("5.00"))


if __name__ == "__main__":
    unittest.main()
'''
_REGRESSION = '''"""Half-cents must survive until the total is rounded."""

import unittest
from decimal import Decimal

from shop.totals import Line, total


class HalfCents(unittest.TestCase):
    def test_many_half_cents_add_up_before_they_are_rounded(self) -> None:
        lines = [Line(net=Decimal("0.005"))] * {count}
        self.assertEqual(total(lines), Decimal("{expected}"))


if __name__ == "__main__":
    unittest.main()
'''


def mend(script: Script) -> Talk:
    """Red, the cause, the edit, green. A follow-up adds a regression test."""
    if script.is_follow_up:
        return _follow_up(script)
    done = script.done
    match len(done):
        case 1:
            return Talk("The totals are where the cents are made. I read them.", "read_file", {"path": _TOTALS})
        case 2:
            return _run("Before I change anything, I run the tests and watch them fail.")
        case 3:
            words = "Each line is rounded by itself, and the half-cents are lost. It must be rounded once, at the end."
            return _edit(words, _TOTALS, _BUG, _MENDED)
        case 4:
            return _run("Now the same tests again.")
    before, edit, after = done[2], done[3], done[4]
    heard = "" if script.prompts < 2 else "\n\nA message came in meanwhile. A script cannot act on it."
    if edit.is_error:
        title = "The scripted edit did not fit"
        what = "The edit that the script knows did not match `shop/totals.py`, so nothing was changed."
    else:
        title = "Round the cart's total once, at the end"
        what = "`total()` rounded every line by itself, which lost half-cents. It now rounds the sum once, at the end."
    if after.is_green:
        tests = f"`{TESTS}` failed before the change and passes after it."
        if before.is_green:
            tests = f"`{TESTS}` passed before and passes now: no failing test was seen."
        return script.finish("Green.", title, f"{STAND_IN}.\n\n{what}\n\n{tests}{heard}")
    tests = f"**The tests still fail:** `{TESTS}` ended with {after.ending}."
    title = f"{title}; the tests still fail" if not edit.is_error else title
    return script.finish(
        "Still red.", title, f"{STAND_IN}.\n\n{what}\n\n{tests} The script knows no other step.{heard}"
    )


def document(script: Script) -> Talk:
    """Tells more in a docstring and in the README, where they do not tell it yet; no line of code changes."""
    done = script.done
    match len(done):
        case 1:
            return Talk("I read what is to be described.", "read_file", {"path": _TOTALS})
        case 2:
            return Talk("And what the README says already.", "read_file", {"path": _README})
        case 3 if _has(done[1], "The cart's total, in whole cents."):
            return _edit("The docstring can say what goes in and what comes out.", _TOTALS, _DOCSTRING, _TOLD)
    if not _has(done[2], _HEADING) and not any(one.args.get("path") == _README for one in done[3:]):
        return _edit("The README gets an example.", _README, "", _USING)
    edits = [one for one in done[3:] if one.name == "edit_file"]
    if edits and done[-1].name != "run_command":
        return _run("The tests, to see that they say what they said before.")
    return _documented(script, edits, done[-1])


def extend(script: Script) -> Talk:
    """Lets a line refuse an exemption that is larger than its price, with a test of it."""
    done = script.done
    if script.is_follow_up or "tests/test_lines.py" in script.listing:
        return _nothing_more(script)
    match len(done):
        case 1:
            return Talk("I read the code that is to be extended.", "read_file", {"path": _TOTALS})
        case 2:
            words = "A line may be exempt for more than it costs, which makes a total negative. It shall refuse that."
            return _edit(words, _TOTALS, _FIELD, _CHECKED)
        case 3:
            return _edit("A test of it.", "tests/test_lines.py", "", _LINES_TEST)
        case 4:
            return _run("First that test alone.", f"{TESTS} tests.test_lines")
        case 5:
            return _run("Then all of them.")
    edits, own, whole = done[2:4], done[4], done[5]
    if any(one.is_error for one in edits):
        what = "One of the two edits that the script knows did not fit, so this is not whole."
    else:
        what = "`Line` refuses to be exempt for more than it costs; `tests/test_lines.py` holds it to that."
    tests = f"`{TESTS} tests.test_lines` {'passes' if own.is_green else f'ended with {own.ending}'}. "
    tests += f"All tests: {'they pass' if whole.is_green else whole.ending}."
    if own.is_green and not whole.is_green:
        tests += " What fails there is not of this change: the sample has a rounding mistake, which a debug task mends."
    title = "Refuse an exemption that is larger than the price"
    return script.finish("That is it.", title, f"{STAND_IN}, whatever was asked.\n\n{what}\n\n{tests}")


def _follow_up(script: Script) -> Talk:
    done = script.done
    taken = [int(found) for found in re.findall(r"tests/test_half_cents_(\d+)\.py", done[0].text)]
    this = max(taken, default=0) + 1
    path, count = f"tests/test_half_cents_{this}.py", 2 * (this + 1)
    match len(done):
        case 1:
            return Talk("I look at the tests that there are.", "read_file", {"path": "tests/test_totals.py"})
        case 2:
            test = _REGRESSION.format(count=count, expected=f"{count * 0.005:.2f}")
            return _edit("A regression test will keep the half-cents.", path, "", test)
        case 3:
            return _run("All tests once more.")
    edit, after = done[2], done[3]
    what = f"It cannot read what you asked; as its one follow-up it added a regression test, `{path}`."
    if edit.is_error:
        what = f"It tried to add a regression test, `{path}`, and could not."
    title, tests = "Add a regression test for half-cents", f"`{TESTS}` passes."
    if not after.is_green:
        title, tests = f"{title}; the tests fail", f"**The tests fail:** `{TESTS}` ended with {after.ending}."
    return script.finish("That is it.", title, f"{STAND_IN}.\n\n{what}\n\n{tests}")


def _documented(script: Script, edits: Sequence[Done], last: Done) -> Talk:
    fitting = [f"`{one.args['path']}`" for one in edits if not one.is_error]
    if not fitting:
        summary = f"{STAND_IN}. What it knows to write stands there already, so it changed nothing."
        return script.finish("It is all there.", "The documentation says it already", summary)
    tests = "they pass" if last.is_green else last.ending
    summary = (
        f"{STAND_IN}, whatever was asked.\n\nIt describes `total()` in {' and '.join(fitting)}. Only words changed: no "
        f"line of code does anything else.\n\nThe tests, which this cannot have changed: {tests}."
    )
    return script.finish("Written.", "Say what the cart's total takes and gives", summary)


def _nothing_more(script: Script) -> Talk:
    summary = f"{STAND_IN}. The one change that it knows for a general task is there already, so it changed nothing."
    return script.finish("There is nothing more that a script can do.", "Changed nothing more", summary)


def _has(read: Done, words: str) -> bool:
    return not read.is_error and words in read.text


def _edit(words: str, path: str, old: str, new: str) -> Talk:
    return Talk(words, "edit_file", {"path": path, "old_str": old, "new_str": new})


def _run(words: str, command: str = TESTS) -> Talk:
    return Talk(words, "run_command", {"command": command})
