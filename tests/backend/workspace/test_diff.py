"""What changed, and what of it a person must be told."""

import subprocess
from pathlib import Path

import pytest

from backend.workspace import diff, push
from backend.workspace.checkout import Checkout, Owner
from backend.workspace.diff import FileChange
from backend.workspace.mirror import Mirror
from tests.backend.workspace.conftest import ME


def change(patch: str, path: str = "tests/test_a.py", status: str = "modified") -> FileChange:
    return FileChange(
        path, None, status, 1, 1, False, f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n{patch}"
    )


def committed(checkout: Checkout) -> str:
    sha = push.commit(checkout, title="Change", body="", author=ME)
    assert sha is not None
    return sha


def test_a_change_is_measured_from_where_it_left_the_target(checkout: Checkout) -> None:
    (checkout.work_tree / "README.md").write_text("# Ours\n")
    ours = committed(checkout)
    made = {"GIT_AUTHOR_NAME": "B", "GIT_AUTHOR_EMAIL": "b@x", "GIT_COMMITTER_NAME": "B", "GIT_COMMITTER_EMAIL": "b@x"}
    tree = f"{checkout.base_sha}^{{tree}}"
    target = checkout.git(["commit-tree", tree, "-p", checkout.base_sha, "-m", "theirs"], env=made).decode().strip()
    stranger = checkout.git(["commit-tree", tree, "-m", "made anew"], env=made).decode().strip()
    assert diff.merge_base(checkout, target, ours) == checkout.base_sha
    assert diff.merge_base(checkout, ours, ours) == ours
    assert diff.merge_base(checkout, stranger, ours) == diff.merge_base(checkout, None, ours) == checkout.base_sha


def test_a_file_over_the_limit_is_named_and_an_old_one_is_not(checkout: Checkout) -> None:
    (checkout.work_tree / "large file").write_bytes(b"x" * 1_001)
    (checkout.work_tree / "small").write_bytes(b"x" * 1_000)
    (checkout.work_tree / "README.md").unlink()
    sha = committed(checkout)
    assert diff.larger_than(checkout, checkout.base_sha, sha, 1_000) == ["large file"]
    assert diff.larger_than(checkout, sha, sha, 0) == []


def test_every_kind_of_change_is_told_apart(checkout: Checkout) -> None:
    tree = checkout.work_tree
    (tree / "shop/totals.py").write_text("def total(lines):\n    return round(sum(lines), 2)\n")
    (tree / "README.md").unlink()
    (tree / "run.sh").rename(tree / "start.sh")
    (tree / "picture").write_bytes(b"\0\1\2")
    (tree / "shop/__init__.py").unlink()
    (tree / "shop/__init__.py").symlink_to("totals.py")
    found = {one.path: one for one in diff.changed_files(checkout, checkout.base_sha, committed(checkout))}
    assert {path: one.status for path, one in found.items()} == {
        "README.md": "deleted",
        "picture": "added",
        "shop/__init__.py": "type_changed",
        "shop/totals.py": "modified",
        "start.sh": "renamed",
    }
    assert found["start.sh"].old_path == "run.sh"
    assert (found["picture"].is_binary, found["picture"].patch) == (True, "")
    assert (found["shop/totals.py"].added, found["shop/totals.py"].removed) == (1, 1)
    assert "+    return round(sum(lines), 2)" in found["shop/totals.py"].patch
    assert "new file mode 120000" in found["shop/__init__.py"].patch


def test_attributes_cannot_hide_a_change(checkout: Checkout) -> None:
    (checkout.work_tree / ".gitattributes").write_text("* binary -diff\n")
    (checkout.work_tree / "key.txt").write_text("ghp_abcdefghijklmnopqrstuvwxyz0123456789\n")
    changes = diff.changed_files(checkout, checkout.base_sha, committed(checkout))
    assert not any(one.is_binary for one in changes)
    assert [finding.path for finding in diff.scan_secrets(changes)] == ["key.txt"]


