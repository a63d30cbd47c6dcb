"""Contexts for the tests. They use the library that the package finds: set OCTGEMM_LIBRARY."""

import os

import hypothesis
import pytest

import octgemm

# CI machines are slow and shared: no deadlines. OCTGEMM_EXAMPLES=1000 looks longer.
hypothesis.settings.register_profile(
    "octgemm", deadline=None, max_examples=int(os.environ.get("OCTGEMM_EXAMPLES", "100"))
)
hypothesis.settings.load_profile("octgemm")


@pytest.fixture(scope="session", params=["cpu", "ref"])
def ctx(request):
    with octgemm.Context(request.param) as context:
        yield context
