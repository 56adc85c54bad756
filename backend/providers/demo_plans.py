"""The demo's scripts for a plan that is made first: what the script of the type will do, told before it does it."""

from backend.providers.demo_script import STAND_IN, TESTS, Script, Talk

_TOTALS = "shop/totals.py"
_TITLES = {
    "debug": "Round the cart's total once, at the end",
    "documentation": "Say what total() takes and gives",
    "async": "Refuse an exemption that is larger than the price",
}
_STEPS = {
    "debug": f"""1. Run `{TESTS}` and watch it fail.
2. `{_TOTALS}`: `total()` rounds each line by itself, and the half-cents are lost. Round the sum once, at the end.
3. Run the same tests again.""",
    "documentation": f"""1. `{_TOTALS}`: the docstring of `total()` says what goes in and what comes out.
2. `README.md` gets an example.
3. Run `{TESTS}`, which this cannot change.""",
    "async": f"""1. `{_TOTALS}`: a `Line` refuses to be exempt for more than it costs.
2. `tests/test_lines.py` holds it to that.
3. Run that test, then all of them.""",
}
_NOTHING = "1. List the files and read the README.\n2. Change nothing: the script knows the sample repository alone."


def propose(script: Script, task_type: str) -> Talk:
    """Reads the code, then proposes; asked for changes, it proposes again and says that it cannot weigh them.

    `task_type` is empty where the script of the type would change nothing.
    """
    if task_type and len(script.done) == 1:
        return Talk("Before I plan, I read the code that it is about.", "read_file", {"path": _TOTALS})
    title = _TITLES.get(task_type, "Look around, change nothing")
    is_again = any(one.name == "propose_plan" for one in script.done)
    heard = [f"A script cannot act on what you asked for, so the steps are the same:\n\n> {_quoted(script.prompt)}"]
    plan = "\n\n".join(
        [
            f"{STAND_IN}, so its plan is the same for every wish. Edit it as you like: the script cannot follow that.",
            *(heard if is_again else []),
            f"## Steps\n\n{_STEPS.get(task_type, _NOTHING)}",
            "## Risks\n\nNone that a script could see.",
        ]
    )
    words = "The plan once more." if is_again else "That is what I would do. Nothing is changed before you approve it."
    return Talk(words, "propose_plan", {"title": title, "plan": plan})


def _quoted(words: str) -> str:
    return words[:500].replace("\n", "\n> ")
