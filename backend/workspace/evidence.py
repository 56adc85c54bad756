"""What the end of a test command says about the commit it ran on."""

import re
from dataclasses import dataclass

from backend.words import Verdict

_NOT_FOUND, _NOT_EXECUTABLE, _NO_PYTEST_TESTS = 127, 126, 5

# A missing interpreter or test runner says nothing about the code.
_MISSING = re.compile(
    rb"No module named '?(?:pytest|unittest|tox|nose)\b|Missing script|could not determine executable|"
    rb"\w+: (?:command )?not found|prlimit: failed to execute [^:]+|make: [\w./-]+: No such file or directory"
)
_NO_NETWORK = re.compile(
    rb"Could not resolve host|Temporary failure in name resolution|EAI_AGAIN|ENOTFOUND|Network is unreachable|"
    rb"dial tcp: lookup|failed to download|failed to get .* as a dependency"
)
_RAN_NOTHING = re.compile(
    rb"\bRan 0 tests in|\bno tests ran\b|\bNo tests found\b|\[no test files\]|\brunning 0 tests\b"
)
_RAN_SOMETHING = re.compile(
    rb"\bRan [1-9]\d* tests? in|\b[1-9]\d* (?:passed|failed|passing|failing)\b|^(?:ok|FAIL|not ok)\s|"
    rb"\brunning [1-9]\d* tests?\b",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Judgement:
    """The verdict and, where it is not plain, the reason in one sentence."""

    verdict: Verdict
    reason: str


def judge(exit_code: int, output: bytes, killed_by: str | None = None) -> Judgement:
    """What a test run of the worker's own is worth. `output` is its stdout and stderr."""
    if killed_by:
        return Judgement(Verdict.FAILED, f"The tests were stopped: {killed_by}.")
    if exit_code == 0:
        if _RAN_NOTHING.search(output) and not _RAN_SOMETHING.search(output):
            return Judgement(Verdict.NOT_RUN, "The command ended well, but no test ran.")
        return Judgement(Verdict.VERIFIED, "")
    tail = output[-20_000:]
    if exit_code in (_NOT_FOUND, _NOT_EXECUTABLE):
        return Judgement(Verdict.CANNOT_RUN, f"The jail lacks what the tests need: {_last_line(tail)}")
    if exit_code == _NO_PYTEST_TESTS and _RAN_NOTHING.search(tail):
        return Judgement(Verdict.NOT_RUN, "No test was found.")
    # Only where no test got to run: one that fails for want of a program or the network has failed.
    if not _RAN_SOMETHING.search(output):
        if found := _MISSING.search(tail):
            said = found[0].decode("utf-8", "replace")
            return Judgement(Verdict.CANNOT_RUN, f"The jail lacks what the tests need: {said}")
        if _NO_NETWORK.search(tail):
            return Judgement(Verdict.CANNOT_RUN, "The tests need the network, which is off in the jail.")
    return Judgement(Verdict.FAILED, f"The tests ended with exit code {exit_code}.")


def _last_line(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
