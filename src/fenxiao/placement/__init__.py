"""Placement: where members stand in ordered legs, a second forest beside the referral tree."""

from fenxiao.placement.automatic import RULES
from fenxiao.placement.boards import Boards, Cycle, split_boards
from fenxiao.placement.matrix import capacity
from fenxiao.placement.placement import Placement

__all__ = ["RULES", "Boards", "Cycle", "Placement", "capacity", "split_boards"]
