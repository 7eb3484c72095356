"""From run to run in the engine's twin: what is used up by window, and what waits."""

from __future__ import annotations

from tests.oracles.engine import settle_slowly


class SlowState:
    """Usage by (cap, window) and group, and the deferred entries, the oldest first."""

    def __init__(self):
        self.usage = {}
        self.waiting = []

    def settle(self, parents, orders, plan, members, *, year, period, funds=0, period_claims=None):
        """Settle one period, and move on; `window` of a cap is "year", "lifetime" or absent."""
        window_of = {
            cap["name"]: {"year": year, "lifetime": "lifetime"}[cap["window"]]
            for cap in plan.get("caps", [])
            if cap.get("window", "period") != "period"
        }
        before = {
            (cap, group): amount
            for cap, window in window_of.items()
            for group, amount in self.usage.get((cap, window), {}).items()
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
            if cap in window_of:
                groups = self.usage.setdefault((cap, window_of[cap]), {})
                groups[group] = groups.get(group, 0) + amount
        self.waiting = result.waiting
        return result
