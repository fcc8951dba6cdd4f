"""The page Runs, with runs that were never trained."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from tests import run_pages
from tests.run_pages import buttons, html_of, listed, opened, press, words
from tests.small_runs import save_run
from vae_core import runs
from vae_core.ui.studio.words import ago, duration, size

home, alive = run_pages.home, run_pages.alive


def test_deleted_and_brought_back() -> None:
    run = save_run("mine")
    app = press(opened(run), "Delete")
    assert runs.listing() == []
    app = listed(deleted=run.id)
    assert run.id in words(app).replace("\\", "")
    app = press(app, "Undo")
    assert runs.listing() == [run]
    assert "deleted" not in app.query_params
    gone = listed(deleted="nope")
    assert "no run 'nope' in the trash" in gone.toast[0].value.replace("\\", "")
    assert "Undo" not in buttons(gone)


def test_the_trash_is_looked_through_and_emptied() -> None:
    kept, first, second = (save_run(name) for name in ("kept", "first", "second"))
    first.delete()
    second.delete()
    app = listed()
    (trash,) = app.get("popover")
    assert trash.proto.popover.label.startswith("Trash (2, ")
    app.button(key=f"restore-{first.id}").click().run()
    assert set(runs.listing()) == {kept, first}
    press(app, "Empty the trash")
    assert runs.trashed() == []
    assert "Empty the trash" not in buttons(app)


def test_no_runs_yet() -> None:
    assert "No runs yet" in html_of(listed())


@pytest.mark.usefixtures("alive")
def test_the_list_says_how_each_stands() -> None:
    save_run("first", epochs=5)
    save_run("second", "running", epochs=10, done=4)
    save_run("plain", "paused", done=0, deterministic=True)
    text = html_of(listed())
    assert text.count('class="le-run"') == 3
    assert text.index("plain") < text.index("second") < text.index("first")  # the newest first
    assert "<dt>loss</dt><dd>25.6</dd>" in text  # of 20 + 10/5 + 1 and 3 - 2/5
    assert "<dt>epochs</dt><dd>4 of 10</dd>" in text
    assert 'le-green">done' in text
    assert 'style="width:40.0%"' in text


def test_curves_of_chosen_runs_are_laid_over_each_other() -> None:
    ids = [save_run(name).id for name in ("one", "two", "two", "four", "five")]
    app = listed()
    chosen = app.multiselect(key="compare")
    assert chosen.value == ids[:1:-1]  # the newest three
    assert len([option for option in chosen.options if option.startswith("two (")]) == 2
    assert len(app.get("bidi_component")) == 1
    chosen.set_value([]).run()
    assert not app.exception


def test_a_run_is_deleted_in_the_list() -> None:
    kept, gone = save_run("kept"), save_run("gone")
    app = listed()
    app.button(key=f"delete-{gone.id}").click().run()
    assert runs.listing() == [kept]
    assert app.query_params["deleted"] in (gone.id, [gone.id])
    assert "Undo" in buttons(app)


def test_a_damaged_run_takes_no_other_with_it() -> None:
    whole = save_run("whole")
    broken = [save_run("broken"), save_run("empty")]
    (broken[0].directory / "status.json").write_text("{")
    (broken[1].directory / "request.json").write_text("")
    app = listed()
    assert html_of(app).count('class="le-run"') == 3
    assert html_of(app).count(">cannot be read<") == 2
    for page in (opened(whole), AppTest.from_file("../pages/train/train.py").run(timeout=60)):
        assert not page.exception
        assert not page.error
    for run in broken:
        app.button(key=f"delete-{run.id}").click().run()
    assert runs.listing() == [whole]


def test_numbers_as_people_read_them() -> None:
    assert [duration(x) for x in (0.44, 9.96, 59.6, 61, 3599, 3601, 7500, 200_000)] == [
        "0.4 s", "10 s", "1 min 0 s", "1 min 1 s", "1 h 0 min", "1 h 0 min", "2 h 5 min",
        "2.3 days",
    ]  # fmt: skip
    assert [size(x) for x in (0, 740, 7_300_000, 128e6, 999_900, 1.94e9)] == [
        "0 bytes", "740 bytes", "7.3 MB", "128 MB", "1.0 MB", "1.9 GB",
    ]  # fmt: skip
    now = time.time()
    assert ago(now - 5, now) == "just now"
    assert ago(now - 310, now) == "5 min ago"
    assert ago(now - 7300, now) == "2 h ago"
    assert "ago" not in ago(now - 90_000, now)
