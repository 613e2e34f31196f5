.PHONY: build test e2e e2e-node image simulate fuzz bench bench-cluster bench-hostile lint deny demo generate

build:
	cargo build --release

# Formatting, lints and every test, on a control plane of its own (TEST_CLUSTER=current: on that of the current kubeconfig).
test: lint
	cargo test --workspace

# Seeded schedules of decide in a model of the cluster: make simulate N=100000 (SEED=42 replays one).
N ?= 50000
simulate:
	SIMULATE_N=$(N) cargo test --release --test simulation claims_hold

# Every fuzz target for some seconds, on a stable compiler: make fuzz SECONDS=600 TARGETS=load. Needs cargo-fuzz (cargo install --locked
# cargo-fuzz) and a C++ compiler. Seeded with the corpus where it lies beside the repository; findings come to target/fuzz/artifacts.
SECONDS ?= 5
TARGETS ?= yaml interpolation env_file ports volumes units load translate
CORPUS := $(wildcard ../shared/compose-corpus)
seeds = $(if $(filter load translate,$(1)),tests/fuzz/seeds/project examples $(CORPUS),\
	$(if $(filter yaml,$(1)),tests/fuzz/seeds/yaml tests/fuzz/seeds/project $(CORPUS),tests/fuzz/seeds/$(1)))
# 0 is a seed of its own each time.
FUZZ_SEED ?= 0
fuzz: $(TARGETS:%=fuzz-%)
fuzz-%:
	mkdir -p target/fuzz/corpus/$* target/fuzz/artifacts/$*
	cargo fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none $* target/fuzz/corpus/$* $(call seeds,$*) -- \
		-max_total_time=$(SECONDS) -seed=$(FUZZ_SEED) -timeout=10 -rss_limit_mb=1024 -max_len=16384 -dict=tests/fuzz/compose.dict \
		-artifact_prefix=target/fuzz/artifacts/$*/ -verbosity=0 -print_final_stats=1

# Loading and translating beside the reference's loading, in the same run, and processes of Kompose; both are built with Go.
bench:
	cargo bench --bench compose

# What the worst files of 1 MiB cost, against the bounds of CPU time and heap.
bench-hostile:
	cargo bench --bench hostile

# What many stacks cost a control plane and the operator, beside a bare client that writes the same: make bench-cluster STACKS=1000 ROUNDS=1.
bench-cluster: export STACKS ?= 100
bench-cluster: export ROUNDS ?= 2
bench-cluster:
	cargo bench --profile release --bench cluster

lint:
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --test e2e -- -D warnings
	test -z "$$($$(go env GOROOT)/bin/gofmt -l devcluster/go realnode/go benches/reference tests/compose/reference | tee /dev/stderr)"

# Licences, sources, bans and advisories of the dependencies; needs cargo-deny (cargo install --locked cargo-deny).
DENY ?= licenses sources bans advisories
deny:
	cargo deny --workspace check $(DENY)

# What containers show: the operator as its image and chart make it, on a real node in namespaces of its own. Needs Linux and root; elsewhere
# TEST_CLUSTER=current make e2e takes the cluster of the current kubeconfig, and installs IMAGE there if one is given. ARGS are those of the
# tests: make e2e ARGS='--test-threads=1 words'. Figures are then in target/tmp/e2e.tsv and e2e-operator.txt.
# Last of all, what failed in short.
failed = { cat target/tmp/e2e-failures.txt >&2 2>/dev/null; exit 1; }
e2e: export RUST_TEST_THREADS ?= 8
e2e:
	@rm -f target/tmp/e2e-failures.txt
ifeq ($(TEST_CLUSTER),current)
	cargo test --no-run --test e2e
	$(if $(IMAGE),cargo run -q -p realnode -- install --image $(IMAGE))
	cargo test --test e2e -- $(ARGS) || $(failed)
else
	cargo run -q -p realnode -- run --operator --meanwhile 'cargo test --no-run --test e2e' cargo test --test e2e -- $(ARGS) || $(failed)
endif

# The real node itself: it comes up, loses its power, and leaves nothing.
e2e-node:
	cargo run -q -p realnode -- build
	cargo test -p realnode --test traces --test lifecycle

# The operator's image, built by the Dockerfile without a container registry, as an archive that `docker load` takes. Needs Linux and root.
image:
	cargo run -q -p realnode -- image target/image/compose-operator.tar

# A control plane, the operator and the stacks of examples/, until Ctrl-C (DEMO=once: until all are as they should be). Its pods are statuses
# only; with NODE=real they are containers that answer, on a real node (Linux, root).
demo:
	cargo build --bin compose-operator --example demo
ifeq ($(NODE),real)
	TEST_CLUSTER=current cargo run -q -p realnode -- run --image cargo run -q --example demo
else
	cargo run -q --example demo
endif

# crds/ and the chart's copy of it, from the Rust types; tests/corpus/refused.txt, from what translation refuses; docs/compose-support.md, from the table of attributes; docs/policy.md, from the policy; tests/compose/golden and tests/compose/projects, by the reference.
generate:
	cd tests/compose/reference && go run . ../golden ../projects
	UPDATE=1 cargo test -q --test repo crd_
	UPDATE=1 cargo test -q --test repo page_
	UPDATE=1 cargo test -q --test translate corpus
