"""The base room stays light: who wants a word or an error does not wait for libraries of images or tables."""

import subprocess
import sys

HEAVY = ("torch", "nnunetv2", "pandas", "pandera", "nibabel", "SimpleITK", "scipy", "matplotlib")


def imported_by(*modules: str) -> set[str]:
    """Which of the heavy packages a new interpreter has loaded after importing these modules."""
    code = f"import sys, {', '.join(modules)}; print(*set(sys.modules) & {set(HEAVY)!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_words_names_labels_and_components_load_nothing_heavy() -> None:
    light = ("components", "dataset", "errors", "files", "identity", "labels", "locks", "metrics", "names", "splits")
    light += ("states", "versions")
    assert imported_by(*(f"nnunet_losses.base.{name}" for name in light)) == set()


def test_images_load_the_libraries_that_read_them_and_no_tables() -> None:
    assert not imported_by("nnunet_losses.base.images") & {"torch", "nnunetv2", "pandas", "pandera", "matplotlib"}
