# Predictions become tidy tables; probabilities are temporary.


rule evaluate:
    """Measure the predictions of one fold per voxel, surface and lesion."""
    input:
        segmentations="results/predictions/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}",
        probabilities="results/probabilities/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}",
    output:
        cases="results/tables/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/cases.parquet",
        lesions="results/tables/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/lesions.parquet",
        thresholds="results/tables/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/thresholds.parquet",
        calibration="results/tables/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/calibration.parquet",
        log_odds="results/tables/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}/log_odds.parquet",
    log:
        "logs/evaluate/{dataset}/{plans}__{configuration}/{trainer}/fold_{fold}.log",
    priority: lambda wildcards: priority(wildcards, 30)
    group:
        "training"
    threads: 1
    resources:
        mem_mb=lambda wildcards, threads: memory("evaluate", wildcards, evaluation_mb(sizes_of(wildcards), threads)),
        runtime=lambda wildcards, threads: evaluation_minutes(sizes_of(wildcards), validated(wildcards), threads),
    params:
        out=subpath(output.cases, parent=True),
        how=evaluation_options(),
    shell:
        'nnunet-losses evaluate --reference "$nnUNet_preprocessed/{wildcards.dataset}/gt_segmentations"'
        " --prediction {input.segmentations} --probabilities {input.probabilities}"
        ' --dataset-json "$nnUNet_preprocessed/{wildcards.dataset}/dataset.json"'
        " --run {wildcards.dataset} {wildcards.configuration} {wildcards.trainer} {wildcards.fold}"
        " {params.how} --workers {threads} --out {params.out} > {log} 2>&1"
