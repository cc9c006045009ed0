"""How two terms of a loss share the weight, as functions of the epoch, so that resuming is exact."""


def growing_share(epoch: int, *, start: float, growth: float, cap: float) -> float:
    """``start`` in epoch 0 and ``growth`` more in each epoch, up to ``cap``."""
    return min(start + growth * epoch, cap)


def scheduled_weights(balance: str, epoch: int, *, start: float, growth: float, cap: float) -> tuple[float, float]:
    """Weights of the overlap term and of the distance term in an epoch (Kervadec et al., arXiv:1812.07032).

    Args:
        balance: with α the growing share, ``rebalance`` gives (1 − α, α), ``increase`` gives (1, α), and ``steal``
            is the released code's (max(1 − growth·epoch, 0.1), start + growth·epoch), which knows no cap.
        epoch: from 0.
        start: α in epoch 0.
        growth: by how much α grows in an epoch.
        cap: the largest α.
    """
    if balance == "steal":
        return max(1 - growth * epoch, 0.1), start + growth * epoch
    share = growing_share(epoch, start=start, growth=growth, cap=cap)
    return (1 - share if balance == "rebalance" else 1.0), share
