"""Policies due per order, day, week or month."""
