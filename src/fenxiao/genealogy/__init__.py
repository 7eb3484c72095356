"""Who sponsored whom at which time, and what was known of it when."""

from __future__ import annotations

from fenxiao.genealogy.columns import DatedMembers
from fenxiao.genealogy.dated import DatedSponsors
from fenxiao.genealogy.genealogy import Genealogy
from fenxiao.genealogy.spells import Spells

__all__ = ["DatedMembers", "DatedSponsors", "Genealogy", "Spells"]
