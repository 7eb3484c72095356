"""The slow twin of placements: dicts from member to parent and leg, walked one member at a time."""

from __future__ import annotations


class SlowPlacement:
    """Who stands in which leg of whom: a dict from (parent, leg) to member, and the roots in order."""

    def __init__(self, width, rows=()):
        self.width = width
        self.above = {}
        self.at = {}
        self.roots = []
        for member, parent, leg in rows:
            self.put(member, parent, leg)

    def put(self, member, parent, leg):
        """Let a member stand in a leg of a parent, or at the top where there is none."""
        self.above[member] = (parent, leg)
        if parent is None:
            self.roots.append(member)
        else:
            assert (parent, leg) not in self.at
            self.at[parent, leg] = member

    def children(self, member):
        """Return who stands right below, by leg, None for an empty place."""
        return [self.at.get((member, leg)) for leg in range(self.width)]

    def below(self, member):
        """Return the member and everybody below him, each followed by who is below him, leg by leg."""
        found, waiting = [], [member]
        while waiting:
            one = waiting.pop()
            found.append(one)
            waiting += [child for child in reversed(self.children(one)) if child is not None]
        return found

    def upline(self, member):
        """Return the parent, the parent's parent and so on."""
        found = []
        while (member := self.above.get(member, (None, None))[0]) is not None:
            found.append(member)
        return found

    def subtree_sum(self, values, member):
        """Return what the member and everybody below him have together, nothing where he is unplaced."""
        return sum(values[one] for one in self.below(member)) if member in self.above else 0

    def leg_sum(self, values, member, leg):
        """Return what everybody in one leg has together."""
        child = self.at.get((member, leg))
        return 0 if child is None else self.subtree_sum(values, child)

    def first_free(self, level):
        """Return the first free place of a level and those below it: level by level, left to right."""
        while True:
            for member in level:
                for leg, child in enumerate(self.children(member)):
                    if child is None:
                        return member, leg
            level = [child for member in level for child in self.children(member)]

    def outermost(self, member, leg):
        """Return the free place at the end of the line that goes down in one leg."""
        while (member, leg) in self.at:
            member = self.at[member, leg]
        return member, leg

    def weaker(self, member):
        """Return the free place to which a walk into the leg with fewer members comes, the left if equal."""
        while True:
            counts = [0 if child is None else len(self.below(child)) for child in self.children(member)]
            leg = counts.index(min(counts))
            if (member, leg) not in self.at:
                return member, leg
            member = self.at[member, leg]

    def join(self, member, sponsor, rule, leg=None, recruits=0):
        """Place a member by a rule; `recruits` of his sponsor are placed already."""
        if sponsor is None:
            self.put(member, None, None)
        elif rule == "weaker":
            self.put(member, *self.weaker(sponsor))
        elif rule == "left_right":
            self.put(member, *self.outermost(sponsor, recruits % 2))
        elif rule == "outer":
            self.put(member, *self.outermost(sponsor, leg))
        elif rule == "breadth":
            self.put(member, *self.first_free([sponsor]))
        else:
            self.put(member, *self.first_free(self.roots))


def slow_auto(sponsors, order, width, rule, legs=None, start=None):
    """Place members one after the other; `sponsors` maps each member to his, None for roots."""
    found = SlowPlacement(width) if start is None else start
    for number, member in enumerate(order):
        sponsor = sponsors[member]
        recruits = sum(sponsors[other] == sponsor for other in found.above)
        found.join(member, sponsor, rule, None if legs is None else legs[number], recruits)
    return found


def slow_boards(width, depth, entrants, reenter=0):
    """Return who cycled and at which entrant, and the open boards as dicts from (row, place) to member."""
    boards, cycles = [{}], []
    left = dict.fromkeys(entrants, reenter)
    places = [(row, place) for row in range(depth + 1) for place in range(width**row)]
    for number, entrant in enumerate(entrants):
        entering = [entrant]
        while entering:
            board = boards[0]
            board[next(place for place in places if place not in board)] = entering.pop(0)
            if len(board) < len(places):
                continue
            top = board[0, 0]
            cycles.append((top, number))
            boards = boards[1:] + [
                {
                    (row, place): board[row + 1, head * width**row + place]
                    for row in range(depth)
                    for place in range(width**row)
                }
                for head in range(width)
            ]
            if left[top]:
                left[top] -= 1
                entering.append(top)
    return cycles, boards
