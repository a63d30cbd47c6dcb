"""The programs in the README and in doc/coming-from.md run; the C of the latter compiles."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
TOP = HERE.parent
COMING_FROM = TOP / "doc" / "coming-from.md"


def programs(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S)


@pytest.mark.parametrize("page", [HERE / "README.md", COMING_FROM], ids=lambda page: page.name)
def test_python(page):
    if not page.exists():
        pytest.skip("not in the source tree")
    found = programs(page, "python")
    assert found
    names = {}
    for program in found:
        if "import torch" in program:
            pytest.importorskip("torch")
        exec(program, names)


@pytest.mark.skipif(not COMING_FROM.exists(), reason="not in the source tree")
@pytest.mark.skipif(not shutil.which(os.environ.get("CC", "cc")), reason="no C compiler")
def test_c(tmp_path):
    found = programs(COMING_FROM, "c")
    assert found
    source = tmp_path / "page.c"
    source.write_text('#include "octgemm.h"\n' + "\n".join(found))
    flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{TOP / 'include'}"]
    subprocess.run([os.environ.get("CC", "cc"), *flags, source], check=True)
