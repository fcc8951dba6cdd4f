"""What the README shows works as it stands there."""

import re
from pathlib import Path

import pytest
from PIL import Image

from vae_core.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    variables: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), variables)
    assert Image.open(tmp_path / "walk.png").size == ((9 * 9 - 1) * 8, 64)
    assert variables["plane"].coords.shape == (1797, 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"-m vae_core (\w+)", README))))
def test_every_command_it_names_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out.lower()


def test_pictures_and_folders_it_names_are_there() -> None:
    for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
    for model in re.findall(r"--model ([\w-]+)", README):
        assert (ROOT / "checkpoints" / model).is_dir(), model


def test_every_dependency_is_named_with_its_reason() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [re.split(r"[\[=~<>]", line)[0] for line in lines if line and line[0] != "#"]
    table = README[README.index("Every dependency, and why") :]
    missing = [package for package in packages if package.lower() not in table.lower()]
    assert missing == []
