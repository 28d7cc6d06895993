# The targets need Go, git and GNU make 3.81 or later. They fetch, build and start all other programs.

PKG      ?= ./...
BENCH    ?= .
FUZZTIME ?= 30s
ARGS     ?=
ONLY     ?=
SEED     ?= 0

GOLANGCI_LINT = go tool -modfile=tools/go.mod golangci-lint
# Built, because `go run` passes on neither signals nor exit codes.
PGCLUSTER = .bin/pgcluster

# The race detector needs a C compiler. Without one, Go switches cgo off.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# Fetches the Go version of go.mod, also if the environment says "local".
export GOTOOLCHAIN = auto

.DEFAULT_GOAL := help
.PHONY: help run test browser clients lint fmt bench fuzz mutate chaos pgcluster

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

run: ## start the sample host; ARGS="serve --help"
	@go build -buildvcs=false -o .bin/hostexample ./hostexample
	@exec .bin/hostexample $(ARGS)

# The selected packages, as PATH.test, with the imports of their tests. Some tests need servers,
# and packages httpapi and bunstore have tests in modules of their own.
# Make before 4.4 passes no exported variable to $(shell).
LISTED = $(shell GOTOOLCHAIN=$(GOTOOLCHAIN) go list -f '{{.ImportPath}}.test {{join .TestImports " "}} {{join .XTestImports " "}}' $(PKG))
TESTED = $(or $(LISTED),$(error go list finds no package for PKG=$(PKG)))
SERVERS = $(filter %/internal/testpg %/internal/pgserver %/delivery/guard.test,$(TESTED))
WITH_SERVERS = $(PGCLUSTER) -with nginx,pgbouncer,prometheus --
# The browser takes all processors, so its tests wait until all others have ended.
BROWSER = $(filter %/portal/browser.test,$(TESTED))
OTHERS = $(patsubst %.test,%,$(filter-out %/portal/browser.test,$(filter %.test,$(TESTED))))
IN_BROWSER = $(PGCLUSTER) -with chromium-headless-shell -- go test -count=1 -timeout 30m

test: ## run all tests, beside a private PostgreSQL if they need one; PKG=./signing/... selects some
	@$(if $(RACE),:,echo "Tests run without the race detector: no C compiler found.")
	@$(if $(SERVERS),$(MAKE) --no-print-directory pgcluster,:)
	@$(if $(OTHERS),$(if $(SERVERS),$(WITH_SERVERS) )go test $(RACE) -shuffle=on -timeout 30m $(OTHERS),:)
	$(if $(BROWSER),$(IN_BROWSER) $(RACE) ./portal/browser)
	@$(if $(filter %/httpapi.test,$(TESTED)),cd hostexample/mounts && go test $(RACE) ./...,:)
	@$(if $(filter %/store/bunstore.test,$(TESTED)),cd examples/drivers && ../../$(PGCLUSTER) -- go test $(RACE) ./...,:)

browser: pgcluster ## visit every page of the portal in Chromium, and walk its flows by keyboard on three stores
	$(IN_BROWSER) ./portal/browser

clients: ## generate clients in Go and TypeScript, and test them against the sample host
	@command -v npm >/dev/null || echo "The client in TypeScript is skipped: no npm found."
	cd hostexample/clients && go generate && go test -count=1 .

lint: ## check style, and the allowed imports of each package
	$(GOLANGCI_LINT) run $(PKG)

fmt: ## format the code as lint requires
	$(GOLANGCI_LINT) fmt $(PKG)

bench: pgcluster ## run the benchmarks, on a PostgreSQL that syncs each commit; BENCH=Publish selects some
	$(PGCLUSTER) -durable -- go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 1h $(PKG)

fuzz: ## run every fuzz target for FUZZTIME (30s) each
	@listed=$$(go test -list '^Fuzz' $(PKG)) || { echo "$$listed"; exit 1; }; \
	echo "$$listed" | \
	awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }' | \
	while read -r package name; do \
		echo "== $$package $$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package" </dev/null || exit 1; \
	done

mutate: pgcluster ## make known faults, one at a time, and list the ones that no test notices; ONLY=jwt selects some
	@$(PGCLUSTER) -- go run ./internal/mutate -only '$(ONLY)'

chaos: ## kill hosts and restart databases under load, and report losses; ONLY=postgres_restart SEED=7
	@go build -buildvcs=false -o .bin/chaos ./chaos
	.bin/chaos -only '$(ONLY)' -seed $(SEED) -report .bin $(ARGS)

pgcluster:
	@go build -buildvcs=false -o $(PGCLUSTER) ./internal/pgcluster
