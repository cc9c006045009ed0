# From data to verdict: data sets -> plans and folds -> training -> out-of-fold predictions -> measures -> statistics
# -> report. A study is a config file; the default one runs offline on a laptop (`nnunet-losses run`), any other by its
# file (`nnunet-losses run --configfile config/studies/hippocampus.yaml`). Plain `snakemake --cores all` does the same.
from snakemake.utils import min_version

min_version("9.19")


# A study's file stands for itself: merged with the default one, seeds or lengths of that would leak into it.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


container: "nnunet-losses.sif"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/ensemble.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/report.smk"


rule all:
    """The whole study, ending in its report."""
    input:
        manifest,
        # a report alone, kept while results/ was removed, is no finished study
        f"results/studies/{study.name}/statistics/ranking.parquet",
        damaged_outputs,


rule data:
    """Only the data: made or fetched, inspected, planned, split, preprocessed."""
    input:
        preprocessed_files(),
        collect("results/datasets/{dataset}/splits_final.json", dataset=description_files),


rule trained:
    """Everything up to the trained models."""
    input:
        run_files("models", "checkpoint_final.pth"),
        run_files("models", "jobs.parquet"),


rule partial_report:
    """A report of what is finished so far; what is missing is counted as missing."""
    input:
        f"reports/{study.name}-partial/report.html",
