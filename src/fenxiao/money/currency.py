"""Currencies: a code and how many decimals its minor unit has."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from fenxiao.errors import MoneyError

DECIMALS_MAX: Final = 12
"""The finest minor unit: beyond it 64 bits hold too few whole units to be useful."""

_CODE: Final = "currency code"
_CURRENCY: Final = "currency"

_ACTIVE: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL "
        "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
        "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
        "TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS: Final = {code: decimals for decimals, codes in _ACTIVE.items() for code in codes.split()}


def check_decimals(decimals: object, *, thing: str = "decimals") -> int:
    """Return `decimals` if it is an integer from 0 to 12, else raise `MoneyError`."""
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= DECIMALS_MAX:
        raise MoneyError(
            thing,
            "is not a number of decimals",
            value=decimals,
            allowed=f"an integer from 0 to {DECIMALS_MAX}",
            hint="Give the decimals of the minor unit: 2 for cents, 0 for yen",
        )
    return decimals


@frozen(repr=False)
class Currency:
    """A currency: its code and the decimals of its minor unit.

    Parameters
    ----------
    code
        Usually an ISO 4217 code; any non-empty text of your own with explicit decimals.
    decimals
        How many decimals the minor unit has, 0 to 12: 2 for CNY (分), 0 for JPY, 3 for KWD.

    Raises
    ------
    MoneyError
        If the code is empty or the decimals are not an integer from 0 to 12.

    Examples
    --------
    >>> Currency.of("CNY")
    Currency('CNY', decimals=2)
    >>> Currency("POINTS", decimals=0).decimals
    0
    """

    code: str = field()
    decimals: int = field()

    @code.validator
    def _check_code(self, _attribute: object, code: object) -> None:
        if not isinstance(code, str) or not code or code != code.strip():
            raise MoneyError(
                _CODE,
                "is not a code",
                value=code,
                allowed="a non-empty text without surrounding blanks",
                hint='Write an ISO 4217 code such as "CNY"',
            )

    @decimals.validator
    def _check_decimals(self, _attribute: object, decimals: object) -> None:
        check_decimals(decimals, thing="currency decimals")

    def __repr__(self) -> str:
        """Write the constructor call."""
        return f"Currency({self.code!r}, decimals={self.decimals})"

    @classmethod
    def of(cls, currency: Currency | str) -> Currency:
        """Return the currency of an ISO 4217 code; a `Currency` is returned as it is.

        Raises
        ------
        MoneyError
            If the code is not an active ISO 4217 code.

        Examples
        --------
        >>> Currency.of("JPY").decimals
        0
        """
        if isinstance(currency, Currency):
            return currency
        decimals = _DECIMALS.get(currency) if isinstance(currency, str) else None
        if decimals is None:
            shown = currency if isinstance(currency, str) and currency else "XYZ"
            raise MoneyError(
                _CURRENCY,
                "is not an active ISO 4217 code",
                value=currency,
                allowed='a code in capitals such as "CNY", or a Currency',
                hint=f'For a currency of your own write Currency("{shown[:12]}", decimals=...)',
            )
        return cls(currency, decimals)
