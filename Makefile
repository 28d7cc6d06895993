# Needs Go and git; everything else is fetched, built or started on the way. GNU make 3.81 will do.

PKG      ?= ./...
BENCH    ?= .
FUZZTIME ?= 30s
ARGS     ?=
ONLY     ?=

GOLANGCI_LINT = go tool -modfile=tools/go.mod golangci-lint
# Built rather than `go run`, which keeps signals and exit codes to itself.
PGCLUSTER = .bin/pgcluster

# The race detector needs a C compiler, and Go switches cgo off where there is none.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# The Go that go.mod requires is fetched, also where the environment says "local".
export GOTOOLCHAIN = auto

.DEFAULT_GOAL := help
.PHONY: help run test clients lint fmt bench fuzz mutate pgcluster

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

run: ## start the sample host; ARGS="serve --help"
	go run ./hostexample $(ARGS)

test: pgcluster ## run every test beside a private PostgreSQL; PKG=./signing/... for some
	@$(if $(RACE),:,echo "The race detector is left out: no C compiler found.")
	$(PGCLUSTER) -with nginx,pgbouncer -- go test $(RACE) -shuffle=on -timeout 30m $(PKG)
	@cd hostexample/mounts && go test $(RACE) ./...

clients: ## generate clients in Go and TypeScript, and use them against the sample host
	@command -v npm >/dev/null || echo "The client in TypeScript is left out: no npm found."
	cd hostexample/clients && go generate && go test -count=1 .

lint: ## check style and the import directions
	$(GOLANGCI_LINT) run $(PKG)

fmt: ## format the code as lint wants it
	$(GOLANGCI_LINT) fmt $(PKG)

bench: pgcluster ## run the benchmarks, on a PostgreSQL that syncs as in production; BENCH=Publish for some
	$(PGCLUSTER) -durable -- go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 1h $(PKG)

fuzz: ## run every fuzz target for FUZZTIME (30s) each
	@listed=$$(go test -list '^Fuzz' $(PKG)) || { echo "$$listed"; exit 1; }; \
	echo "$$listed" | \
	awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }' | \
	while read -r package name; do \
		echo "== $$package $$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package" </dev/null || exit 1; \
	done

mutate: pgcluster ## make known faults, one at a time, and name those that no test notices; ONLY=jwt for some
	@$(PGCLUSTER) -- go run ./internal/mutate -only '$(ONLY)'

pgcluster:
	@go build -buildvcs=false -o $(PGCLUSTER) ./internal/pgcluster
