# One training per data set, configuration, trainer and fold. It lives in work/, which Snakemake does not track, so that
# it can be resumed. A training appears under results/ only once it is complete.


rule train:
    """Train one fold with one loss; after an interruption, continue from the last checkpoint."""
    input:
        configuration="results/preprocessed/{dataset}/{plans}/{configuration}.json",
        splits="results/datasets/{dataset}/splits_final.json",
    output:
        model="results/models/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/checkpoint_final.pth",
        curves="results/models/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/training.parquet",
        job="results/models/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/jobs.parquet",
    log:
        "logs/train/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}.log",
    benchmark:
        "logs/train/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}.jsonl"
    priority: lambda wildcards: priority(wildcards, 10)
    group:
        "training"
    threads: 1 if device == "cpu" else 12
    resources:
        gpu=0 if device == "cpu" else 1,
        mem_mb=lambda wildcards, threads: memory("train", wildcards, training_mb(sizes_of(wildcards), device, threads)),
        runtime=lambda wildcards: minutes_of_training(wildcards),
    params:
        device=device,
        environment=lambda wildcards, threads: parallel_environment(device, threads),
        out=subpath(output.model, parent=True),
    shell:
        "( export {params.environment} &&"
        " nnunet-losses on-node --device {params.device} --stage {wildcards.dataset} {wildcards.plans}"
        " {wildcards.configuration} -- nnUNetv2_train {wildcards.dataset} {wildcards.configuration} {wildcards.fold} -tr {wildcards.trainer}"
        " -p {wildcards.plans} -device {params.device} --npz --c &&"
        " nnunet-losses publish {wildcards.dataset} {wildcards.configuration} {wildcards.fold} -tr {wildcards.trainer}"
        " -p {wildcards.plans} --out {params.out} ) > {log} 2>&1"
