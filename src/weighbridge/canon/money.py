"""Amounts of money as integers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

MICRO = 1_000_000
#: One million units per million tokens: a dollar for each token. Beyond it a price is a slip of the pen.
HIGHEST_PRICE = 1_000_000


def micro(value: object) -> int:
    """A price in units of a currency as whole micro-units, exactly.

    Args:
        value: A number as TOML gives it. A float counts as the decimal it was written as: 0.1 is a tenth.

    Raises:
        ValueError: It is no number, negative, beyond a unit per token, or finer than a micro-unit.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 - one kind of error for every wrong price
    try:
        exact = value if isinstance(value, Decimal) else Decimal(repr(value))
        if not exact.is_finite() or not 0 <= exact <= HIGHEST_PRICE:
            raise ValueError(f"must lie between 0 and {HIGHEST_PRICE:,}")
        units = exact * MICRO
    except InvalidOperation as error:
        raise ValueError("must be a number") from error
    if units != units.to_integral_value():
        raise ValueError("must not be finer than a millionth")
    return int(units)
