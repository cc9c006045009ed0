# make demo     install, run the default study (offline, CPU), say what its report found
# make test     install, run the whole test suite
# make quick    the first case of each test that is not slow: all rooms, in under 90 seconds
# make studies  the five papers' studies: the full ones planned, the small ones run to their reports
# make lint     style, types, import contract, workflow
# make docs     the documentation, into site/
# make which-loss  docs/which-loss.md from the kept tables of the studies in reports/
# make reference  what files in git show of the code: keys in config/README.md, losses in README.md, pictures
# make matrix   the table of losses and conformance cells, docs/conformance.md, from a run of the suite
# make example  the demo's report as the example in docs/example-report
# make lowest   the quick tests on the oldest versions that pyproject.toml allows; needs uv, 7 GB and minutes
.PHONY: demo test quick studies lint docs which-loss reference matrix example lowest lock clean

BIN := .venv/bin
CORES ?= all
# a file's tests share what they prepare; files in the order of tests/conftest.py, the longest first
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder

demo: .venv/installed
	@$(BIN)/nnunet-losses run --cores $(CORES)

test: .venv/installed
	$(BIN)/python -m pytest $(PARALLEL)

quick: .venv/installed
	$(BIN)/python -m pytest $(PARALLEL) --quick

studies: .venv/installed
	$(BIN)/python -m pytest --durations=0 tests/workflow/paper_studies.py

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

docs: .venv/installed
	$(BIN)/mkdocs build --strict

which-loss: .venv/installed
	$(BIN)/nnunet-losses across $(wildcard config/studies/which-loss-*.yaml)
	$(BIN)/python docs/which_loss.py

reference: .venv/installed
	$(BIN)/python docs/config_reference.py
	$(BIN)/python docs/generate.py

matrix: .venv/installed
	rm -f docs/conformance.md
	$(BIN)/python -m pytest tests/conformance -n auto --conformance-matrix docs/conformance.md

example: demo
	rm -rf docs/example-report
	cp -r reports/demo docs/example-report
	rm docs/example-report/manifest.json

# All versions are pinned, so nothing is resolved: --no-deps also forbids surprises.
.venv/installed: requirements.lock pyproject.toml
	@case "$$PWD" in *[\"\$$\`\\:]*) echo 'pip cannot install commands below a folder whose name holds ", $$, `, \ or a colon;' \
		'rename it, or install into an environment elsewhere.' >&2; exit 1;; esac
	$(if $(PYTHON),$(PYTHON),python3) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Without the workflow first: its Slurm plugin needs a newer NumPy than the rest.
lowest:
	$(call try_lowest,--extra test,--ignore tests/workflow --ignore tests/progress)
	$(call try_lowest,--extra test --extra workflow,)

define try_lowest
	rm -rf .venv/lowest
	uv venv --quiet --python 3.11 .venv/lowest
	uv pip compile --quiet --resolution lowest-direct --python-version 3.11 $(1) --no-header --no-annotate \
		-o .venv/lowest/requirements.txt pyproject.toml
	uv pip sync --python .venv/lowest .venv/lowest/requirements.txt
	uv pip install --python .venv/lowest --no-deps --editable .
	.venv/lowest/bin/python -m pytest $(PARALLEL) --quick $(2)
	rm -rf .venv/lowest
endef

# For maintainers: resolve again, for all supported Pythons.
lock:
	uv pip compile --universal --python-version 3.11 --all-extras --no-header --no-annotate --no-emit-index-url \
		--no-emit-find-links -o requirements.lock pyproject.toml

clean:
	rm -rf .venv work results reports logs site
