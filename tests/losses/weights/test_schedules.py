import pytest

from nnunet_losses.losses.weights import scheduled_weights

SCHEDULE = {"start": 0.01, "growth": 0.01, "cap": 0.99}


@pytest.mark.parametrize(
    ("balance", "epoch", "expected"),
    [
        ("rebalance", 0, (0.99, 0.01)),
        ("rebalance", 1, (0.98, 0.02)),
        ("rebalance", 97, (0.02, 0.98)),
        ("rebalance", 98, (0.01, 0.99)),
        ("rebalance", 1000, (0.01, 0.99)),
        ("increase", 0, (1, 0.01)),
        ("increase", 49, (1, 0.5)),
        ("increase", 1000, (1, 0.99)),
        ("steal", 0, (1, 0.01)),
        ("steal", 90, (0.1, 0.91)),
        ("steal", 199, (0.1, 2)),
    ],
)
def test_the_weights_of_an_epoch(balance: str, epoch: int, expected: tuple[float, float]):
    assert scheduled_weights(balance, epoch, **SCHEDULE) == pytest.approx(expected)


def test_stealing_is_what_the_released_scheduler_does_step_by_step():
    first, second = 1.0, 0.01
    for epoch in range(200):
        assert scheduled_weights("steal", epoch, **SCHEDULE) == pytest.approx((first, second))
        first, second = max(0.1, first - 0.01), second + 0.01
