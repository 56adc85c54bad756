"""Which command runs the tests, and what its end is worth."""

from pathlib import Path

import pytest

from backend.words import Verdict
from backend.workspace import detect

UNITTEST = "import unittest\n\nclass T(unittest.TestCase):\n    def test_x(self): ...\n"
PYTEST = "import pytest\n\ndef test_x(): ...\n"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.mark.parametrize(
    ("files", "programs", "command"),
    [
        ({"tests/__init__.py": "", "tests/test_a.py": UNITTEST}, None, "python3 -m unittest"),
        ({"tests/__init__.py": "", "tests/test_a.py": UNITTEST}, {"python3"}, "python3 -m unittest"),
        ({"tests/test_a.py": UNITTEST}, None, "python3 -m unittest discover -s tests"),
        ({"test_a.py": UNITTEST}, None, "python3 -m unittest"),
        ({"tests/test_a.py": PYTEST}, {"python3"}, "python3 -m pytest"),
        ({"tests/test_a.py": "def test_x(): ..."}, None, "python3 -m pytest"),
        ({"pytest.ini": "", "tests/__init__.py": "", "tests/test_a.py": UNITTEST}, {"pytest"}, "python3 -m pytest"),
        ({"pytest.ini": "", "tests/__init__.py": "", "tests/test_a.py": UNITTEST}, {"python3"}, "python3 -m unittest"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, None, "python3 -m pytest"),
        ({"src/pkg/test_a.py": PYTEST}, None, "python3 -m pytest"),
        ({"package.json": '{"scripts": {"test": "vitest run"}}'}, None, "npm test"),
        ({"package.json": '{"scripts": {"test": "vitest"}}', "pnpm-lock.yaml": ""}, {"pnpm"}, "pnpm test"),
        ({"package.json": '{"scripts": {"test": "vitest"}}', "pnpm-lock.yaml": ""}, {"npm"}, "npm test"),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, None, None),
        ({"package.json": "[1, 2"}, None, None),
        ({"package.json": "[]"}, None, None),
        ({"go.mod": "module x", "a/b_test.go": ""}, None, "go test ./..."),
        ({"go.mod": "module x"}, None, None),
        ({"Cargo.toml": ""}, None, "cargo test"),
        ({"pom.xml": "", "src/test/java/AppTest.java": ""}, None, "mvn -B -o test"),
        ({"pom.xml": "", "mvnw": "", "core/src/test/java/AppTest.java": ""}, None, "sh ./mvnw -B -o test"),
        ({"pom.xml": "", "mvnw": "", "src/test/java/AppTest.java": ""}, {"mvn"}, "mvn -B -o test"),
        ({"pom.xml": "", "src/main/java/App.java": ""}, None, None),
        ({"build.gradle.kts": "", "src/test/kotlin/AppTest.kt": ""}, None, "gradle --offline --console=plain test"),
        (
            {"settings.gradle": "", "gradlew": "", "app/src/test/java/AppTest.java": ""},
            {"git"},
            "sh ./gradlew --offline --console=plain test",
        ),
        ({"Makefile": "all:\n\ntest: all\n\techo\n"}, None, "make test"),
        ({"Makefile": "test := x\n"}, None, None),
        ({"README.md": "x", "pyproject.toml": "not toml ["}, None, None),
        ({"node_modules/x/test_a.py": PYTEST}, None, None),
    ],
)
def test_the_command_follows_from_what_lies_there(
    tmp_path: Path, files: dict[str, str], programs: set[str] | None, command: str | None
) -> None:
    assert detect.test_command(tree(tmp_path, files), programs) == command


def test_links_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    tree(tmp_path / "outside", {"Makefile": "test:\n"})
    (tmp_path / "in").mkdir()
    (tmp_path / "in/Makefile").symlink_to(tmp_path / "outside/Makefile")
    (tmp_path / "in/tests").symlink_to(tmp_path / "outside")
    assert detect.test_command(tmp_path / "in") is None


@pytest.mark.parametrize(
    ("exit_code", "output", "killed_by", "verdict"),
    [
        (0, b"Ran 3 tests in 0.001s\n\nOK\n", None, Verdict.VERIFIED),
        (0, b"3 passed in 0.1s", None, Verdict.VERIFIED),
        (0, b"", None, Verdict.VERIFIED),
        (0, b"command not found, says a test\nRan 3 tests in 0.1s", None, Verdict.VERIFIED),
        (0, b"Ran 0 tests in 0.000s\n\nOK\n", None, Verdict.NOT_RUN),
        (5, b"Ran 0 tests in 0.000s\n\nNO TESTS RAN\n", None, Verdict.NOT_RUN),
        (5, b"no tests ran in 0.01s", None, Verdict.NOT_RUN),
        (0, b"?   \tx/a\t[no test files]\nok  \tx/b\t0.003s\n", None, Verdict.VERIFIED),
        (1, b"FAILED (failures=1)\nRan 3 tests in 0.1s", None, Verdict.FAILED),
        (1, b"/usr/bin/python3: No module named pytest\n", None, Verdict.CANNOT_RUN),
        (127, b"sh: 1: npm: not found\n", None, Verdict.CANNOT_RUN),
        (126, b"sh: 1: ./x: Permission denied\n", None, Verdict.CANNOT_RUN),
        (1, b'npm error Missing script: "test"', None, Verdict.CANNOT_RUN),
        (1, b"go: github.com/x: dial tcp: lookup proxy.golang.org: no such host", None, Verdict.CANNOT_RUN),
        (2, b"make: pytest: No such file or directory\nmake: *** [test] Error 127", None, Verdict.CANNOT_RUN),
        (1, b"E  Could not resolve host\n1 failed, 3 passed in 0.2s", None, Verdict.FAILED),
        (0, b"[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0\n[INFO] BUILD SUCCESS", None, Verdict.VERIFIED),
        (1, b"[ERROR] Tests run: 3, Failures: 1, Errors: 0\n[ERROR] There are test failures.", None, Verdict.FAILED),
        (0, b"[INFO] No tests to run.\n[INFO] BUILD SUCCESS", None, Verdict.NOT_RUN),
        (0, b"> Task :test NO-SOURCE\n\nBUILD SUCCESSFUL in 1s", None, Verdict.NOT_RUN),
        (1, b"3 tests completed, 1 failed\nUnknownHostException in a test", None, Verdict.FAILED),
        (1, b"Cannot access central in offline mode and the artifact x has not been", None, Verdict.CANNOT_RUN),
        (1, b"No cached version of junit:junit:4.13 available for offline mode.", None, Verdict.CANNOT_RUN),
        (1, b"ERROR: JAVA_HOME is not set and no 'java' command could be found", None, Verdict.CANNOT_RUN),
        (1, b"ModuleNotFoundError: No module named 'requests'", None, Verdict.FAILED),
        (-9, b"", "timeout", Verdict.FAILED),
        (-9, b"Ran 3 tests in 0.1s", "memory", Verdict.FAILED),
    ],
)
def test_an_end_is_worth_what_ran(exit_code: int, output: bytes, killed_by: str | None, verdict: Verdict) -> None:
    said, reason = detect.judge(exit_code, output, killed_by)
    assert said is verdict
    assert bool(reason) == (verdict is not Verdict.VERIFIED)
