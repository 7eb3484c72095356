"""What changes make of orders, line by line in plain Python, from the law as it is written."""

from __future__ import annotations

from fractions import Fraction
from math import floor


class Refused(Exception):  # what happens is that it is refused
    """The changes do not fit the orders."""


def net(sold, changes):
    """Return the net lines by (order_id, line), each a dict of integers with `paid` and `quantity`."""
    result = {}
    meant = {key: [] for key in sold}
    for change in changes:
        lines = [key for key in sold if key[0] == change["order_id"]]
        if change.get("line") is not None:
            lines = [key for key in lines if key[1] == change["line"]]
        if not lines:
            raise Refused("no such line")
        if stated(change) and len(lines) > 1:
            raise Refused("which line?")
        for key in lines:
            meant[key].append(change)
    for key, line in sold.items():
        left = net_line(line, meant[key])
        if left is not None:
            result[key] = left
    return result


AMOUNTS = ("paid", "margin", "pv", "price")


def stated(change):
    """Return what a change states."""
    return {name: change[name] for name in ("quantity", *AMOUNTS) if change.get(name) is not None}


def when(change):
    """Return what changes of a line are ordered by."""
    return change["at"], change["known_at"]


def net_line(line, changes):
    """Return what is left of one line, None where nothing is."""
    line = adjusted(line, [change for change in changes if change["kind"] == "adjustment"])
    refunds = [stated(change) for change in changes if change["kind"] == "refund" and stated(change)]
    left = refunded(line, refunds)
    again = [when(change) for change in changes if change["kind"] == "reinstatement"]
    back = [when(c) for c in changes if c["kind"] not in ("adjustment", "reinstatement") and not stated(c)]
    gone = back and (not again or max(back) >= max(again))
    if gone or (refunds and left["paid"] == 0 and left["quantity"] == 0):
        return None
    return left


def adjusted(line, adjustments):
    """Return the line as it was sold, or as the latest adjustment states it."""
    times = [(change["at"], change["known_at"]) for change in adjustments]
    if len(set(times)) < len(times):
        raise Refused("adjusted twice at one time")
    if not adjustments:
        return line
    last = stated(max(adjustments, key=lambda change: (change["at"], change["known_at"])))
    paid = last.get("paid", line["paid"])
    result = {}
    for name, value in line.items():
        if name in last:
            result[name] = last[name]
        elif name in {"quantity", "price"} or line["paid"] == paid:
            result[name] = value
        elif line["paid"] == 0:
            if value != 0:
                raise Refused("nothing to follow")
            result[name] = 0
        else:
            result[name] = floor(Fraction(value * paid, line["paid"]))
    return result


def refunded(line, refunds):
    """Return the line less what was given back."""
    total = sum(refund.get("paid", 0) for refund in refunds)
    pieces = sum(refund.get("quantity", 0) for refund in refunds)
    if total > line["paid"] or pieces > line["quantity"]:
        raise Refused("more than was sold")
    priced = sum(refund.get("quantity", 0) for refund in refunds if "paid" in refund)
    sharing = line["quantity"] - priced
    rest = line["paid"] - total
    paid = rest if pieces == priced else floor(Fraction(rest * (line["quantity"] - pieces), sharing))
    if any("quantity" in refund for refund in refunds):
        quantity = line["quantity"] - pieces
    elif line["paid"] > 0:
        quantity = floor(Fraction(line["quantity"] * paid, line["paid"]))
    else:
        quantity = line["quantity"]
    left = {"paid": paid, "quantity": quantity}
    for name, value in line.items():
        if name == "price":
            left[name] = value
        elif name not in left:
            left[name] = others(line, left, name, value, refunds)
    return left


def others(line, left, name, value, refunds):
    """Return an amount less what was stated of it; the rest follows what is paid, else the pieces."""
    by = "paid" if line["paid"] > 0 else "quantity"
    naming = [refund for refund in refunds if name in refund]
    value -= sum(refund[name] for refund in naming)
    if value < 0 and name != "margin":
        raise Refused("more than was sold")
    whole = line[by] - sum(refund.get(by, 0) for refund in naming)
    return value if whole == 0 else floor(Fraction(value * left[by], whole))
