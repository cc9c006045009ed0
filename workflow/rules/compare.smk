# All cases of all folds together: which loss is best, and how certain is it?


rule describe_study:
    """Record the study: its config, defaults filled in, and all its trainings."""
    output:
        study="results/studies/{study}/study.json",
    log:
        "logs/describe_study/{study}.log",
    priority: 10000  # first of all, because `nnunet-losses status` reads it
    localrule: True
    params:
        study=lambda wildcards: record_of(wildcards.study).plain(),
    run:
        write_record(output.study, record_of(wildcards.study))


rule compare:
    """Stack the tables of all trainings and compute every statistic of the comparison."""
    input:
        study="results/studies/{study}/study.json",
        tables=lambda wildcards: of_whole(
            run_files("tables", "cases.parquet") + run_files("models", "training.parquet"),
            wildcards.study,
        ),
        cases=list(covariate_tables.values()),
        papers=[*published, *claims],
    output:
        cases="results/studies/{study}/tables/cases.parquet",
        ranking="results/studies/{study}/statistics/ranking.parquet",
        pairwise="results/studies/{study}/statistics/pairwise.parquet",
    log:
        "logs/compare/{study}.log",
    group:
        "report"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        folders=lambda wildcards: sorted(finished_folders(wildcards.study)),
        state=lambda wildcards: states(sorted(finished_folders(wildcards.study)), wildcards.study),
        tables=subpath(output.cases, parent=True),
        cases=" ".join(f"--cases {shlex.quote(f'{dataset}={file}')}" for dataset, file in covariate_tables.items()),
        papers=" ".join(
            f"--{option} {shlex.quote(file)}"
            for option, files in (("published", published), ("claims", claims))
            for file in files
        ),
        statistics=subpath(output.ranking, parent=True),
    shell:
        "nnunet-losses compare {params.folders} --study {input.study} --tables {params.tables} {params.cases}"
        " {params.papers} --out {params.statistics} > {log} 2>&1"
