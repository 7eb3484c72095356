"""Every example in a docstring of the library runs."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import fenxiao

MODULES = sorted(["fenxiao", *(found.name for found in pkgutil.walk_packages(fenxiao.__path__, "fenxiao."))])


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    """The `>>>` examples of a module give what they show."""
    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.parametrize("name", sorted(fenxiao.__all__))
def test_public_names_are_documented_by_example(name):
    """Every public name that is called has a docstring; classes and functions of plans show an example."""
    assert (getattr(fenxiao, name).__doc__ or "").strip()
