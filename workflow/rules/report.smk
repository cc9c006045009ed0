# The one page that people read.


rule publish_report:
    """Write one self-contained HTML file, with its data beside it."""
    input:
        study="results/studies/{study}/study.json",
        cases="results/studies/{study}/tables/cases.parquet",
        ranking="results/studies/{study}/statistics/ranking.parquet",
        predictions=lambda wildcards: existing(run_files("predictions"), wildcards.study),
    output:
        report=report(
            "reports/{study}/report.html",
            caption="../report/report.rst",
            category="Study",
        ),
    log:
        "logs/publish_report/{study}.log",
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        tables=subpath(input.cases, parent=True),
        statistics=subpath(input.ranking, parent=True),
        out=subpath(output.report, parent=True),
    shell:
        "nnunet-losses study-report --study {input.study} --tables {params.tables} --statistics {params.statistics}"
        " --predictions results/predictions --out {params.out} > {log} 2>&1"
