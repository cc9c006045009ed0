# The one page that people read.


rule publish_report:
    """Write one self-contained HTML file, with its data beside it."""
    input:
        study="results/studies/{study}/study.json",
        cases="results/studies/{study}/tables/cases.parquet",
        ranking="results/studies/{study}/statistics/ranking.parquet",
        predictions=lambda wildcards: (
            of_whole(run_files("predictions"), wildcards.study) if study.config.report.pictures else []
        ),
    output:
        report=report(
            "reports/{study}/report.html",
            caption="../report/report.rst",
            category="Study",
        ),
    log:
        "logs/publish_report/{study}.log",
    group:
        "report"
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


rule seal:
    """List the files of the finished study with checksums, so that what is lost or edited later is noticed."""
    input:
        report="reports/{study}/report.html",
        # all, so that without a manifest none can be missing
        tables=[run_files("tables", f"{table}.parquet") for table in ("cases", "lesions", "thresholds", "calibration")],
    output:
        manifest="reports/{study}/manifest.json",
    log:
        "logs/seal/{study}.log",
    localrule: True
    run:
        write_manifest(output.manifest, study_folders())
