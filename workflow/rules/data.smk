# Data sets as nnU-Net raw folders, checked before anything is computed from them.


rule prepare:
    """Make or download a data set, check it, and keep a summary."""
    output:
        summary="results/datasets/{dataset}/summary.json",
    log:
        "logs/prepare/{dataset}.log",
    priority: first_of_all()
    localrule: True
    threads: 2
    params:
        # Snakemake compares no parameter that is made from `threads`: another place, such as that of a checkout that was
        # moved, must never cost a training, and nor must another comment
        file=lambda wildcards, threads: str(description_files[wildcards.dataset]),
        cases=f"--cases {study.config.cases}" if study.config.cases else "",
        description=lambda wildcards: what_it_depends_on(wildcards.dataset),
        # files of a local folder that were changed since
        source=lambda wildcards: state_of_source(wildcards.dataset),
    shell:
        "nnunet-losses prepare {params.cases} --summary {output.summary} --workers {threads} -- {params.file:q}"
        " > {log} 2>&1"


rule case_table:
    """Keep what the prepared data set knows of its cases: patients, sites, how far raters agree."""
    input:
        "results/datasets/{dataset}/summary.json",
    output:
        "results/datasets/{dataset}/cases.csv",
    log:
        "logs/case_table/{dataset}.log",
    priority: first_of_all()
    localrule: True
    params:
        made=lambda wildcards: f"work/nnUNet_raw/{wildcards.dataset}/cases.csv",
    shell:
        # of a finished study, work/ may have been removed since
        "if [ -f {params.made} ]; then cp {params.made} {output};"
        " else echo case > {output}; echo 'There is no {params.made}.'; fi > {log} 2>&1"
