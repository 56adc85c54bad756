# Everything a newcomer types. `make up ARGS="--demo-repo ../mine --port 4000"` passes options on.
BIN := .venv/bin
ARGS ?=

.PHONY: up dev test check bench chaos screenshots lock

up: ## start everything, in demo mode while no GitHub app is configured
	@.ci/install requirements.lock
	@exec $(BIN)/asynccoder up $(ARGS)

dev: ## the same with hot reload
	@.ci/install requirements.lock
	@exec $(BIN)/asynccoder dev $(ARGS)

test: ## every check and every test
	@.ci/install requirements-dev.lock
	@.ci/needs
	@$(MAKE) --no-print-directory check
	@exec $(BIN)/python -m pytest $(ARGS)

check: ## style, types, import contracts, and no drift between tables and migrations
	@.ci/install requirements-dev.lock
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(BIN)/mypy --num-workers=2 || $(BIN)/mypy # two processes; where one starts too slowly, one alone decides
	$(BIN)/lint-imports
	$(BIN)/python .ci/schema.py

bench: ## what things cost, in figures
	@.ci/install requirements-dev.lock
	@exec $(BIN)/python -m benchmarks $(ARGS)

chaos: ## many tasks while parts are killed: nothing may be lost, done twice or wrongly charged; ARGS="--seed 7" is another storm
	@.ci/install requirements-dev.lock
	@exec $(BIN)/python -m tests.chaos $(ARGS)

screenshots: ## every page in both themes and three widths, into build/screenshots; README's own into docs
	@.ci/install requirements-dev.lock
	@exec $(BIN)/python -m tests.e2e.shots

lock: ## newest versions that fit, with hashes and without the name of any host
	@.ci/install requirements-dev.lock
	$(BIN)/uv pip compile --upgrade --generate-hashes --universal --no-header -q pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --upgrade --generate-hashes --universal --no-header -q --group dev pyproject.toml -o requirements-dev.lock
