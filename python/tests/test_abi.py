"""The structs and functions declared in Python are those of octgemm.h."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import octgemm
from octgemm import _library

HEADER = Path(__file__).parents[2] / "include" / "octgemm.h"
STRUCTS = {
    "octgemm_args": _library.Args,
    "octgemm_quantize_args": _library.QuantizeArgs,
    "octgemm_info": _library.InfoStruct,
}

needs_header = pytest.mark.skipif(not HEADER.exists(), reason="not in the source tree")


def declared(name):
    """What Python says of a struct: its size, then each field with offset and size."""
    struct = STRUCTS[name]
    fields = [(field, getattr(struct, field)) for field, _type in struct._fields_]
    return [f"{name} {_library.ctypes.sizeof(struct)}"] + [
        f"{field} {place.offset} {place.size}" for field, place in fields
    ]


@needs_header
@pytest.mark.skipif(not shutil.which(os.environ.get("CC", "cc")), reason="no C compiler")
def test_structs(tmp_path):
    prints = []
    for name, struct in STRUCTS.items():
        prints.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field, _type in struct._fields_:
            member = f"(({name} *)0)->{field}"
            prints.append(
                f'printf("{field} %zu %zu\\n", offsetof({name}, {field}), sizeof({member}));'
            )
    source = tmp_path / "structs.c"
    source.write_text(
        '#include "octgemm.h"\n#include <stdio.h>\nint main(void)\n{\n' + "\n".join(prints) + "\n}\n"
    )
    program = tmp_path / "structs"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, f"-I{HEADER.parent}", source, "-o", program], check=True)
    said = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert said.splitlines() == [line for name in STRUCTS for line in declared(name)]


@needs_header
def test_every_field_is_declared():
    """A field that the header gained at the end would change no offset."""
    header = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    for name, struct in STRUCTS.items():
        body = re.search(r"typedef struct %s \{(.*?)\}" % name, header, re.S).group(1)
        names = [
            declarator.split()[-1].lstrip("*")
            for line in body.split(";")
            for declarator in line.split(",")
            if declarator.strip()
        ]
        assert names == [field for field, _type in struct._fields_]


@needs_header
def test_every_function_is_declared():
    exported = set(re.findall(r"\b(octgemm_\w+)\(", HEADER.read_text()))
    called = set(re.findall(r"OCTGEMM_API [^;]*?\b(octgemm_\w+)\(", HEADER.read_text(), re.S))
    assert called and called <= exported
    assert called == set(_library._FUNCTIONS)


@needs_header
def test_enums():
    header = HEADER.read_text()
    values = {name: int(value) for name, value in re.findall(r"OCTGEMM_(\w+)\s*=\s*(\d+)", header)}
    for status in octgemm.Status:
        assert values["OK" if status == 0 else f"ERR_{status.name}"] == status
    for element in _library.Element:
        assert values[element.name] == element
    assert (values["SCALE_ROW"], values["SCALE_TENSOR"]) == (
        _library.SCALE_ROW,
        _library.SCALE_TENSOR,
    )
    assert (values["B_ROWS"], values["B_PACKED"]) == (_library.B_ROWS, _library.B_PACKED)
