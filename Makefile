# make demo       a throw-away Maildir, filled by rules, before your eyes
# make test       ruff, mypy --strict and pytest over this tree
# make install    PREFIX=/opt/pydeliver: an environment of its own, with bin/pydeliver for the mail server
# make torture    the tests that take minutes
# make bench      the figures, against procmail and maildrop
# make clean      removes what these made here
#
# A network is needed the first time only.

PREFIX = /opt/pydeliver
VENV = .venv
PYTHON = $(VENV)/bin/python
PIP = $(PYTHON) -I -m pip --quiet --disable-pip-version-check --no-input
INSTALL = install --no-build-isolation --no-deps --no-index --force-reinstall
# Before pip writes anything: an environment whose python3 leads to a shim belongs to another Python.
IS_ITS_OWN = import os, sys; sys.exit(sys.prefix != os.path.realpath(sys.argv[1]))
APT = sudo apt-get install -y git make gcc libc6-dev python3-venv
SOURCES := pyproject.toml README.md LICENSE $(shell find pydeliver man rules examples -type f ! -name '*.pyc' 2>/dev/null)

.PHONY: demo test install torture bench clean compiler
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	@head -c 4 $(VENV)/bin/pydeliver | grep -q ELF || echo "- without a C compiler bin/pydeliver is a Python launcher: slower, and not for production"
	@echo "- the demo"
	@$(PYTHON) -I examples/demo $(CURDIR)/$(VENV)

test: compiler $(VENV)/.tested-with $(VENV)/.installed
	@echo "- ruff"
	@$(PYTHON) -m ruff check --quiet
	@$(PYTHON) -m ruff format --check --quiet
	@echo "- mypy --strict"
	@$(PYTHON) -m mypy --no-error-summary
	@echo "- pytest"
	@$(PYTHON) -m pytest -q -m "not long"

torture: compiler $(VENV)/.tested-with $(VENV)/.installed
	@echo "- pytest, the long tests"
	@$(PYTHON) -m pytest -q -m long

bench: compiler $(VENV)/.tested-with $(VENV)/.installed
	@for bench in tests/bench/[a-z]*.py; do echo "- $$bench"; $(PYTHON) $$bench $(VENV)/bin || exit 1; done

install: compiler $(VENV)/.built-with
	@echo "- $(PREFIX)"
	@python=$$($(PYTHON) -I -c 'import os, sys; print(os.path.realpath(sys.executable))') \
		&& "$$python" -I -m venv "$(PREFIX)"
	@$(PREFIX)/bin/python3 -I -c '$(IS_ITS_OWN)' "$(PREFIX)" || { echo "$(PREFIX) is no environment of its own"; exit 1; }
	@rm -rf $(VENV)/wheel
	@$(PIP) wheel --no-build-isolation --no-deps --no-index --wheel-dir $(VENV)/wheel .
	@$(PREFIX)/bin/python3 -I -m pip --quiet --disable-pip-version-check --no-input --no-cache-dir \
		install --root-user-action=ignore --upgrade --force-reinstall $(VENV)/wheel/pydeliver-*.whl
	@$(PREFIX)/bin/pydeliver --version
	@echo "The manual: man -M $(PREFIX)/share/man pydeliver; or put MANPATH=$(PREFIX)/share/man: into your environment"

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find pydeliver tests examples -name __pycache__ -prune -exec rm -rf {} +

compiler:
	@echo 'int main(void) { return 0; }' | $${CC:-cc} -x c -o /dev/null - 2>/dev/null \
		|| { echo "No C compiler works. Do: $(APT)"; exit 1; }

# The first that is a program and no pyenv shim (a script that asks which Python is meant), is new enough,
# and can make an environment (Debian has that in a package of its own).
$(VENV)/.made:
	@for python in /usr/bin/python3 $$(for name in python3.13 python3.12 python3.11; do \
			command -v $$name; echo /usr/local/bin/$$name; done); do \
		[ -x "$$python" ] && head -c 4 "$$python" | grep -q ELF || continue; \
		"$$python" -I -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "- $(VENV), with $$python"; \
		$(PYTHON) -I -c '$(IS_ITS_OWN)' $(VENV) 2>/dev/null || "$$python" -I -m venv --clear $(VENV) || break; \
		touch $@; exit 0; \
	done; \
	echo "No Python of at least 3.11 that can make an environment. Do: $(APT)"; exit 1

$(VENV)/.built-with: $(VENV)/.made pyproject.toml
	@echo "- what it is built with and needs (lark, google-re2, hatchling)"
	@$(PYTHON) -c 'import tomllib; table = tomllib.load(open("pyproject.toml", "rb")); \
		print(*table["build-system"]["requires"], *table["project"]["dependencies"], sep="\n")' > $(VENV)/build.txt
	@$(PIP) install --requirement $(VENV)/build.txt
	@touch $@

$(VENV)/.tested-with: $(VENV)/.built-with
	@echo "- what it is tested with (pytest, hypothesis, mypy, ruff)"
	@$(PYTHON) -c 'import tomllib; table = tomllib.load(open("pyproject.toml", "rb")); \
		print(*table["project"]["optional-dependencies"]["test"], sep="\n")' > $(VENV)/test.txt
	@$(PIP) install --requirement $(VENV)/test.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.built-with $(SOURCES)
	@echo "- pydeliver itself"
	@$(PIP) $(INSTALL) --root-user-action=ignore .
	@touch $@
