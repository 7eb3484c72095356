"""Pairing of the two legs of a binary placement (对碰, 双轨): by percent, by tier or by cycle."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, MINOR_MAX, IndexArray, MinorArray
from fenxiao._columns import Amounts, Numbers
from fenxiao._kernels.tally import greatest
from fenxiao.errors import MoneyOverflowError, PlanError, Reason, instance_of
from fenxiao.expressions import Measure, Predicate, fit_minor, identity, pairs_of
from fenxiao.money import FLOOR, Rate, Rounding, format_minor, is_amount, to_minor
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.cascade import rows_of_column
from fenxiao.policies.fields import (
    check_rates,
    choice,
    condition_of,
    measure_field,
    optional_rate,
    rate_of,
    rates_of,
    rounding_of,
)
from fenxiao.policies.legs import LARGEST, LEFTOVERS, Cycle, LegFlows, flows_of
from fenxiao.policies.level_bonus import money_of
from fenxiao.volumes.carry import Carry

if TYPE_CHECKING:
    from fenxiao.expressions import Exact
    from fenxiao.policies.setting import Setting

_WHOLE: Final = Rate.of("100%")
_NAME: Final = instance_of(str, filled=True, error=PlanError)
_FLAG: Final = instance_of(bool, error=PlanError)
_FORMS: Final = ("rate", "by_rank", "tiers", "cycle")


def _volume(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not is_amount(value):
        raise PlanError(attribute.name, "is no volume or amount", value=value, allowed='such as "5000"')


def _tiers(table: Any) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(table, "tiers", allowed='such as {"250": "40.00", "2000": "400.00"}', numbers=True)
    for least, money in pairs:
        if not is_amount(least) or not is_amount(money):
            raise PlanError(
                "tiers", "hold no volume and amount", value=(least, money), allowed='"250": "40.00"'
            )
    return tuple(sorted(((str(least), money) for least, money in pairs), key=lambda pair: Fraction(pair[0])))


def _cycle(value: object) -> Cycle | None:
    return Cycle.from_data(value)


@final
@attrs.frozen(kw_only=True)
class BinaryPairing(PeriodPolicy):
    """Pays what the weaker of two legs matches of the stronger one, and carries the rest.

    The legs' volumes are the sums over everybody placed below, whoever sponsored them, with what earlier
    periods carried. What is matched pays in one of four forms: a `rate` of it (one for all, or `by_rank`), a
    fixed amount for the highest of the `tiers` that both legs reach, or a fixed amount a `cycle`. It is
    taken from both legs; what becomes of the rest is written in `leftover`.

    Parameters
    ----------
    name : str
        Unique in the plan.
    on : Measure
        The volume of one member, such as ``own("pv")``; a count, such as ``own("orders")``, pairs heads.
        A leg whose volume is negative with what it carried counts as 0.
    placement : str
        The facts' placement: ``Facts(placements={"binary": ...})``.
    rate, by_rank : Rate, mapping
        Of what is matched, times `factor`, rounded once; by a rank of each member in `rank_column`, which may
        be a column of `fenxiao.qualification.Tiers`.
    tiers : mapping
        Volume that both legs reach, and money: ``{"250": "40.00", "2000": "400.00"}``. One tier a period.
    cycle : Cycle
        Volumes of the stronger and of the weaker leg, and money: ``Cycle("200", "100", "14.00")``. Pairs
        1 : 1 are cycles of equal volumes.
    first : Cycle, optional
        The first pair that a position ever makes, if it differs: 2 : 1, for instance. Nobody makes another
        one before.
    reevaluate : bool
        Whether the stronger leg is found anew before each cycle (default), or stays the one it was.
    increment : str, optional
        Rates are paid of whole multiples of it.
    by_ratio : bool
        Rates are paid times the weaker leg over the stronger one.
    factor : Rate
        What a unit of volume is in money; 100 % if left out.
    eligible : Predicate, optional
        Who pairs. The volume of others passes up all the same, and they keep their legs.
    leftover : {"carry", "net_off", "flush"}
        What becomes of what is not matched: both legs carry it, the legs are set off against each other and
        the difference is carried, or it is lost.
    keep_if : Predicate, optional
        Who keeps anything: the legs of others are flushed at the end of the period.
    match_cap : str, optional
        The most volume that is matched in a period; the rest is left over.
    cycle_cap : int, optional
        The most cycles in a period; the volume of others is left over.
    pay_cap : str, optional
        The most money in a period. The volume is consumed: it is not paid later.
    carry_cap : str, optional
        The most that each leg carries; what came last is dropped.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        Not exactly one form; options that the form does not have; what is no volume or amount.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> from fenxiao.volumes import own
    >>> BinaryPairing("team", on=own("pv"), rate="10%", leftover="carry").placement
    'binary'
    """

    kind: ClassVar[str] = "binary_pairing"
    tables: ClassVar[tuple[str, ...]] = ("by_rank", "tiers")

    on: Measure = attrs.field(converter=measure_field, eq=identity)
    placement: str = attrs.field(default="binary", validator=_NAME)
    rate: Rate | None = attrs.field(default=None, converter=optional_rate)
    by_rank: tuple[tuple[str, Rate], ...] = attrs.field(default=(), converter=rates_of)
    rank_column: str = attrs.field(default="rank", validator=_NAME)
    tiers: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_tiers)
    cycle: Cycle | None = attrs.field(default=None, converter=_cycle)
    first: Cycle | None = attrs.field(default=None, converter=_cycle)
    reevaluate: bool = attrs.field(default=True, validator=_FLAG)
    increment: str | None = attrs.field(default=None, validator=_volume)
    by_ratio: bool = attrs.field(default=False, validator=_FLAG)
    factor: Rate = attrs.field(default=_WHOLE, converter=rate_of)
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    leftover: str = attrs.field(default="", validator=choice(LEFTOVERS, hint='Write it: leftover="carry"'))
    keep_if: Predicate | None = attrs.field(default=None, converter=condition_of)
    match_cap: str | None = attrs.field(default=None, validator=_volume)
    cycle_cap: int | None = attrs.field(default=None)
    pay_cap: str | None = attrs.field(default=None, validator=_volume)
    carry_cap: str | None = attrs.field(default=None, validator=_volume)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=_FLAG)

    def __attrs_post_init__(self) -> None:
        thing = f"policy {self.name!r}"
        given = [name for name in _FORMS if getattr(self, name) not in (None, ())]
        if len(given) != 1:
            raise PlanError(thing, "needs exactly one form of pay", value=given, allowed=", ".join(_FORMS))
        form = "rate" if given[0] == "by_rank" else given[0]
        fits = {
            "first": ("cycle",),
            "cycle_cap": ("cycle",),
            "increment": ("rate",),
            "by_ratio": ("rate",),
            "match_cap": ("rate", "tiers"),
        }
        strange = [name for name, forms in fits.items() if getattr(self, name) and form not in forms]
        if strange or (not self.reevaluate and form != "cycle"):
            raise PlanError(
                thing,
                "has options that its form of pay does not have",
                value=strange or ["reevaluate"],
                allowed="; ".join(f"{name} with {' or '.join(forms)}" for name, forms in fits.items()),
            )
        cap = self.cycle_cap
        if cap is not None and (
            isinstance(cap, bool) or not isinstance(cap, int) or not 1 <= cap <= MINOR_MAX
        ):
            raise PlanError(
                f"{thing}, cycle_cap", "is no number of cycles", value=cap, allowed="1, 2, 3, ..."
            )
        rates = [rate for _, rate in self.by_rank] + ([] if self.rate is None else [self.rate])
        check_rates(self.name, rates, above_100=self.above_100)
        check_rates(self.name, [self.factor], "factor", above_100=self.above_100)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        conditions = (each for each in (self.eligible, self.keep_if) if each is not None)
        return (*self.on.measures(), *(measure for each in conditions for measure in each.measures()))

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        conditions = (each for each in (self.eligible, self.keep_if) if each is not None)
        more = (name for each in conditions for name in each.member_columns())
        return (*self.on.member_columns(), *more, *((self.rank_column,) if self.by_rank else ()))

    def flows(self, view: PeriodView) -> LegFlows:
        """Return where the volume of every position's legs went."""
        return view.setting.keep(("legs", self.name), lambda: self._flows(view.setting))

    def _flows(self, setting: Setting) -> LegFlows:
        column, placement = setting.measure(self.on), setting.facts.placement(self.placement)
        if placement.width != len(("left", "right")):
            raise PlanError(
                f"policy {self.name!r}",
                f"pairs two legs, and placement {self.placement!r} has {placement.width}",
                hint="Use a placement of width 2",
            )
        brought: MinorArray = placement.leg_sums(column.values)
        paired, before = np.zeros(setting.size, dtype=FLAG), setting.before.carry(self.name)
        if before is not None:
            *carried, paired = before.on(setting.tree, _decimals(column))
            for leg, rest in zip(brought, carried, strict=True):
                _add_carried(leg, rest, self.name)
        return flows_of(
            self,
            np.maximum(brought, MINOR(0), out=brought),
            paired,
            placement.placed if self.eligible is None else setting.mask_of(self.eligible) & placement.placed,
            None if self.keep_if is None else setting.mask_of(self.keep_if),
            lambda field, text: self._in_units(column, field, text),
        )

    def _in_units(self, column: Amounts | Numbers, field: str, text: str) -> int:
        """Return a volume of the plan in the smallest unit of the measure."""
        thing = f"policy {self.name!r}, {field}"
        found = to_minor(text, column.decimals if isinstance(column, Amounts) else 0, thing=thing)
        if (field != "carry_cap" and not found) or found > LARGEST:
            raise PlanError(
                thing, "is no volume that can be matched", value=text, allowed=f"1 to {LARGEST} units"
            )
        return found

    def _pay(self, setting: Setting) -> MinorArray:
        return setting.keep(("pay of legs", self.name), lambda: self._computed(setting))

    def _computed(self, setting: Setting) -> MinorArray:
        flows = setting.keep(("legs", self.name), lambda: self._flows(setting))
        thing = f"policy {self.name!r}"

        def money(text: str) -> int:
            return to_minor(text, setting.decimals, thing=thing)

        if self.cycle is not None:
            first = 0 if self.first is None else money(self.first.pay)
            count = flows.pairs - flows.firsts
            each = money(self.cycle.pay)
            if int(count.max(initial=0)) * each + first > MINOR_MAX:
                raise MoneyOverflowError(thing, "pays more than 64 bits hold", hint="Set a cycle_cap")
            pay = count * MINOR(each) + flows.firsts * MINOR(first)
        elif self.tiers:
            column = setting.measure(self.on)
            steps = [0, *(self._in_units(column, "tiers", least) for least, _ in self.tiers)]
            amounts = np.array([0, *(money(amount) for _, amount in self.tiers)], dtype=MINOR)
            pay = amounts[np.searchsorted(np.array(steps, dtype=MINOR), flows.matched[0], side="right") - 1]
        else:
            pay = self._at_rates(setting, flows)
        return pay if self.pay_cap is None else np.minimum(pay, MINOR(money(self.pay_cap)))

    def _base(self, setting: Setting, flows: LegFlows) -> Exact:
        column = attrs.evolve(setting.measure(self.on), values=flows.matched[0])
        return money_of(column, setting.decimals, self.factor.fraction)

    def _rates(self, setting: Setting) -> tuple[IndexArray, list[Rate]]:
        """Return for each member the place of his rate, and the rates."""
        if self.rate is not None:
            return np.zeros(setting.size, dtype=INDEX), [self.rate]
        keys, thing = [key for key, _ in self.by_rank], f"policy {self.name!r}, by_rank"
        column = setting.member_column(self.rank_column)
        return rows_of_column(column, self.rank_column, keys, thing), [rate for _, rate in self.by_rank]

    def _at_rates(self, setting: Setting, flows: LegFlows) -> MinorArray:
        base, (rows, rates) = self._base(setting, flows), self._rates(setting)
        pay = np.zeros(setting.size, dtype=MINOR)
        for number, rate in enumerate(rates):
            mine = np.flatnonzero((rows == number) & (flows.matched[0] > 0))
            part = attrs.evolve(base, values=base.values[mine])
            if not self.by_ratio:
                pay[mine] = part.times(rate.fraction, self.rounding)
                continue
            legs = flows.brought[:, mine]
            ratios = zip(np.minimum(*legs).tolist(), np.maximum(*legs).tolist(), strict=True)
            exact = (
                part.fraction(row) * rate.fraction * Fraction(low, high)
                for row, (low, high) in enumerate(ratios)
            )
            pay[mine] = fit_minor(map(self.rounding.round_fraction, exact), "a pairing")
        return pay

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim what every position's pairs pay."""
        pay = self._pay(view.setting)
        payees = np.flatnonzero(pay).astype(INDEX)
        return payees, pay[payees]

    def carried(self, view: PeriodView) -> Carry | None:
        """Return what the legs keep, and who has made his first pair."""
        flows, tree = self.flows(view), view.setting.tree
        had = np.flatnonzero((flows.kept > 0).any(axis=0) | flows.paired)
        return Carry(
            policy=self.name,
            labels=tree.ids[had],
            left=flows.kept[0][had],
            right=flows.kept[1][had],
            paired=flows.paired[had],
            decimals=_decimals(view.setting.measure(self.on)),
        )

    def _told(self, view: PeriodView, values: MinorArray, member: int) -> str:
        decimals = _decimals(view.setting.measure(self.on)) or 0
        return " and ".join(format_minor(int(value), decimals) for value in values[:, member])

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return what was matched of which legs, and what they carry."""
        setting, flows = view.setting, self.flows(view)
        amount = int(self._pay(setting)[member])
        if not amount:
            return ()
        rate, base = "", 0
        if self.cycle is None and not self.tiers:
            rows, rates = self._rates(setting)
            rate, base = str(rates[int(rows[member])]), int(self._base(setting, flows).fraction(member))
        matched, legs = (self._told(view, column, member) for column in (flows.matched, flows.brought))
        words = [f"matched {matched} of legs of {legs}"]
        if self.cycle is not None:
            words.insert(0, f"{int(flows.pairs[member])} pairs")
        if self.pay_cap is not None and amount == to_minor(self.pay_cap, setting.decimals, thing="pay_cap"):
            words.append(f"at most {self.pay_cap}")
        words.append(f"carried {self._told(view, flows.kept, member)}")
        return (Detail(amount=amount, base=base, rate=rate, note="; ".join(words)),)

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a member has no place, is not eligible, or that his legs do not match."""
        setting, flows = view.setting, self.flows(view)
        if not setting.facts.placement(self.placement).placed[member]:
            return Reason.NOT_ENTITLED, f"has no place in {self.placement!r}"
        if self.eligible is not None and not setting.mask_of(self.eligible)[member]:
            return Reason.NOT_ELIGIBLE, self.eligible.describe(setting, member)
        legs = f"legs of {self._told(view, flows.brought, member)}"
        if not flows.matched[0, member]:
            return Reason.ZERO_RATE, f"{legs} do not match"
        if self.cycle is not None or self.tiers:
            return Reason.ZERO_RATE, legs
        rows, rates = self._rates(setting)
        worth = self._base(setting, flows).fraction(member) * rates[int(rows[member])].fraction
        return Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE, legs


def _decimals(column: Amounts | Numbers) -> int | None:
    return column.decimals if isinstance(column, Amounts) else None


def _add_carried(leg: MinorArray, carried: MinorArray, name: str) -> None:
    """Add what a leg carried to its volume."""
    if greatest(leg) + greatest(carried) > MINOR_MAX:
        raise MoneyOverflowError(f"policy {name!r}", "carries volumes beyond 64 bits", hint="Set a carry_cap")
    leg += carried
