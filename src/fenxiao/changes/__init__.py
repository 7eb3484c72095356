"""Changes of orders: refunds, cancellations, chargebacks and adjustments, as an append-only table."""

from __future__ import annotations

from fenxiao.changes.table import ADJUSTMENT, KINDS, REFUND, REINSTATEMENT, Changes, Stated

__all__ = ["ADJUSTMENT", "KINDS", "REFUND", "REINSTATEMENT", "Changes", "Stated"]
