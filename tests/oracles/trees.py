"""The slow twin of the referral tree: dicts from label to sponsor, walked one member at a time."""

from __future__ import annotations


class SlowTree:
    """A forest as a dict from each member to the sponsor, None for roots."""

    def __init__(self, sponsors):
        self.sponsors = dict(sponsors)
        self.below = {member: [] for member in self.sponsors}
        for member, sponsor in self.sponsors.items():
            if sponsor is not None:
                self.below[sponsor].append(member)

    def roots(self):
        """Return the members without a sponsor, as they come."""
        return [member for member, sponsor in self.sponsors.items() if sponsor is None]

    def upline(self, member):
        """Return the sponsor, the sponsor's sponsor and so on."""
        found = []
        while (member := self.sponsors[member]) is not None:
            found.append(member)
        return found

    def downline(self, member):
        """Return everybody below, each before those below him."""
        found, waiting = [], list(reversed(self.below[member]))
        while waiting:
            one = waiting.pop()
            found.append(one)
            waiting.extend(reversed(self.below[one]))
        return found

    def preorder(self):
        """Return everybody, each followed by his downline."""
        return [label for root in self.roots() for label in [root, *self.downline(root)]]

    def depth(self, member):
        """Return how many levels stand above."""
        return len(self.upline(member))

    def level_up(self, member, k):
        """Return who stands k levels up, None beyond the root."""
        line = [member, *self.upline(member)]
        return line[k] if k < len(line) else None

    def subtree_sum(self, values, member):
        """Return the member's value and those of the downline, added."""
        return values[member] + sum(values[label] for label in self.downline(member))

    def nearest(self, marked, member):
        """Return the first of the upline who is marked, None where nobody is."""
        return next((label for label in self.upline(member) if label in marked), None)


def has_cycle(up):
    """Return whether somebody, climbing from row to row, never gets out at -1."""
    for row in range(len(up)):
        hops = 0
        while row >= 0 and hops <= len(up):
            row = up[row]
            hops += 1
        if row >= 0:
            return True
    return False
