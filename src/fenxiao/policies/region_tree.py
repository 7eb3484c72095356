"""Regions inside regions, and who is agent of which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, FlagArray, IndexArray, MinorArray
from fenxiao._columns import Categories, Numbers
from fenxiao.errors import ROWS_SHOWN, PlanError, class_name
from fenxiao.expressions import pairs_of
from fenxiao.policies.base import DEPTH_MAX
from fenxiao.policies.differentials import rate_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

    from fenxiao.policies.regions import RegionAgency
    from fenxiao.policies.setting import Setting

Parents = tuple[tuple[str, str | None], ...]

NO_RATE: Final = -1
"""The place of a rate of nothing among the rates above it."""
WEIGHT_MAX: Final = 10**9
"""The greatest weight of an agent: sums of weights stay within 64 bits."""


def few(values: Iterable[Any]) -> list[Any]:
    """Return some values to be shown in a message, five at most."""
    return list(values)[:ROWS_SHOWN]


def parents_of(table: object) -> Parents:
    """Return regions and the regions that they lie in.

    Raises
    ------
    PlanError
        Not a table, a parent that is no region of the table or no text, regions in a circle or in more than
        64 layers.
    """
    pairs = pairs_of(table, "regions", allowed='such as {"Nanshan": "Shenzhen", "Shenzhen": None}')
    parents: dict[str, Any] = dict(pairs)
    strange = [found for found in parents.values() if found is not None and not isinstance(found, str)]
    if strange:
        raise PlanError("regions", "lie in what is no name", value=few(strange), allowed="text, or None")
    unlisted = sorted({found for found in parents.values() if found is not None and found not in parents})
    if unlisted:
        raise PlanError(
            "regions", "lie in regions that are not listed", value=few(unlisted), hint="List them, with None"
        )
    if max(depths(parents).values(), default=0) >= DEPTH_MAX:
        raise PlanError("regions", "lie in too many others", allowed="up to 64 layers")
    return pairs


def depths(parents: Mapping[str, str | None]) -> dict[str, int]:
    """Return in how many others each region lies, one inside the other.

    Raises
    ------
    PlanError
        Regions lie in one another in a circle.
    """
    depth: dict[str | None, int] = {None: -1}
    for name in parents:
        path: dict[str | None, None] = {}
        at: str | None = name
        while at not in depth:
            if at in path:
                circle = list(path)
                raise PlanError(
                    "regions", "lie in one another in a circle", value=few(circle[circle.index(at) :])
                )
            path[at] = None
            at = None if at is None else parents[at]
        for place, each in enumerate(reversed(path)):
            depth[each] = depth[at] + 1 + place
    return {name: depth[name] for name in parents}


@final
@attrs.frozen(eq=False, kw_only=True)
class Regions:
    """Regions by number.

    Attributes
    ----------
    names : one a region
    number : the number of each name
    depth : int32 [regions], in how many others each lies
    paths : int32 [regions] for each layer up, the region that many layers above, or -1
    """

    names: tuple[str, ...]
    number: dict[str, int]
    depth: IndexArray
    paths: tuple[IndexArray, ...]

    @classmethod
    def of(cls, pairs: Parents) -> Regions:
        """Return the regions of a table, numbered."""
        names = tuple(name for name, _ in pairs)
        number = {name: place for place, name in enumerate(names)}
        depth = depths(dict(pairs))
        up = [-1 if parent is None else number[parent] for _, parent in pairs]
        # The last entry, where -1 points, is -1 itself.
        above = np.array([*up, -1], dtype=INDEX)
        paths = [np.arange(len(names), dtype=INDEX)]
        for _ in range(max(depth.values(), default=0)):
            paths.append(above[paths[-1]])
        return cls(
            names=names,
            number=number,
            depth=np.array([depth[name] for name in names], dtype=INDEX),
            paths=tuple(paths),
        )

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.names)

    def path(self, region: int) -> list[int]:
        """Return a region and all that it lies in, upwards."""
        return [int(layer[region]) for layer in self.paths if layer[region] >= 0]


@final
@attrs.frozen(eq=False, kw_only=True)
class Agents:
    """The members who are agents of a region, in the order of their labels.

    Attributes
    ----------
    who : int32 [agents], member indices
    region, tier : int32 [agents], their regions, and their tiers from the finest up
    fit : bool [agents], who meets the policy's condition
    weight : int64 [agents]
    code : int32 [agents], the place of each one's rate among `values`, or `NO_RATE`
    by_tier : int32 [tiers], the same of each tier; None where agents have rates of their own
    values : the different rates above zero, rising
    regions : all regions
    tiers : how many tiers there are
    """

    who: IndexArray
    region: IndexArray
    tier: IndexArray
    fit: FlagArray
    weight: MinorArray
    code: IndexArray
    by_tier: IndexArray | None
    values: tuple[Fraction, ...]
    regions: Regions
    tiers: int

    @classmethod
    def of(cls, policy: RegionAgency, setting: Setting) -> Agents:
        """Read the members' columns.

        Raises
        ------
        PlanError
            A column of another kind, a region or tier that the policy does not have, a rate or weight that is
            missing, agents who would share a tier that cannot be shared.
        """
        column = _categories(policy, setting, policy.agent_of, "agent_of")
        found = np.flatnonzero(column.codes >= 0)
        who: IndexArray = found[np.argsort(setting.tree.label_rank[found])].astype(INDEX)
        labels = setting.tree.ids[who]
        texts = [str(value) for value in column.values]
        used = np.unique(column.codes[who]).tolist()
        regions = Regions.of(policy.regions or tuple((texts[code], None) for code in used))
        numbers = np.array([*(regions.number.get(text, -1) for text in texts), -1], dtype=INDEX)
        region = numbers[column.codes[who]]
        lost = np.flatnonzero(region < 0)
        if len(lost):
            raise PlanError(
                f"members column {policy.agent_of!r}",
                f"has {len(lost)} agents of regions that {policy.thing} does not have",
                value=few(texts[code] for code in used if numbers[code] < 0),
                hint="Add the regions to regions=",
                labels=labels[lost].tolist(),
            )
        tiers = len(policy.tiers) or len(regions.paths)
        tier = _tiers(policy, setting, who, tiers - 1 - regions.depth[region], labels)
        fit = np.ones(len(who), dtype=FLAG)
        if policy.eligible is not None:
            fit = setting.mask_of(policy.eligible)[who]
        values, code, by_tier = _rates(policy, setting, who, tier, tiers)
        made = cls(
            who=who,
            region=region,
            tier=tier,
            fit=fit,
            weight=_weights(policy, setting, who, labels),
            code=code,
            by_tier=by_tier,
            values=values,
            regions=regions,
            tiers=tiers,
        )
        if policy.split != "full":
            made.check_alone(policy, labels)
        return made

    def check_alone(self, policy: RegionAgency, labels: Any) -> None:
        """Refuse agents who would share a tier where that is not meant.

        Raises
        ------
        PlanError
            Two agents of a region and tier that are exclusive, or of one tier in two regions of which one
            lies in the other.
        """
        count = self.count(np.ones(len(self.who), dtype=FLAG))
        if policy.split == "exclusive":
            crowded: FlagArray = count[self.tier, self.region] > 1
            if crowded.any():
                raise policy.error(
                    f"has {int(crowded.sum())} agents who are not alone in their region and tier",
                    value=few(self.regions.names[place] for place in np.unique(self.region[crowded])),
                    allowed='at most one with split="exclusive"',
                    hint='Write split="equal", or correct the members',
                    labels=labels[crowded].tolist(),
                )
        for tier, here in enumerate(count > 0):
            met = sum((layer >= 0) & here[layer] for layer in self.regions.paths)
            twice = np.flatnonzero((met > 1) & here)
            if len(twice):
                mine = (self.tier == tier) & np.isin(self.region, twice)
                raise policy.error(
                    f"has agents of one tier in {len(twice)} regions and in regions that these lie in",
                    value=few(self.regions.names[place] for place in twice),
                    allowed='one region a tier on the way up, but for split="full"',
                    hint="Correct the tiers, or the regions, of the agents",
                    labels=labels[mine].tolist(),
                )

    def count(self, chosen: FlagArray) -> MinorArray:
        """Return how many of some agents each tier has in each region (int64 [tiers, regions])."""
        found = np.zeros((self.tiers, len(self.regions)), dtype=MINOR)
        np.add.at(found, (self.tier[chosen], self.region[chosen]), 1)
        return found


def _categories(policy: RegionAgency, setting: Setting, name: str, field: str) -> Categories:
    column = setting.member_column(name)
    if not isinstance(column, Categories):
        raise PlanError(
            f"members column {name!r}",
            f"does not hold names, as {policy.thing}, {field}, needs",
            value=class_name(column),
            hint=f"Write text, or declare it: Members.from_columns(..., categories=[{name!r}])",
        )
    return column


def _tiers(
    policy: RegionAgency, setting: Setting, who: IndexArray, by_depth: IndexArray, labels: Any
) -> IndexArray:
    """Return each agent's tier: what a column says, or how deep his region lies."""
    found, strange = by_depth, list[str]()
    if policy.tier is not None:
        column = _categories(policy, setting, policy.tier, "tier")
        place = {tier: number for number, tier in enumerate(policy.tiers)}
        texts = [str(value) for value in column.values]
        found = np.array([*(place.get(text, -1) for text in texts), -1], dtype=INDEX)[column.codes[who]]
        used = np.unique(column.codes[who]).tolist()
        strange = [texts[code] for code in used if code >= 0 and texts[code] not in place]
    lost = np.flatnonzero(found < 0)
    if len(lost):
        below = policy.tier is None
        raise policy.error(
            f"has {len(lost)} agents " + ("below the finest tier" if below else "without a tier"),
            value=strange or None,
            allowed=", ".join(policy.tiers),
            hint="Add a tier" if below else f"Give every agent a tier in the column {policy.tier!r}",
            labels=labels[lost].tolist(),
        )
    return found.astype(INDEX)


