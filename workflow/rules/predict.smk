# Each case is predicted by the model that was not trained on it.


rule predict:
    """Collect the out-of-fold predictions; predict again from the model if they are gone."""
    input:
        model="results/models/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/checkpoint_final.pth",
    output:
        segmentations=directory("results/predictions/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}"),
        probabilities=temp(directory("results/probabilities/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}")),
    log:
        "logs/predict/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}.log",
    wildcard_constraints:
        trainer=r"(?!Ensemble_)[A-Za-z0-9_.+-]+",
    priority: lambda wildcards: priority(wildcards, 20)
    group:
        "training"
    threads: 1 if device == "cpu" else 4
    resources:
        gpu=0 if device == "cpu" else 1,
        mem_mb=lambda wildcards, threads: memory(
            "predict", wildcards, training_mb(sizes_of(wildcards), device, threads)
        ),
        runtime=LONGEST["predict"],
    params:
        device=device,
        environment=lambda wildcards, threads: parallel_environment(device, threads),
    shell:
        "( export {params.environment} &&"
        " nnunet-losses on-node --device {params.device} -- nnunet-losses predict {wildcards.dataset} {wildcards.configuration} {wildcards.fold} -tr {wildcards.trainer}"
        " -p {wildcards.plans} --device {params.device} --model {input.model}"
        " --segmentations {output.segmentations} --probabilities {output.probabilities} ) > {log} 2>&1"
