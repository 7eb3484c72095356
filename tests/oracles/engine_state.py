"""From run to run in the engine's twin: what is used up by window, and what waits."""

from __future__ import annotations

from tests.oracles.engine import settle_slowly
from tests.oracles.source_limits import window_of


class SlowState:
    """Usage by (cap, window) and group, and the deferred entries, the oldest first."""

    def __init__(self):
        self.usage = {}
        self.waiting = []

    def settle(self, parents, orders, plan, members, *, start, period, funds=0, period_claims=None):
        """Settle one period, and move on.

        Parameters
        ----------
        start : the first date of the period
        members : dicts; caps with the window "anniversary" need their dates of joining, `joined`
        """
        windows = {
            cap["name"]: cap["window"]
            for cap in plan.get("caps", [])
            if cap.get("window", "period") != "period"
        }

        def window(cap, group):
            if windows[cap] != "anniversary":
                return {"year": str(start.year), "lifetime": "lifetime"}[windows[cap]]
            # Pay that no order caused has no source.
            return window_of("anniversary", start, start if group is None else members[group]["joined"])

        before = {
            (cap, group): amount
            for (cap, name), used in self.usage.items()
            for group, amount in used.items()
            if window(cap, group) == name
        }
        result = settle_slowly(
            parents,
            orders,
            plan | {"period": period},
            members,
            funds,
            usage=before,
            period_claims=period_claims,
            waiting=self.waiting,
        )
        for (cap, group), amount in result.used.items():
            if cap in windows:
                groups = self.usage.setdefault((cap, window(cap, group)), {})
                groups[group] = groups.get(group, 0) + amount
        self.waiting = result.waiting
        return result
