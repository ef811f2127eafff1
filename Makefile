# Two commands matter: `make sandbox` to try it, `make test` to check it. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := tests/node
# One more than there are cores, since browsers and clocks are waited for; four at most.
WORKERS := $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')

.DEFAULT_GOAL := help
.PHONY: help sandbox run test lint types imports check bench crash leaks quarter pictures lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Cadence needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@# The command itself: a link to this checkout, so that nothing has to be built.
	@printf '%s\n' '#!$(CURDIR)/$(BIN)/python' 'import sys' 'sys.path.insert(0, "$(CURDIR)")' 'from bot.cli import main' 'main()' > $(BIN)/cadence
	@chmod +x $(BIN)/cadence
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# For tests alone: Bolt for JavaScript and axe-core. Without Node they are skipped, and this says so every time.
$(NODE)/node_modules/.made: $(NODE)/package.json $(NODE)/package-lock.json $(NODE)/.npmrc
	@if node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && (cd $(NODE) && npm ci --silent); then \
		touch $@; \
	elif [ "$$CADENCE_REQUIRE_ALL" = 1 ]; then \
		echo "CADENCE_REQUIRE_ALL=1 wants Node 20 or newer with npm, and npm ci to work in $(NODE)" >&2; exit 1; \
	else \
		echo "No Node 20 or newer here, or npm ci did not work: the tests with Bolt for JavaScript and axe-core are skipped."; \
	fi

sandbox: $(VENV)/.run ## a week of a demo company in your browser: local Slack, SQLite, no account
	$(BIN)/cadence sandbox

run: $(VENV)/.run ## the bot against the Slack that the environment names
	$(BIN)/cadence run

test: $(VENV)/.dev $(NODE)/node_modules/.made ## everything: lint, types, import rules, migrations, journeys
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

check: lint types imports ## lint, types and import rules alone

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## the figures of the README, as ratios to a floor measured in the same run
	$(BIN)/python -m tests.bench

crash: $(VENV)/.dev ## the long crash run: kill -9 at every named point, many rounds
	$(BIN)/python -m tests.crash

leaks: $(VENV)/.dev ## the long search for leaks: hundreds of random companies full of secrets, everything a partner could see searched
	CADENCE_LEAKS=400 $(BIN)/python -m pytest -q -p no:xdist tests/boundary/test_leaks.py tests/boundary/test_leaks_in_slack.py

quarter: $(VENV)/.dev ## a whole quarter of the demo company in the local Slack, every meeting on; the suite lives its first week
	CADENCE_WHOLE_QUARTER=1 $(BIN)/python -m pytest -q -p no:xdist tests/journeys/test_whole_quarter.py

pictures: $(VENV)/.dev ## play the week in a browser and keep the README's pictures (wants Chromium)
	$(BIN)/python -m tests.browser.pictures

lock: ## renew requirements/*.txt and the lock of the Node tests (needs uv and npm)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/run.txt
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/dev.txt
	cd $(NODE) && npm update --package-lock-only --silent && node lock.mjs

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(NODE)/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis var
