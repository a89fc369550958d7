# Every target does its own set-up: a fresh clone needs python3 and make, no other step.

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-slow test-kubernetes check check-static cluster kubernetes contract \
        contract-kubernetes contract-containers contract-table transcripts fix fuzz bench lock clean setup

BIN := .venv/bin
READY := .venv/.ready
CONTRACT = $(BIN)/pytest -n 2 --dist loadfile tests/contract/cluster $(PYTEST_ARGS)
OUTCOMES = .cache/contract

# A virtual environment keeps absolute paths, so a copied or moved clone sets up anew.
ifneq ($(shell grep -cs "^command = .* $(CURDIR)/.venv\$$" .venv/pyvenv.cfg),1)
.PHONY: $(READY)
endif

$(READY): pyproject.toml locks/bootstrap.txt locks/dev.txt tools/setup.sh
	@PYTHON="$(PYTHON)" tools/setup.sh

help: ## say what there is to make
	@echo "Chaos Day: plan, run and learn from Chaos Days on Kubernetes."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'
	@echo
	@echo "Each sets up what it needs (once). Python 3.11 or later is all it takes;"
	@echo "PYTHON=/path/to/python chooses another than python3."

demo: $(READY) ## conduct a whole Chaos Day on the practice cluster (or CLUSTER=kubernetes), and write its debrief
ifeq ($(CLUSTER),kubernetes)
	@$(BIN)/python -m tests.cluster --release "$(RELEASE)" -- sh -c 'exec $(BIN)/chaosday demo --join "$$KUBECONFIG"'
else ifeq ($(or $(CLUSTER),practice),practice)
	@$(BIN)/chaosday demo
else
	@echo "CLUSTER is practice or kubernetes, not $(CLUSTER)" >&2; exit 2
endif

serve: $(READY) ## the same practice cluster and service, kept running to play with
	@$(BIN)/chaosday demo --keep

test: $(READY) ## run the tests
	@tools/postgres.sh
	@$(BIN)/pytest -n 3 --dist loadfile -m "not slow and not kubernetes" $(PYTEST_ARGS)

check: test check-static test-slow test-kubernetes contract-kubernetes contract-containers ## all that CI runs: also the slow tests, lint, types, layers, chart, and Kubernetes itself

test-slow: $(READY) ## the tests that take longer, the whole demonstration among them
	@$(BIN)/pytest -n 3 --dist loadfile -m "slow and not kubernetes" $(PYTEST_ARGS)

test-kubernetes: kubernetes ## the tests on Kubernetes' own control plane (needs Go)
	@$(BIN)/pytest -n 2 --dist loadfile -m kubernetes $(PYTEST_ARGS)

check-static: $(READY) ## what `make check` runs besides the tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	@if [ -x $(BIN)/shellcheck ]; then set -x; $(BIN)/shellcheck .ci/run tools/*.sh; fi
	$(BIN)/hadolint Dockerfile
	tools/chart.sh

cluster: $(READY) ## a real Kubernetes control plane on loopback (needs Go; NODES=practice or containers, PORT=6443 RELEASE=1.37)
	@$(BIN)/python -m tests.cluster --release "$(RELEASE)" --nodes $(or $(NODES),none) --port $(or $(PORT),0)

kubernetes: $(READY) ## compile that control plane and its nodes, once; ten minutes on two cores (RELEASE=1.37)
	@$(BIN)/python -m tests.cluster --release "$(RELEASE)" --nodes containers --only-build

# A KUBECONFIG that only the environment names is somebody's own cluster: it has to be said here.
contract: $(READY) ## ask a cluster the contract's questions (CLUSTER=kubernetes or KUBECONFIG=; else practice)
ifeq ($(origin KUBECONFIG),command line)
	@CHAOSDAY_CONTRACT_KUBECONFIG=$(abspath $(KUBECONFIG)) $(CONTRACT)
else ifeq ($(CLUSTER),kubernetes)
	@$(BIN)/python -m tests.cluster --release "$(RELEASE)" --nodes $(or $(NODES),practice) -- $(CONTRACT)
else ifeq ($(or $(CLUSTER),practice),practice)
	@$(CONTRACT)
else
	@echo "CLUSTER is practice or kubernetes, not $(CLUSTER)" >&2; exit 2
endif

contract-kubernetes: kubernetes
	@$(MAKE) --no-print-directory contract CLUSTER=kubernetes

# 77: this machine can't run containers, as the line before says; then each check is told by name.
contract-containers: kubernetes ## ask real nodes with containers the questions that need some (Linux, root)
	@$(BIN)/python -m tests.cluster --release "$(RELEASE)" --nodes containers -- \
	    $(BIN)/pytest -n 2 tests/contract/cluster -m needs_runtime $(PYTEST_ARGS) $(CONTAINERS_OUTCOMES) \
	    || { [ $$? = 77 ] && CHAOSDAY_CONTRACT_NODES=containers \
	        $(BIN)/pytest --no-fold-skipped tests/contract/cluster -m needs_runtime; }

contract-table: kubernetes ## ask both clusters, and write the table of answers into docs
	@rm -rf $(OUTCOMES)
	@$(CONTRACT) --outcomes $(OUTCOMES)/practice.json
	@$(BIN)/python -m tests.cluster --release "$(RELEASE)" --nodes practice -- \
	    $(CONTRACT) --outcomes $(OUTCOMES)/kubernetes.json
	@$(MAKE) --no-print-directory contract-containers \
	    CONTAINERS_OUTCOMES="--outcomes $(OUTCOMES)/containers.json"
	@$(BIN)/python -m tests.contract.cluster.table docs/practice-cluster-contract.md $(OUTCOMES)/*.json

transcripts: kubernetes ## play the tour of kubectl on both clusters, and write its transcript into docs
	@$(BIN)/python -m tests.cluster --release "$(RELEASE)" --nodes shop -- \
	    $(BIN)/python -m tests.contract.tour docs/practice-cluster-kubectl.md

# Each seed is one run that is done harm; no other is begun after so many minutes.
fuzz: $(READY) ## kill and freeze our processes at random moments of random runs (SEEDS=1-200 MINUTES=60)
	@tools/postgres.sh
	@CHAOSDAY_FUZZ_SEEDS="$(or $(SEEDS),1-200)" CHAOSDAY_FUZZ_MINUTES="$(or $(MINUTES),60)" \
	    $(BIN)/pytest -n 2 tests/acceptance/test_fuzz.py $(PYTEST_ARGS)

fix: $(READY) ## put right what ruff can put right by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY) ## measure, each figure beside a bare baseline or a peer
	@$(BIN)/python -m tests.benchmarks

lock: $(READY) ## choose the newest versions that are a week old, and write locks/*.txt
	@tools/lock.sh

setup: $(READY) ## only the set-up: .venv with all packages
	@echo "$(BIN) is ready"

clean: ## remove what the targets made, .venv included
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
