# Data sets as nnU-Net raw folders, checked before anything is computed from them.


rule prepare:
    """Make or download a data set, check it, and keep a summary."""
    output:
        summary="results/datasets/{dataset}/summary.json",
    log:
        "logs/prepare/{dataset}.log",
    localrule: True
    threads: 2
    params:
        file=lambda wildcards: str(description_files[wildcards.dataset]),
        cases=f"--cases {study.config.cases}" if study.config.cases else "",
        # the keys, not the text: another comment must never cost a training
        description=lambda wildcards: descriptions[wildcards.dataset].plain(),
        # files of a local folder that were changed since
        source=lambda wildcards: source_state(descriptions[wildcards.dataset], study.config.cases),
    shell:
        "nnunet-losses prepare {params.cases} --summary {output.summary} --workers {threads} -- {params.file:q}"
        " > {log} 2>&1"