def test_the_recovery_patch_applies_to_the_base(
    checkout: Checkout, mirror: Mirror, owner: Owner | None, tmp_path: Path
) -> None:
    (checkout.work_tree / "picture").write_bytes(bytes(range(256)))
    (checkout.work_tree / "README.md").write_text("# Other\n")
    committed(checkout)
    with diff.patch(checkout, checkout.base_sha, "HEAD") as file:
        patch = file.read()
    other = Checkout.create(tmp_path / "by-hand", mirror, checkout.base_sha, owner)
    command = ["git", "-c", "safe.directory=*", "apply", "--index", "-"]
    subprocess.run(command, cwd=other.work_tree, input=patch, check=True)
    assert (other.work_tree / "picture").read_bytes() == bytes(range(256))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("token = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'", "a GitHub token"),
        ("github_pat_11ABCDEFG0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklm", "a GitHub token"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "a private key"),
        ("key = 'sk-ant-" + "api03-0a1B2c3D4e5F6g7H8i9J'", "an Anthropic key"),
        ("AWS_KEY=AKIAQ3EGRXJ7ZP2LMNBV", "an AWS key"),
        ("password = 'my own value'", "one of your own secrets"),
    ],
)
def test_a_secret_in_an_added_line_is_found_with_its_place(line: str, what: str) -> None:
    changes = [change(f" before\n-old\n+{line}\n after\n", "settings.py")]
    assert diff.scan_secrets(changes, ["my own value"]) == [diff.Finding("settings.py", 2, what)]


@pytest.mark.parametrize(
    "line",
    ["ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "AKIAIOSFODNN7EXAMPLE", "sk-short", "-----BEGIN PUBLIC KEY-----"],
)
def test_a_placeholder_is_no_secret(line: str) -> None:
    assert diff.scan_secrets([change(f"+{line}\n")], ["short"]) == []


def test_a_secret_that_is_removed_stops_nothing() -> None:
    assert diff.scan_secrets([change("-ghp_abcdefghijklmnopqrstuvwxyz0123456789\n+clean\n")]) == []


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("-def test_total():\n-    assert total([]) == 0\n", ["tests/test_a.py: test_total was removed"]),
        ("+@pytest.mark.skip\n def test_total():\n", ["tests/test_a.py: a test is skipped now"]),
        ("+        self.skipTest('later')\n", ["tests/test_a.py: a test is skipped now"]),
        ("-    assert a == 1\n-    assert b == 2\n+    pass\n", ["tests/test_a.py: it has 2 assertions less"]),
        ("-    assert a == 1\n+    assert a == 2\n", []),
        ("-def test_total():\n+def test_total(cart):\n", []),
        ("-@pytest.mark.skip\n def test_total():\n", []),
        (
            '-    @Test\n-    @DisplayName("x")\n-    public void totals() throws Exception {\n-    }\n+    // gone\n',
            ["tests/test_a.py: totals was removed"],
        ),
        (
            "-  @Test fun `adds cents`() {\n+  @Test fun `adds more`() {\n",
            ["tests/test_a.py: `adds cents` was removed"],
        ),
        ("-    @Test\n-    void totals() {\n+    @Test\n+    void totals() {\n+        int x = 1;\n", []),
    ],
)
def test_weakened_tests_are_named(patch: str, said: list[str]) -> None:
    assert diff.weakened_tests([change(patch)]) == said
    assert diff.weakened_tests([change(patch, "shop/totals.py")]) == []


@pytest.mark.parametrize(
    "path", ["tests/a.py", "test_a.py", "src/__tests__/a.js", "a.spec.ts", "a_test.go", "ATests.java"]
)
def test_a_deleted_test_file_is_named(path: str) -> None:
    assert diff.weakened_tests([change("-x\n", path, "deleted")]) == [f"{path} was deleted"]


def test_of_very_many_weakened_tests_some_are_named_and_the_others_counted() -> None:
    found = diff.weakened_tests([change("-x\n", f"tests/test_{number}.py", "deleted") for number in range(250)])
    assert len(found) == 101 and found[-1] == "and 150 more"
