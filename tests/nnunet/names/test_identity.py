from nnunet_losses.nnunet.names.identity import identity


def test_a_seed_is_a_column_and_not_a_part_of_the_trainer() -> None:
    assert identity("D", "3d", "TverskyTrainer_iw_seed3", 1) == {
        "dataset": "D", "configuration": "3d", "trainer": "TverskyTrainer_iw", "fold": 1, "seed": 3,
    }  # fmt: skip


def test_a_trainer_without_a_seed_or_of_others_has_seed_0() -> None:
    for trainer in ("TverskyTrainer_fp0.1", "nnUNetTrainer", "TverskyTrainer_mine_seed3"):
        row = identity("D", "3d", trainer, 0)
        assert (row["trainer"], row["seed"]) == (trainer, 0)
