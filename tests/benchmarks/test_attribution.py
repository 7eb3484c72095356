"""The rows of the attribution benchmark have their form, and its check finds a wrong walk."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from benchmarks.attribution import MOVED, Shop, check, measure

from benchmarks import attribution

COLUMNS = {"name", "ours_s", "peer", "peer_s", "ratio", "peak_mb"}


def test_everything_runs_and_is_printed(capsys, monkeypatch):
    """A small run prints a row for each walk, for whole settlements and for the genealogy itself."""
    monkeypatch.setattr(attribution, "MEMBERS", 2_000)
    monkeypatch.setattr(attribution, "ORDERS", 5_000)
    rows = measure(1, 1)
    assert len(capsys.readouterr().out.splitlines()) == len(rows) == 8
    assert all(set(each) == COLUMNS for each in rows)
    assert len({each["name"] for each in rows}) == len(rows)


def test_one_member_in_twenty_moves_and_the_check_looks():
    """The shop moves its share of members once; walks over the wrong times are found out."""
    shop = Shop.of(1_000, 4_000)
    assert np.count_nonzero(shop.genealogy.log.kind) == 1_000 // MOVED
    check(shop, 30)
    with pytest.raises(ValueError, match="order-time"):
        check(attrs.evolve(shop, genealogy=_Late(shop.genealogy)), 1_000)


class _Late:
    """A genealogy whose trees are all of the period's end."""

    def __init__(self, genealogy):
        self.dated_sponsors = genealogy.dated_sponsors
        self._genealogy = genealogy

    def as_of(self, time, zone):
        return self._genealogy.as_of(time + np.timedelta64(attribution.PERIOD, "us"), zone=zone)
