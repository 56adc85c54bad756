"""The demo's script for conflicts: this branch's side stays, below what the other side remarks."""

from backend.providers.demo_script import STAND_IN, TESTS, Done, Script, Talk, numbered

_OURS, _MIDDLE, _THEIRS = "<<<<<<< ", "=======", ">>>>>>> "
_REMARKS = ("#", "//", "--", ";")


def settle(script: Script) -> Talk:
    """File by file: read it, settle its first conflict, read it again until none is left; then the tests."""
    last = script.done[-1]
    if last.name == "run_command":
        return _settled(script, last)
    if last.name == "edit_file":
        return _read(str(last.args.get("path")))
    reads = [one for one in script.done if one.name == "read_file"]
    if last.name == "read_file" and not last.is_error and (edit := _edit(last)):
        return edit
    read = {one.args.get("path") for one in reads}
    rest = [path for path in script.conflicts if path not in read]
    if rest:
        return _read(rest[0])
    return Talk("Both sides stand together. Now the tests.", "run_command", {"command": TESTS})


def _read(path: str) -> Talk:
    return Talk(f"I look for conflicts in `{path}`.", "read_file", {"path": path})


def _edit(read: Done) -> Talk | None:
    lines = [line for _, line in numbered(read.text)]
    start = next((at for at, line in enumerate(lines) if line.startswith(_OURS)), None)
    if start is None:
        return None
    middle = next((at for at, line in enumerate(lines) if at > start and line == _MIDDLE), None)
    end = next((at for at, line in enumerate(lines) if at > start and line.startswith(_THEIRS)), None)
    if middle is None or end is None or middle > end:
        return None
    ours, theirs = lines[start + 1 : middle], lines[middle + 1 : end]
    remarks = [line for line in theirs if line.strip().startswith(_REMARKS)]
    old, new = "\n".join(lines[start : end + 1]), "\n".join([*remarks, *ours])
    words = "This branch's side stays, below what the other one remarks." if remarks else "This branch's side stays."
    return Talk(words, "edit_file", {"path": read.args["path"], "old_str": old, "new_str": new})


def _settled(script: Script, tests: Done) -> Talk:
    edited = {f"`{one.args['path']}`" for one in script.done if one.name == "edit_file" and not one.is_error}
    what = (
        f"In {', '.join(sorted(edited))} this branch's side was kept" if edited else "No conflict was found to settle"
    )
    ran = f"`{TESTS}` passes." if tests.is_green else f"**The tests fail:** `{TESTS}` ended with {tests.ending}."
    summary = f"{STAND_IN}.\n\n{what}, with the remarks of the other one. It cannot weigh which is right.\n\n{ran}"
    return script.finish("The conflict is settled.", "Settle the conflict", summary)
