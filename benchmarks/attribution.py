"""Attribution at the order's time, with one member in twenty moved once, against the plain walk.

Run ``python -m benchmarks.attribution [--quick] [--json FILE]``. Each row: name, our seconds, the peer and
its seconds, and the ratio, which is the peer's time over ours. The peer of a walk is the same walk over the
tree of the period's end; at most 1.6 times its time is a ratio of 0.625 or more.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

import fenxiao as fx
from benchmarks._clock import Row, race, row, show
from benchmarks._data import random_sponsors
from fenxiao.genealogy import Genealogy
from fenxiao.routes import DatedRoute, SponsorRoute

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS, ORDERS = 1_000_000, 10_000_000
MOVED = 20
"""One member in so many is transferred once."""
LEVELS = 3
QUICK = 10
BLOCK = 1 << 17
START, DAY = 1_790_000_000_000_000, 86_400_000_000
"""When the period starts, in microseconds since 1970-01-01T00:00Z, and how long a day is."""
PERIOD = 30 * DAY


@attrs.frozen(eq=False)
class Shop:
    """A genealogy, the tree of the period's end, and orders at random times of the period."""

    genealogy: Genealogy
    tree: fx.ReferralTree
    member: np.ndarray
    time: np.ndarray
    paid: np.ndarray

    @classmethod
    def of(cls, members: int, orders: int) -> Shop:
        """Return a shop whose members are labelled by their rows."""
        rng = np.random.default_rng(1)
        sponsor = random_sponsors(members)
        moved = np.sort(rng.choice(np.arange(1, members), members // MOVED, replace=False))
        to = (rng.random(len(moved)) * moved).astype(np.int64)
        at = START + rng.integers(0, PERIOD, len(moved))
        known = np.concatenate((np.full(members, START - DAY), at))
        log = {
            "kind": np.repeat(np.array(["join", "transfer"]), (members, len(moved))),
            "member": np.concatenate((np.arange(members), moved)),
            "sponsor": np.ma.masked_equal(np.concatenate((sponsor, to)), -1),
            "at": known.view("datetime64[us]"),
        }
        genealogy = Genealogy.from_columns(log, zone="UTC")
        return cls(
            genealogy,
            genealogy.as_of(np.datetime64(START + PERIOD, "us"), zone="UTC"),
            rng.integers(0, members, orders).astype(np.int32),
            START + rng.integers(0, PERIOD, orders),
            rng.integers(100, 100_000, orders),
        )

    def facts(self) -> fx.Facts:
        """Return the shop's facts; members are credited by their index."""
        orders = fx.Orders.from_columns(
            {
                "order_id": np.arange(len(self.member)),
                "member": self.tree.ids[self.member],
                "paid_minor": self.paid,
                "paid_at": self.time.view("datetime64[us]"),
            },
            zone="UTC",
        )
        return fx.Facts(tree=self.tree, orders=orders, genealogy=self.genealogy)


def plain_route(tree: fx.ReferralTree) -> SponsorRoute:
    """Return the route of three levels for everybody."""
    return SponsorRoute.prepare(tree, [None] * LEVELS, start_level=1, if_not="company", self_purchase="pay")


def blocks_of(shop: Shop) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield credited members and times block by block, as a settlement walks them."""
    for low in range(0, len(shop.member), BLOCK):
        yield shop.member[low : low + BLOCK], shop.time[low : low + BLOCK]


def walk_rows(shop: Shop, repeats: int) -> Iterator[Row]:
    """Yield the walk of all orders: with ids that ascend with time, as a shop gives them, and at random."""
    plain = plain_route(shop.tree)
    dated = DatedRoute.of(plain, shop.genealogy.dated_sponsors(shop.tree, START))
    for name, orders in (("ascending", attrs.evolve(shop, time=np.sort(shop.time))), ("random", shop)):

        def old(_: object, orders: Shop = orders) -> int:
            return sum(int(plain.walk(member, None)[-1, 0]) for member, _ in blocks_of(orders))

        def new(_: object, orders: Shop = orders) -> int:
            return sum(int(dated.walk(member, None, time)[-1, 0]) for member, time in blocks_of(orders))

        times = race({"ours": new, "plain": old}, repeats=repeats)
        title = f"order_time_walk_{LEVELS}_levels_{name}_times"
        yield row(title, times["ours"], "the walk at the period's end", times["plain"])


def settle_rows(shop: Shop, repeats: int) -> Iterator[Row]:
    """Yield whole settlements, and what the genealogy itself costs."""
    facts = shop.facts()
    plans = {
        attribution: fx.Plan(
            currency="CNY",
            margin=fx.Margin.rate("25%", of="paid"),
            policies=[
                fx.LevelCommission("referral", base="paid", rates=["10%", "5%", "3%"], if_not="company")
            ],
            anchor="paid_at",
            zone="UTC",
            attribution=attribution,
        )
        for attribution in ("period_end", "order_time")
    }
    runners = {
        attribution: lambda found, plan=plan: fx.settle(found, plan).totals().allowed.sum()
        for attribution, plan in plans.items()
    }
    ascending = attrs.evolve(shop, time=np.sort(shop.time)).facts()
    for name, fresh in (
        ("ascending_times", lambda: ascending.with_orders(ascending.orders)),
        ("random_times", lambda: facts.with_orders(facts.orders)),
        ("random_times_again", lambda: facts),
    ):
        times = race(runners, fresh=dict.fromkeys(plans, fresh), repeats=repeats)
        title = f"settle_at_order_time_{name}"
        yield row(title, times["order_time"], "settling at the period's end", times["period_end"])
    log, tree = shop.genealogy.log, shop.tree
    parents = np.ma.masked_array(tree.ids[tree.parent], tree.parent < 0)
    times = race(
        {
            "genealogy": lambda _: Genealogy(log),
            "as_of": lambda _: shop.genealogy.as_of(np.datetime64(START + PERIOD, "us"), zone="UTC"),
            "dated": lambda _: shop.genealogy.dated_sponsors(tree, START),
            "tree": lambda _: fx.ReferralTree.from_parents(parents, tree.ids),
        },
        repeats=repeats,
    )
    for name, text in (
        ("genealogy", "genealogy_from_its_log"),
        ("as_of", "tree_as_of"),
        ("dated", "dated_sponsors"),
    ):
        yield row(text, times[name], "a tree from parents", times["tree"])


def check(shop: Shop, orders: int) -> None:
    """Compare some walks with those over the tree rebuilt at the order's moment."""
    block = slice(0, orders)
    sponsors = shop.genealogy.dated_sponsors(shop.tree, START)
    found = DatedRoute.of(plain_route(shop.tree), sponsors).walk(shop.member[block], None, shop.time[block])
    for place, (member, time) in enumerate(zip(shop.member[block].tolist(), shop.time[block], strict=True)):
        tree = shop.genealogy.as_of(np.datetime64(int(time), "us"), zone="UTC")
        upline = tree.upline(shop.tree.label(member), LEVELS)
        if shop.tree.ids[found[:, place][: len(upline)]].tolist() != upline:
            raise ValueError("order-time attribution")


def measure(scale: int, repeats: int) -> list[Row]:
    """Run everything, printing each row at once."""
    shop = Shop.of(MEMBERS // scale, ORDERS // scale)
    check(shop, 20)
    return [show(each) for rows in (walk_rows, settle_rows) for each in rows(shop, repeats)]


def main() -> None:
    """Read the options, print the rows and write them where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help=f"{QUICK} times smaller, fewer turns")
    options.add_argument("--json", metavar="FILE", help="write the rows to this file as well")
    given = options.parse_args()
    rows = measure(QUICK, 3) if given.quick else measure(1, 6)
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
