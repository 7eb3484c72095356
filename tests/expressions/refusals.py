"""What every refusal of the library has to look like, checked in one place."""

from __future__ import annotations

import pickle

import pytest

from fenxiao.errors import FenxiaoError


def refused(make, kind, *parts, absent=()):
    """Return the error that `make` raises, after checking that its message is readable and free of labels."""
    with pytest.raises(FenxiaoError) as caught:
        make()
    error = caught.value
    assert isinstance(error, kind), f"{type(error).__name__}: {error}"
    text = str(error)
    assert text.startswith(f"{error.thing}: {error.problem}")
    assert error.thing
    assert error.problem
    assert error.allowed or error.hint, f"says neither what is allowed nor what to do: {text}"
    assert text.endswith((".", "?"))
    assert "\n" not in text
    assert "object at 0x" not in text
    for part in parts:
        assert part in text, f"{part!r} is not in {text!r}"
    for label in (*error.labels, *absent):
        assert str(label) not in text
    again = pickle.loads(pickle.dumps(error)) if not error.labels else error
    assert (str(again), type(again)) == (text, type(error))
    return error
