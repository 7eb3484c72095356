"""Volumes: what members and their downlines turned over, and the counts that plans read beside it."""

from fenxiao.expressions import (
    Measure,
    balanced,
    distinct,
    downline,
    frontline,
    group,
    leg,
    legs,
    organisation,
    other_legs,
    own,
    ratio,
    rolled_up,
)
from fenxiao.volumes.carry import Carry
from fenxiao.volumes.computing import Volumes, VolumeSource
from fenxiao.volumes.history import History, Record

__all__ = [
    "Carry",
    "History",
    "Measure",
    "Record",
    "VolumeSource",
    "Volumes",
    "balanced",
    "distinct",
    "downline",
    "frontline",
    "group",
    "leg",
    "legs",
    "organisation",
    "other_legs",
    "own",
    "ratio",
    "rolled_up",
]
