"""What secrets look like whose issuers say so."""

import re

# Shapes that the issuers publish, so that their own scanners can find them.
_SHAPES = {
    "a GitHub token": r"\bgh[opsur]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{50,}\b",
    "a GitLab token": r"\bglpat-[\w-]{20,}",
    "an Anthropic key": r"\bsk-ant-[\w-]{20,}",
    "an OpenAI key": r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,}",
    "a Google key": r"\bAIza[\w-]{35}\b",
    "an AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}",
    "a Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{20,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": r"\bpypi-AgE[\w-]{50,}",
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
}
_ANY_SHAPE = re.compile("|".join(f"(?P<s{index}>{shape})" for index, shape in enumerate(_SHAPES.values())))
_NAMES = tuple(_SHAPES)
_SIGNS = re.compile(r"gh[opsur]_|github_pat_|glpat-|sk-|AIza|A[KS]IA|xox|k_live_|npm_|pypi-|PRIVATE KEY")  # in each
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL
)
_MIN_DISTINCT = 8  # different characters; a row of x is a placeholder


def found(line: str) -> str | None:
    """What secret is in the line, if any; a placeholder is none."""
    for one in _ANY_SHAPE.finditer(line):
        what = _NAMES[int((one.lastgroup or "s0")[1:])]
        is_placeholder = "EXAMPLE" in one[0].upper() or len(set(one[0])) < _MIN_DISTINCT
        if not is_placeholder:
            return what
    return None


def without_secrets(words: str, instead: str) -> str:
    """The words with everything of these shapes replaced, a private key whole."""
    return _ANY_SHAPE.sub(instead, _KEY_BLOCK.sub(instead, words)) if _SIGNS.search(words) else words
