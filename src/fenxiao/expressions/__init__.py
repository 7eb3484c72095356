"""What a plan says about orders and members, as small frozen data that is never evaluated from text."""

from fenxiao.expressions.bases import Base, ColumnSource, Exact, fit_minor
from fenxiao.expressions.brackets import Brackets
from fenxiao.expressions.building import (
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
from fenxiao.expressions.comparisons import MemberColumn, Subject, Test, column, identity
from fenxiao.expressions.measures import Measure, measure_of
from fenxiao.expressions.predicates import AllOf, AnyOf, MemberSource, Not, Predicate
from fenxiao.expressions.reading import measure_from_data, predicate_from_data
from fenxiao.expressions.tables import pairs_of
from fenxiao.expressions.where import OrderSource, Where

__all__ = [
    "AllOf",
    "AnyOf",
    "Base",
    "Brackets",
    "ColumnSource",
    "Exact",
    "Measure",
    "MemberColumn",
    "MemberSource",
    "Not",
    "OrderSource",
    "Predicate",
    "Subject",
    "Test",
    "Where",
    "balanced",
    "column",
    "distinct",
    "downline",
    "fit_minor",
    "frontline",
    "group",
    "identity",
    "leg",
    "legs",
    "measure_from_data",
    "measure_of",
    "organisation",
    "other_legs",
    "own",
    "pairs_of",
    "predicate_from_data",
    "ratio",
    "rolled_up",
]
