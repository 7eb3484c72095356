"""Dated versions of one plan: the order's time picks the version that pays it."""

from fenxiao.versions.dated import PlanVersion, PlanVersions
from fenxiao.versions.run import VersionedRun

__all__ = ["PlanVersion", "PlanVersions", "VersionedRun"]
