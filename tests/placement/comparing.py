"""Compares a placement with its slow twin, by label."""

from __future__ import annotations

from fenxiao.tree import ReferralTree


def tree_of(sponsors):
    """Return the referral tree of a mapping."""
    return ReferralTree.from_mapping(sponsors)


def table_of(rows):
    """Return rows (member, parent, leg) as columns."""
    member, parent, leg = zip(*rows, strict=True) if rows else ((), (), ())
    return {"member": list(member), "parent": list(parent), "leg": list(leg)}


def places_of(placement):
    """Return the places of a placement as a dict from member to (parent, leg)."""
    labels = placement.tree.labels(placement.order).tolist()
    return {label: (placement.parent_of(label), placement.leg_of(label)) for label in labels}


def check(placement, twin):
    """Compare everything that labels show with the twin."""
    tree = placement.tree
    order = [label for root in twin.roots for label in twin.below(root)]
    assert places_of(placement) == twin.above
    assert sorted(tree.labels(placement.order).tolist()) == sorted(order)
    assert len(placement) == len(twin.above)
    for label in tree.ids.tolist():
        at = tree.index(label)
        placed = label in twin.above
        assert (label in placement) is placed
        assert placement.placed[at].item() is placed
        assert placement.children(label) == twin.children(label)
        assert placement.upline(label) == twin.upline(label)
        assert placement.depth[at] == (len(twin.upline(label)) if placed else -1)
        assert placement.size[at] == (len(twin.below(label)) if placed else 0)
        parent, leg = twin.above.get(label, (None, None))
        assert placement.parent[at] == (-1 if parent is None else tree.index(parent))
        assert placement.up[at] == (len(tree) if parent is None else tree.index(parent))
        assert placement.leg[at] == (-1 if leg is None else leg)
    assert placement.up[-1] == len(tree)


def check_sums(placement, twin, values):
    """Compare the sums of a value a member with the twin's, and with one another."""
    tree = placement.tree
    by_label = dict(zip(tree.ids.tolist(), values.tolist(), strict=True))
    subtree, legs = placement.subtree_sum(values), placement.leg_sums(values)
    assert legs.shape == (placement.width, len(tree))
    assert subtree.dtype == legs.dtype == values.dtype
    for at, label in enumerate(tree.ids.tolist()):
        assert subtree[at] == twin.subtree_sum(by_label, label)
        for leg in range(placement.width):
            assert legs[leg, at] == twin.leg_sum(by_label, label, leg)
    own = values * placement.placed
    assert (own + legs.sum(axis=0) == subtree).all()
