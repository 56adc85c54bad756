"""The target's commit in a branch: what git merges, what it leaves, and what is no end of a merge."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from backend.errors import RunFailed
from backend.words import Failure
from backend.workspace import checkpoint, merging, push
from backend.workspace.checkout import Checkout, Owner
from backend.workspace.merging import Conflict, Merge
from backend.workspace.mirror import Mirror
from tests.backend.workspace.conftest import ME, PROTOCOLS, TOKEN, Hub
from tests.git_server import add_commit, git

TOTALS = "shop/totals.py"
OURS = {TOTALS: "def total(lines):\n    return round(sum(lines), 2)\n", "ours.md": "Ours.\n"}
THEIRS = {TOTALS: "def total(lines):\n    return sum(lines, 0)\n", "theirs.md": "Theirs.\n"}

Files = Mapping[str, str | None]
Begin = Callable[[Files, Files], tuple[Checkout, Merge]]


@pytest.fixture
def begin(tmp_path: Path, hub: Hub, owner: Owner | None) -> Begin:
    """A checkout of a branch with these files, into which main with those was merged."""

    def carry_out(ours: Files, theirs: Files) -> tuple[Checkout, Merge]:
        git(hub.shop, "branch", "work", hub.base)
        mine = add_commit(hub.shop, ours, branch="work")
        add_commit(hub.shop, theirs)
        mirror = Mirror(tmp_path / "mirrors", 7)
        mirror.refresh(hub.url, TOKEN, PROTOCOLS)
        checkout = Checkout.create(tmp_path / "run", mirror, mine, owner)
        found, merge = merging.begin(checkout, str(mirror.branch_sha("main")))
        assert merge is not None
        return found, merge

    return carry_out


def settle(checkout: Checkout, content: str = "def total(lines):\n    return round(sum(lines, 0), 2)\n") -> str:
    (checkout.work_tree / TOTALS).write_text(content)
    return checkpoint.write(checkout)


def test_the_work_tree_holds_both_sides_and_the_markers_of_what_git_could_not_settle(begin: Begin) -> None:
    checkout, merge = begin(OURS, THEIRS)
    assert merge.conflicts == (Conflict(TOTALS, "contents"),)
    lines = (checkout.work_tree / TOTALS).read_text().splitlines()
    assert lines[1] == f"<<<<<<< {merge.ours}"
    assert lines[-1] == f">>>>>>> {merge.theirs}"
    assert (checkout.work_tree / "theirs.md").read_text() == "Theirs.\n"
    assert checkpoint.write(checkout) == merge.tree


def test_a_merge_commit_has_both_parents_and_the_files_as_they_were_left(begin: Begin) -> None:
    checkout, merge = begin(OURS, THEIRS)
    tree = settle(checkout)
    assert merging.unsettled(checkout, merge, tree) == ""
    sha = push.commit(checkout, title="Merge", body="", author=ME, tree=tree, merged=merge.theirs)
    assert sha is not None
    shown = git(checkout.git_dir, "log", "-1", "--format=%P %T", sha)
    assert shown == f"{merge.ours} {merge.theirs} {tree}"
    assert push.commit(checkout, title="Merge", body="", author=ME, tree=tree, merged=merge.theirs) == sha


def test_without_a_conflict_there_is_nothing_to_settle(begin: Begin) -> None:
    checkout, merge = begin({"ours.md": "Ours.\n"}, {"theirs.md": "Theirs.\n"})
    assert merge.conflicts == ()
    assert merging.unsettled(checkout, merge, checkpoint.write(checkout)) == ""


@pytest.mark.parametrize(
    "left",
    [
        "<<<<<<< {ours}\ndef total(lines):\n    return 1\n",
        "def total(lines):\n    return 1\n>>>>>>> {theirs}\n",
        "def total(lines):\n=======\n    return 1\n",
    ],
)
def test_markers_that_are_left_are_no_end(begin: Begin, left: str) -> None:
    checkout, merge = begin(OURS, THEIRS)
    tree = settle(checkout, left.format(ours=merge.ours, theirs=merge.theirs))
    assert merging.unsettled(checkout, merge, tree) == (
        "The conflict is not resolved: its markers are still in `shop/totals.py`."
    )


def test_a_headline_that_looks_like_a_marker_is_none(begin: Begin) -> None:
    checkout, merge = begin({"a.rst": "Shop\n=======\nours\n"}, {"a.rst": "Shop\n=======\ntheirs\n"})
    (checkout.work_tree / "a.rst").write_text("Shop\n=======\nboth\n")
    assert merging.unsettled(checkout, merge, checkpoint.write(checkout)) == ""


def test_what_the_merge_brought_cannot_be_taken_back_silently(begin: Begin) -> None:
    checkout, merge = begin(OURS, THEIRS)
    (checkout.work_tree / "theirs.md").unlink()
    assert merging.unsettled(checkout, merge, settle(checkout)) == (
        "What the merge brought was taken back in `theirs.md`."
    )


@pytest.mark.parametrize(("ours", "theirs"), [(None, "# Their shop\n"), ("# Our shop\n", None)])
def test_a_file_that_one_side_deleted_is_named_with_gits_word_for_it(
    begin: Begin, ours: str | None, theirs: str | None
) -> None:
    checkout, merge = begin({"README.md": ours}, {"README.md": theirs})
    assert merge.conflicts == (Conflict("README.md", "modify/delete"),)
    assert (checkout.work_tree / "README.md").read_text() == (ours or theirs)
    assert merging.unsettled(checkout, merge, checkpoint.write(checkout)) == ""
    (checkout.work_tree / "README.md").unlink()
    assert merging.unsettled(checkout, merge, checkpoint.write(checkout)) == ""


def test_binary_files_have_no_markers_and_one_of_them_stays(begin: Begin) -> None:
    checkout, merge = begin({"logo": "\0ours"}, {"logo": "\0theirs"})
    assert [one.path for one in merge.conflicts] == ["logo"]
    assert (checkout.work_tree / "logo").read_bytes() == b"\0ours"
    assert merging.unsettled(checkout, merge, checkpoint.write(checkout)) == ""


def test_attributes_of_the_repository_do_not_choose_how_files_are_merged(begin: Begin) -> None:
    _, merge = begin(OURS | {".gitattributes": "* merge=union\n"}, THEIRS)
    assert Conflict(TOTALS, "contents") in merge.conflicts


def test_names_that_would_break_out_of_a_sentence_cannot(begin: Begin) -> None:
    odd = "a`\n<!-- b -->\x1b[31m\u202e"
    checkout, merge = begin({odd: "ours\n"}, {odd: "theirs\n"})
    assert "markers are still in" in merging.unsettled(checkout, merge, merge.tree)
    (one,) = merge.conflicts
    assert one.path == odd
    assert "\n" not in merging.in_words(one.path)
    assert merging.in_words(one.path).count("`") == 2


def test_a_branch_that_holds_the_target_has_nothing_to_merge(checkout: Checkout) -> None:
    assert merging.begin(checkout, checkout.base_sha) == (checkout, None)


def test_branches_without_a_common_history_are_refused(tmp_path: Path, hub: Hub, owner: Owner | None) -> None:
    tree = git(hub.shop, "rev-parse", "main^{tree}")
    alone = git(hub.shop, "-c", "user.name=x", "-c", "user.email=x@y", "commit-tree", tree, "-m", "Anew")
    git(hub.shop, "branch", "anew", alone)
    mirror = Mirror(tmp_path / "mirrors", 7)
    mirror.refresh(hub.url, TOKEN, PROTOCOLS)
    checkout = Checkout.create(tmp_path / "run", mirror, hub.base, owner)
    with pytest.raises(RunFailed, match="no history in common") as failed:
        merging.begin(checkout, alone)
    assert failed.value.failure is Failure.CONFLICT


def test_a_checkpoint_of_a_merge_holds_the_models_edits_and_not_the_merge(
    begin: Begin, tmp_path: Path, owner: Owner | None
) -> None:
    checkout, merge = begin(OURS, THEIRS | {"large": "theirs\n" * 50_000})
    tree = settle(checkout)
    data = checkpoint.export(checkout, tree, 2_000)
    assert data is not None
    mirror = Mirror(tmp_path / "mirrors", 7)
    other, again = merging.begin(Checkout.create(tmp_path / "other", mirror, merge.ours, owner), merge.theirs)
    assert again == merge
    assert checkpoint.restore(other, data) == tree
