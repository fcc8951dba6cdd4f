"""The pages Run and Runs, each opened alone."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vae_core.runs import Run
from vae_core.ui.studio import steer

RUN, LIST = "../pages/train/run.py", "../pages/train/runs.py"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    # One page alone knows no others: where it leads to is written down instead.
    monkeypatch.setattr(steer.st, "switch_page", lambda page, query_params: None)
    monkeypatch.setattr(steer.st, "page_link", _link)
    return tmp_path


def _link(page: str, *, label: str, query_params: dict | None = None, **look) -> None:
    steer.st.markdown(f"{label} → {page} {query_params or ''}")


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of every run lives, as far as can be seen."""
    monkeypatch.setattr(Run, "_lives", lambda self, status: True)


def opened(run: Run | str, **address: str) -> AppTest:
    app = AppTest.from_file(RUN, default_timeout=60)
    app.query_params.update({"run": run if isinstance(run, str) else run.id} | address)
    app.run()
    assert not app.exception
    return app


def listed(**address: str) -> AppTest:
    app = AppTest.from_file(LIST, default_timeout=60)
    app.query_params.update(address)
    app.run()
    assert not app.exception
    return app


def buttons(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def html_of(app: AppTest) -> str:
    return "\n".join(block.proto.body for block in app.get("html"))


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.caption, *app.markdown, *app.subheader])


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()
