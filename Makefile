# Everything a person or a machine does with this tree. The work is in tools/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BUILD_PACKAGES := clang-19 llvm-19 libelf-dev zlib1g-dev pkg-config make gcc
TEST_PACKAGES := qemu-system-x86 busybox-static cpio zstd xz-utils binutils kmod e2fsprogs xfsprogs btrfs-progs \
	debian-archive-keyring shellcheck
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# Of the matrix: one cell, one view.
export KERNEL VIEW
# Of fuzzing: seconds for each target, one target.
export TIME FUZZ
# Where rustup puts cargo, which a shell that nobody logged in to does not know.
export PATH := $(PATH):$(HOME)/.cargo/bin

TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
BINARY = target/$(TARGET)/release/bcc-top

.PHONY: help run build release reproducible deb debtest deny test lint unit truth matrix fuzz soak bench screenshot demo tour build-packages test-packages cargo

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: build ## build and open the explorer
	$(SUDO) $(BINARY)

build: build-packages cargo ## the program, in target/
	tools/build.sh

release: build ## one static file, dist/bcc-top
	tools/release.sh $(BINARY)

reproducible: test-packages cargo ## builds it twice, in two places: the same bytes?
	tools/reproducible.sh

deb: release ## a Debian package of it, in dist/
	tools/deb.sh

debtest: test-packages deb ## the package, installed in a guest and run there
	tools/deb-test.sh

deny: cargo ## licences, banned crates and sources of what Cargo.lock names (installs cargo-deny)
	tools/deny.sh

test: test-packages lint unit matrix ## everything: lint, tests, truth on this host and on five kernels

lint: build-packages cargo ## formatting, clippy, shellcheck
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	shellcheck tools/*.sh tests/guest/init tests/guest/package .ci/run

unit: build-packages cargo ## all tests but the truth
	tools/unit.sh

truth: test-packages release ## what the views say against what happened, on this host (root)
	KERNEL=host tools/matrix.sh

matrix: test-packages release ## the same on every kernel, in QEMU: make matrix KERNEL=6.1 VIEW=biotop
	tools/matrix.sh

fuzz: build-packages cargo ## fuzz targets, each for TIME seconds: make fuzz TIME=600 FUZZ=btf
	tools/fuzz.sh

soak: build ## half an hour at full load: are memory and descriptors flat? kept in docs/soak.md (root)
	tools/apt-install.sh fio python3 curl
	$(SUDO) tools/soak.sh $(BINARY)

bench: build-packages cargo ## benchmarks beside libbpf-tools, kept in docs/performance.md (root)
	tools/apt-install.sh libbpf-tools bpftrace htop btop procps
	tools/bench.sh

screenshot: build ## the pictures in assets/, from the program's own screen (root)
	tools/apt-install.sh fio iperf3
	tools/screenshot.sh

demo: build ## the recording that ships in the program, assets/demo.rec, of a real load (root)
	tools/apt-install.sh fio iperf3 iproute2 curl python3
	$(SUDO) tools/demo.sh $(BINARY)

tour: build ## the pictures of docs/tour.md, over the recording in the program
	tools/tour.sh

build-packages:
	@tools/apt-install.sh $(BUILD_PACKAGES)

test-packages:
	@tools/apt-install.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)

cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust 1.90 or newer, see https://rustup.rs" >&2; exit 1; }
