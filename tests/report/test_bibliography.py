"""References are complete, unique and safe."""

from nnunet_losses.report.bibliography import bibtex, linked, references

LOSSES = {
    "a": {"reference": "Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721"},
    "b": {"reference": "Drozdzal et al. 2016, arXiv:1608.04117; squared: Milletari et al. 2016, arXiv:1606.04797"},
    "c": {"reference": "Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721"},
    "d": {"reference": None},
}


def test_each_work_is_listed_once_after_nnunet() -> None:
    assert references(LOSSES) == [
        "Isensee et al. 2021, doi:10.1038/s41592-020-01008-z",
        "Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721",
        "Drozdzal et al. 2016, arXiv:1608.04117",
        "Milletari et al. 2016, arXiv:1606.04797",
    ]


def test_known_works_have_full_entries() -> None:
    text = bibtex(references(LOSSES))
    assert text.count("@") == 4
    assert "title = {{nnU-Net}: a self-configuring method" in text
    assert text.count("{") == text.count("}")


def test_unknown_works_get_what_their_reference_says() -> None:
    text = bibtex(["Doe, Roe 2031, A {strange} loss, doi:10.1000/xyz(1)"])
    assert text.startswith("@misc{doe2031,\n  author = {Doe and Roe},\n  year = {2031},\n  doi = {10.1000/xyz(1)},")
    assert text.count("{") == text.count("}")


def test_every_loss_of_the_catalogue_has_an_entry() -> None:
    from nnunet_losses.losses import CATALOGUE

    losses = {name: {"reference": loss.reference} for name, loss in CATALOGUE.items()}
    text = bibtex(references(losses))
    assert text.count("@") == len(references(losses))
    assert text.count("{") == text.count("}")


def test_links_are_plain_and_the_rest_is_escaped() -> None:
    html = str(linked("<b>Doe</b> 2031, arXiv:2101.00001, doi:10.1000/xyz"))
    assert html == (
        '&lt;b&gt;Doe&lt;/b&gt; 2031, <a href="https://arxiv.org/abs/2101.00001">arXiv:2101.00001</a>, '
        '<a href="https://doi.org/10.1000/xyz">doi:10.1000/xyz</a>'
    )