def _rates(
    policy: RegionAgency, setting: Setting, who: IndexArray, tier: IndexArray, tiers: int
) -> tuple[tuple[Fraction, ...], IndexArray, IndexArray | None]:
    """Return the different rates, and the places of each agent's and each tier's among them."""
    if policy.rate_column is not None:
        name = policy.rate_column
        column = setting.member_column(name)
        mine = column.take(who)
        rates, rows = rate_rows(mine, name, policy.name, above_100=policy.above_100, whom="agent")
    else:
        by_name = {name: rate.fraction for name, rate in policy.rates}
        rates = [by_name[name] for name in policy.tiers] if by_name else [policy.one_rate] * tiers
        rows = tier
    values = sorted({rate for rate in rates if rate})
    place = {rate: number for number, rate in enumerate(values)}
    codes = np.array([place.get(rate, NO_RATE) for rate in rates], dtype=INDEX)
    return tuple(values), codes[rows], None if policy.rate_column is not None else codes


def _weights(policy: RegionAgency, setting: Setting, who: IndexArray, labels: Any) -> MinorArray:
    if policy.weight_column is None:
        return np.ones(len(who), dtype=MINOR)
    name = policy.weight_column
    column = setting.member_column(name)
    if not isinstance(column, Numbers):
        raise PlanError(
            f"members column {name!r}",
            f"does not hold whole numbers, as {policy.thing}, weight_column, needs",
            value=class_name(column),
            hint="Write integers, 0 for members who are no agents",
        )
    weight: MinorArray = column.values[who]
    wrong = np.flatnonzero((weight < 1) | (weight > WEIGHT_MAX))
    if len(wrong):
        raise PlanError(
            f"members column {name!r}",
            f"has no weight for {len(wrong)} agents",
            allowed=f"1 to {WEIGHT_MAX}",
            labels=labels[wrong].tolist(),
        )
    return weight
