"""The README's programs run."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_programs(capsys):
    names = {}
    for program in re.findall(r"```python\n(.*?)```", README.read_text(), re.S):
        if "import torch" in program:
            pytest.importorskip("torch")
        exec(program, names)
    assert "[64 64 64 64 64 64 64 64]" in capsys.readouterr().out
