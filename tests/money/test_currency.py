"""Currencies."""

from __future__ import annotations

import pytest

from fenxiao.errors import MoneyError
from fenxiao.money import Currency


@pytest.mark.parametrize(
    ("code", "decimals"),
    [("CNY", 2), ("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UYW", 4), ("VND", 0)],
)
def test_iso_decimals(code: str, decimals: int) -> None:
    """Codes of ISO 4217 have the decimals of their minor unit."""
    currency = Currency.of(code)
    assert (currency.code, currency.decimals) == (code, decimals)
    assert Currency.of(currency) is currency
    assert eval(repr(currency)) == currency
    assert len({currency, Currency.of(code)}) == 1


@pytest.mark.parametrize("decimals", [0, 12])
def test_own_currency(decimals: int) -> None:
    """A shop may define a currency of its own with up to twelve decimals."""
    assert Currency("POINTS", decimals=decimals).decimals == decimals


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Currency.of("XYZ"), r'Currency\("XYZ", decimals=\.\.\.\)'),
        (lambda: Currency.of("cny"), "capitals"),
        (lambda: Currency.of(""), "ISO 4217"),
        (lambda: Currency.of(156), "ISO 4217"),
        (lambda: Currency("", decimals=2), "not a code"),
        (lambda: Currency(" CNY", decimals=2), "not a code"),
        (lambda: Currency(1, decimals=2), "not a code"),
        (lambda: Currency("X", decimals=13), "0 to 12"),
        (lambda: Currency("X", decimals=-1), "0 to 12"),
        (lambda: Currency("X", decimals=True), "0 to 12"),
        (lambda: Currency("X", decimals=2.0), "0 to 12"),
    ],
)
def test_invalid_currencies_are_refused(call: object, text: str) -> None:
    """An unknown code or impossible decimals raise an error that names the next step."""
    with pytest.raises(MoneyError, match=text) as caught:
        call()
    assert caught.value.hint
