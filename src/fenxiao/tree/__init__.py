"""The referral tree: who referred whom, validated once and then read-only."""

from fenxiao.tree.forest import Forest
from fenxiao.tree.referral import ReferralTree

__all__ = ["Forest", "ReferralTree"]
