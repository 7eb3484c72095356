"""Routes: for a source, who is hop 1, 2, 3 ... up the sponsors."""

from fenxiao.routes.dated import DatedRoute, SpellRoute
from fenxiao.routes.passing import PassUp
from fenxiao.routes.paths import Path
from fenxiao.routes.sponsor import IF_NOT, SELF_PURCHASE, IfNot, SelfPurchase, SponsorRoute, Step

__all__ = [
    "IF_NOT",
    "SELF_PURCHASE",
    "DatedRoute",
    "IfNot",
    "PassUp",
    "Path",
    "SelfPurchase",
    "SpellRoute",
    "SponsorRoute",
    "Step",
]
