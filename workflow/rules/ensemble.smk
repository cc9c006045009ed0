# Ensembles: the mean of the probabilities of several losses, evaluated like the predictions of one.


rule ensemble:
    """Average the out-of-fold probabilities of an ensemble's members in one fold."""
    input:
        segmentations=lambda wildcards: members(wildcards, "predictions"),
        probabilities=lambda wildcards: members(wildcards, "probabilities"),
    output:
        segmentations=directory("results/predictions/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}"),
        probabilities=temp(directory("results/probabilities/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}")),
    log:
        "logs/ensemble/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}.log",
    wildcard_constraints:
        trainer=r"Ensemble_[A-Za-z0-9_.+-]+",
    priority: 25
    threads: 1
    resources:
        mem_mb=lambda wildcards: memory("ensemble", wildcards, ensemble_mb(sizes_of(wildcards))),
        runtime=120,
    params:
        members=lambda wildcards, input: " ".join(
            f"--member {maps}:{arrays}" for maps, arrays in zip(input.segmentations, input.probabilities)
        ),
    shell:
        'nnunet-losses ensemble {params.members} --dataset-json "$nnUNet_preprocessed/{wildcards.dataset}/dataset.json"'
        " --segmentations {output.segmentations} --probabilities {output.probabilities} > {log} 2>&1"
