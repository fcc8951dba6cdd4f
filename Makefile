# `make app` and `make test` are all that is needed; README.md gives the plain lines.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: app test check clean

app: .venv/app
	$(BIN)/streamlit run app.py

test: .venv/test
	$(BIN)/python -m pytest

check: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint --deny-warnings vae_core/ui/assets
	$(BIN)/pyright --pythonpath $(BIN)/python

.venv/app: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch $@

.venv/test: requirements.txt tests/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement tests/requirements.txt
	touch $@ .venv/app

clean:
	rm -rf .venv
