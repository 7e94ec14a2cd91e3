# Two commands do everything: `make demo` and `make test`.
.PHONY: lint test

lint: ## Format and clippy, warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

test: ## The whole test suite
	cargo test --workspace
