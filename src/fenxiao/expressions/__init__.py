"""What a plan says about orders and members, as small frozen data that is never evaluated from text."""

from fenxiao.expressions.bases import Base, ColumnSource, Exact, fit_minor
from fenxiao.expressions.comparisons import Subject, Test, column, own, predicate_from_data
from fenxiao.expressions.predicates import AllOf, AnyOf, MemberSource, Not, Predicate
from fenxiao.expressions.tables import pairs_of
from fenxiao.expressions.where import OrderSource, Where

__all__ = [
    "AllOf",
    "AnyOf",
    "Base",
    "ColumnSource",
    "Exact",
    "MemberSource",
    "Not",
    "OrderSource",
    "Predicate",
    "Subject",
    "Test",
    "Where",
    "column",
    "fit_minor",
    "own",
    "pairs_of",
    "predicate_from_data",
]
