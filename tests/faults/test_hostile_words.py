"""H4 and H6: words that would be SQL, and bytes that would be a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import LakeError
from jobs.extract.place import check_file
from tests.commands import typed_at
from tests.little import World
from tests.policies.source_trees import called, imports_of, modules

INJECTED = (
    "reg.things; DROP TABLE x",
    "x' OR '1'='1",
    "x`; DELETE FROM y --",
    "../../etc",
    "{{ 7 * 7 }}",
    "$(touch seen)",
)
COMMANDS = (
    ("run", "--dataset"), ("run", "--source"), ("run", "--city"), ("run", "--date"), ("plan", "--dataset"), ("bronze", "--date", "2025-01-01", "--dataset"),
    ("describe",), ("explain",), ("quarantine", "list", "--dataset"), ("check", __file__, "--dataset"), ("trace", "--key", "period=2013"),
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_sql_in_a_name_is_refused_before_anything_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    command, before = typed_at(world, monkeypatch, capsys), sorted(Path(world.lake.base).rglob("*"))
    monkeypatch.setattr("jobs.session.open_session", lambda *_, **__: pytest.fail("no session is needed to see that"))
    for text in INJECTED:
        code, _, said = command(*words, text)
        assert (code, said[:4] in ("E002", "E004", "E005", "E813"), "Traceback" in said) == (2, True, False), (
            text,
            said,
        )
    assert sorted(Path(world.lake.base).rglob("*")) == before
    assert not Path("seen").exists()


@pytest.mark.parametrize(
    ("name", "code"),
    [("../x.csv", "E121"), ("..", "E121"), ("a\nb.csv", "E812"), ("a\u202eb.csv", "E812"), ("a;b.csv", "E812"), ("`x`.csv", "E812"), ("x" * 256, "E812")],
)  # fmt: skip
def test_a_supplier_cannot_choose_a_name_that_does_harm(name: str, code: str) -> None:
    with pytest.raises(LakeError) as refused:
        check_file(name, is_folder=False)
    assert refused.value.code == code
    assert "\n" not in refused.value.where.place


@pytest.mark.parametrize("name", modules())
def test_nothing_of_the_product_can_unpickle(name: str) -> None:
    assert {x.split(".")[0] for x in imports_of(name)} & {
        "pickle",
        "marshal",
        "shelve",
        "dill",
        "cloudpickle",
        "joblib",
    } == set()
    assert called(name) & {"read_pickle", "unsafe_load", "eval", "exec", "system", "popen"} == set()
