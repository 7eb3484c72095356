"""No float on the money path, and every dtype written once."""

from __future__ import annotations

import ast
import re

import pytest

from tests.repo.sources import functions, modules, short, syntax

FLOATS_ALLOWED = {
    "money/amounts.py": "the converter of float columns, which accepts only what lies beside a minor unit",
}

DIVISIONS_ALLOWED = {
    ("money/amounts.py", "_only_amount"): "the converter of float columns, which compares floats with floats",
    ("money/rates.py", "_from_text"): "a fraction divided by 100",
}

INEXACT = {
    "mean", "average", "sqrt", "log", "log2", "log10", "log1p", "exp", "linspace", "divide", "true_divide",
    "float16", "float32", "float64", "longdouble", "double", "half", "single",
}  # fmt: skip
"""Names of numpy that make floats."""

DTYPES_ALLOWED = {
    ("money", "uint8"): "bytes of a text",
    ("money", "'S'"): "bytes of a text",
    ("money", "bool_"): "truth values are refused as amounts",
    ("_kernels", "int8"): "a counter of bits, at most 64",
    ("_kernels", "uint64"): "limbs of wide products, and hashes, which wrap round",
    ("periods", "'datetime64[us]'"): "the calendar arithmetic of numpy",
    ("periods", "datetime64"): "times as numpy gives them",
    ("_columns", "'datetime64[us]'"): "times as numpy gives them",
    ("_columns", "'datetime64[D]'"): "days as numpy gives them",
    ("_columns", "datetime64"): "times as numpy gives them",
    ("_labels", "timedelta64"): "a missing time as numpy gives it is no label",
    ("_labels", "'<i8'"): "a fingerprint is the same on machines of either byte order",
    ("genealogy", "'<i8'"): "a fingerprint is the same on machines of either byte order",
    ("tree", "'<i4'"): "a fingerprint is the same on machines of either byte order",
    ("placement", "'<i4'"): "a fingerprint is the same on machines of either byte order",
    ("settlement", "'<i8'"): "a fingerprint is the same on machines of either byte order",
}
"""Literal dtypes outside `_arrays`, and why each of them is not a column."""

SIZED = re.compile(r"(u?int(8|16|32|64|p)|float(16|32|64)|bool_|object_|datetime64|timedelta64|str_|bytes_)$")


def unit(path):
    """Return the module or package right under the root that a module belongs to."""
    return short(path).split("/")[0].removesuffix(".py")


def is_float(node):
    """Say whether a piece of syntax makes a float, or makes numpy make one."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float | complex)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
        return any(isinstance(arg, ast.Name) and arg.id == "float" for arg in node.args)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "bincount":
        # Counts are integers; sums of weights are floats, whatever the weights are.
        return len(node.args) > 1 or any(keyword.arg in (None, "weights") for keyword in node.keywords)
    if isinstance(node, ast.keyword):
        return node.arg == "dtype" and isinstance(node.value, ast.Name) and node.value.id == "float"
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in {"np", "math"}
        and node.attr in INEXACT
    )


@pytest.mark.parametrize("path", modules().values(), ids=short)
def test_no_floats(path):
    """No module makes floats, but for the one that converts them into money."""
    found = [
        node.lineno for node in ast.walk(syntax(path)) if not isinstance(node, ast.keyword) and is_float(node)
    ]
    found += [
        node.value.lineno
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.keyword) and is_float(node)
    ]
    assert found == [] or short(path) in FLOATS_ALLOWED


@pytest.mark.parametrize("path", modules().values(), ids=short)
def test_no_true_division(path):
    """Every division names its rounding: ``/`` occurs in named functions only, on fractions."""
    inside = {
        line: name for name, node in functions(path) for line in range(node.lineno, node.end_lineno + 1)
    }
    found = {
        inside.get(node.lineno, "")
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
    }
    assert {name for name in found if (short(path), name) not in DIVISIONS_ALLOWED} == set()


def dtype_literals(path):
    """Yield every dtype that a module writes itself, with its line."""
    for node in ast.walk(syntax(path)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in {"np", "numpy"}
            and SIZED.match(node.attr)
        ):
            yield node.attr, node.lineno
        given = []
        if isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
            if isinstance(node.func, ast.Attribute) and node.func.attr in {"astype", "view", "dtype"}:
                given += node.args
        for value in given:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield repr(value.value), value.lineno
            elif isinstance(value, ast.Name) and value.id in {"int", "bool", "str"}:
                # `object` has no width: Python integers and labels.
                yield value.id, value.lineno


@pytest.mark.parametrize("path", modules().values(), ids=short)
def test_dtypes_are_written_once(path):
    """Only `_arrays` writes dtypes; the few others are no columns, and say why."""
    found = [] if short(path) == "_arrays.py" else list(dtype_literals(path))
    assert [entry for entry in found if (unit(path), entry[0]) not in DTYPES_ALLOWED] == []


def test_exceptions_shrink():
    """An exception that nothing needs any more leaves its list."""
    dtypes = {(unit(path), dtype) for path in modules().values() for dtype, _ in dtype_literals(path)}
    assert set(DTYPES_ALLOWED) - dtypes == set()
    floats = {short(path) for path in modules().values() if any(map(is_float, ast.walk(syntax(path))))}
    assert set(FLOATS_ALLOWED) - floats == set()
    divisions = {
        (short(path), name)
        for path in modules().values()
        for name, function in functions(path)
        if any(
            isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            for node in ast.walk(function)
        )
    }
    assert set(DIVISIONS_ALLOWED) - divisions == set()


@pytest.mark.parametrize(
    ("code", "floats", "dtypes"),
    [
        ("x = 0.5", 1, []),
        ("x = float(y)", 1, []),
        ("x = y.astype(float)", 1, []),
        ("x = np.zeros(3, dtype=float)", 1, []),
        ("x = np.mean(y)", 1, []),
        ("x = np.zeros(3, dtype=np.int64)", 0, ["int64"]),
        ("x = y.astype('<i8')", 0, ["'<i8'"]),
        ("x = np.asarray(y, dtype=bool)", 0, ["bool"]),
        ("def f(x: np.int32) -> None: ...", 0, ["int32"]),
        ("x = np.zeros(3, dtype=MINOR)", 0, []),
        ("x = np.empty(3, dtype=object)", 0, []),
        ("x = isinstance(y, np.integer | np.floating)", 0, []),
    ],
)
def test_checks_fire(tmp_path, code, floats, dtypes):
    """The checks find what they look for, and nothing else."""
    path = tmp_path / "sample.py"
    path.write_text(code, encoding="utf-8")
    assert sum(map(is_float, ast.walk(syntax(path)))) == floats
    assert [name for name, _ in dtype_literals(path)] == dtypes
