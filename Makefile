# Two commands do everything: `make demo` and `make test`. Both set up what is missing.
.PHONY: demo test torture foreign lint bench sim docs snapshots help
SEED ?= 1
BITS ?= 100000
HALOY = target/debug/haloy

help: ## This list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## The whole story, for real: deploys, breaks, rolls back, shows the ledger
	tools/docker-up
	cargo build --quiet -p haloy
	$(HALOY) demo

test: ## The whole test suite, against a real Docker engine
	tools/docker-up --registry || [ -z "$$HALOY_REQUIRE_E2E" ]
	# As `make demo` builds it.
	cargo test --quiet --profile dev -p haloy --test release
	cargo test --workspace --features haloy/failpoints,haloy-replay-tests/bench

torture: ## Faults in the long form: every system call, every cut, and so many flipped bits: make torture BITS=100000
	HALOY_TORTURE=$(BITS) cargo test -p haloy-replay-tests --test faults --test steps -- --nocapture

foreign: ## With programs that Debian does not have (sops, age, buildx; Go builds them), and with an earlier haloy
	tools/docker-up --registry
	tools/foreign-programs
	tools/earlier-haloy
	HALOY_REQUIRE_E2E=1 HALOY_FOREIGN=$(CURDIR)/target/foreign/bin cargo test --workspace --features haloy/failpoints,haloy-replay-tests/bench --test e2e --test release --test newer -- --ignored real_

lint: ## Format, clippy with warnings as errors, dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features haloy/failpoints,haloy-replay-tests/bench -- -D warnings
	command -v cargo-deny >/dev/null || cargo install --quiet --locked cargo-deny
	cargo deny --log-level error check bans licenses sources

sim: ## One seed of the simulation, told step by step: make sim SEED=7
	HALOY_SIM_SEED=$(SEED) cargo test -p haloy-replay-tests --test simulation -- --nocapture one_seed

docs: ## What is generated from the code: commands, configuration keys, event catalogue
	HALOY_WRITE_DOCS=1 cargo test -p haloy --features haloy/failpoints --test docs

snapshots: ## What every command prints, as it is now: then read `git diff cli/tests/scenarios/snapshots`
	INSTA_UPDATE=always cargo test --quiet -p haloy --features failpoints --test scenarios

bench: ## Speed against named competitors, as ratios; writes docs/benchmarks.md
	tools/docker-up
	for p in nginx caddy wrk; do command -v $$p >/dev/null || tools/install $$p || true; done
	cargo build --release -p haloy
	cargo run --release -p haloy-replay-tests --features bench --bin bench -- $(ONLY)
