# nnU-Net's planning and preprocessing, and the folds: once, before any training starts.


rule plan:
    """Let nnU-Net analyse the data and plan its configurations."""
    input:
        summary="results/datasets/{dataset}/summary.json",
    output:
        plans="results/datasets/{dataset}/{plans}.json",
    log:
        "logs/plan/{dataset}/{plans}.log",
    priority: first_of_all()
    threads: lambda wildcards: preprocessing_threads(sizes_of(wildcards))
    resources:
        mem_mb=lambda wildcards, threads: memory("plan", wildcards, preprocessing_mb(sizes_of(wildcards), threads)),
        runtime=lambda wildcards, threads: preprocessing_minutes("plan", sizes_of(wildcards), threads),
    params:
        planner=study.planner,
        number=lambda wildcards: dataset_number(wildcards.dataset),
    shell:
        "( export OMP_NUM_THREADS=1 nnUNet_n_proc_DA={threads} &&"
        " nnunet-losses call nnUNetv2_plan_and_preprocess -d {params.number} -pl {params.planner}"
        " -npfp {threads} --clean --no_pp --no_pbar &&"
        ' cp "$nnUNet_preprocessed/{wildcards.dataset}/{wildcards.plans}.json" {output.plans} ) > {log} 2>&1'


rule split:
    """Split the cases into folds, the same for every loss; trainings that start together would race for it."""
    input:
        # nnU-Net makes the preprocessed folder when it plans
        plans=f"results/datasets/{{dataset}}/{study.plans}.json",
        cases=lambda wildcards: made_table_of_split(wildcards.dataset),
    output:
        splits="results/datasets/{dataset}/splits_final.json",
    log:
        "logs/split/{dataset}.log",
    priority: first_of_all()
    localrule: True
    params:
        # made from `threads`, so that it is not compared: see `prepare`
        how=lambda wildcards, threads: split_options(wildcards.dataset),
        says=lambda wildcards: split_options(wildcards.dataset, what_it_says),
    shell:
        "nnunet-losses split {wildcards.dataset} {params.how} --out {output.splits} > {log} 2>&1"


rule preprocess:
    """Preprocess for one configuration, adding it to the plans first if the study defines it."""
    input:
        plans="results/datasets/{dataset}/{plans}.json",
    output:
        configuration="results/preprocessed/{dataset}/{plans}/{configuration}.json",
    log:
        "logs/preprocess/{dataset}/{plans}/{configuration}.log",
    priority: first_of_all()
    threads: lambda wildcards: preprocessing_threads(sizes_of(wildcards))
    resources:
        mem_mb=lambda wildcards, threads: memory(
            "preprocess", wildcards, preprocessing_mb(sizes_of(wildcards), threads)
        ),
        runtime=lambda wildcards, threads: preprocessing_minutes("preprocess", sizes_of(wildcards), threads),
    params:
        number=lambda wildcards: dataset_number(wildcards.dataset),
        how=lambda wildcards: study.configuration_options(wildcards.configuration),
    shell:
        "( nnunet-losses configure {wildcards.dataset} {wildcards.configuration} -p {wildcards.plans} {params.how}"
        " --out {output.configuration} &&"
        " OMP_NUM_THREADS=1 nnunet-losses call nnUNetv2_preprocess -d {params.number} -plans_name {wildcards.plans}"
        " -c {wildcards.configuration} -np {threads} --no_pbar ) > {log} 2>&1"
