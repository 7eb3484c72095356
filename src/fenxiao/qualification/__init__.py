"""Qualification: activity gates, rank ladders and rate tiers, as data and as computed member columns."""

from fenxiao.qualification.gaps import Gap, gaps_of
from fenxiao.qualification.ladders import (
    Gate,
    GivenRanks,
    Ladder,
    Qualification,
    Step,
    Tiers,
    qualification_from_data,
)
from fenxiao.qualification.ranking import ladder_standing
from fenxiao.qualification.standing import Standing

__all__ = [
    "Gap",
    "Gate",
    "GivenRanks",
    "Ladder",
    "Qualification",
    "Standing",
    "Step",
    "Tiers",
    "gaps_of",
    "ladder_standing",
    "qualification_from_data",
]
