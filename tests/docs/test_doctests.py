"""Every example in a docstring of the library runs, and documented parameters exist."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
import re
from importlib import import_module

import pytest

import fenxiao

MODULES = sorted(["fenxiao", *(found.name for found in pkgutil.walk_packages(fenxiao.__path__, "fenxiao."))])


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    """The `>>>` examples of a module give what they show."""
    assert doctest.testmod(import_module(name)).failed == 0


def documented(thing):
    """Return the names in the section of parameters of a docstring."""
    text = inspect.cleandoc(thing.__doc__ or "")
    found = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-{3,}$|\Z)", text, re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^(?=\S)(.+)$", found[1], re.MULTILINE) if found else []
    names = [re.split(r", | and ", head.partition(" : ")[0].replace("*", "")) for head in heads]
    return {name for group in names for name in group}


def callables():
    """Yield every public class and function, and their public methods."""
    for name in fenxiao.__all__:
        thing = getattr(fenxiao, name)
        yield name, thing
        for key, member in inspect.getmembers(thing) if inspect.isclass(thing) else []:
            if not key.startswith("_") and (inspect.isfunction(member) or inspect.ismethod(member)):
                yield f"{name}.{key}", member


@pytest.mark.parametrize(
    ("name", "thing"), list(callables()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_documented_parameters_exist(name, thing):
    """A docstring names parameters of the signature only; those of attrs classes are their fields."""
    names = documented(thing)
    if names:
        assert names <= set(inspect.signature(thing).parameters), name
