# bailiff: build, tests, proofs. The Makefile is the continuous integration: .ci/run calls `test` and `check`.
#
# It never sets RUSTFLAGS, and Cargo never looks at the network: there is nothing to fetch.

CARGO ?= cargo
INSTALL ?= install
PREFIX ?= /usr/local
target := $(or $(CARGO_TARGET_DIR),target)
build := $(CARGO) build --release --locked --offline
roles := bailiff-launcher bailiff-watcher bailiff-tracker bailiff-enforcer-nft bailiff-compiler
libexec := $(PREFIX)/libexec/bailiff

.PHONY: all test unit system check demo bench fuzz install clean
.PHONY: caged-build deps layers unsafe tcb fmt clippy syscalls panics elf repro plants aarch64 kernel show-filter

all:
	$(build)

# Both, and every claim of `check`, whatever the first of them says.
test:
	@$(MAKE) --no-print-directory --keep-going unit system

unit:
	$(CARGO) test --locked --offline --test unit

system: all
	audit/system/run.sh

# Every claim that a script can prove; docs and audit/README.md name them one by one.
check:
	@$(MAKE) --no-print-directory --keep-going fmt deps layers unsafe clippy tcb syscalls panics elf repro plants

deps layers unsafe tcb syscalls panics elf repro aarch64 kernel:
	@echo "== $@"
	@audit/$@.sh

# The code that build.rs makes of a filter, beside the filter: make show-filter F=sshd
show-filter:
	@audit/show-filter.sh $(F)

fmt:
	@echo "== $@"
	@$(CARGO) fmt --check -- --config-path audit/rustfmt.toml && echo "ok    formatted"

# Not --all-targets: that would compile the programs, which have no std, as tests. A test may unwrap: that is its verdict.
lint := CLIPPY_CONF_DIR=audit $(CARGO) clippy --quiet --locked --offline
clippy:
	@echo "== $@"
	@$(lint) --lib --bins -- -D warnings && echo "ok    no lint speaks of the programs"
	@$(lint) --test unit -- -D warnings -A clippy::unwrap_used -A clippy::expect_used -A clippy::panic \
		-A clippy::type_complexity -A clippy::too_many_lines -A unreachable_pub && echo "ok    nor of the tests"

# The same build as a step in a cage (audit/steps.toml), and the same bytes. VERIFY=--verify: twice, under other circumstances.
caged-build: all
	@echo "== $@"
	@cd $(target)/release && sha256sum bailiff-cage bailiff bailiffd $(roles) | sort -u >caged-build.sums
	@$(target)/release/bailiff-cage step --policy audit/steps.toml --record $(target)/caged-build.jsonl $(VERIFY) release
	@cd target/release && sha256sum --quiet --check $(abspath $(target))/release/caged-build.sums && \
		echo "ok    the build in a cage has the same bytes"

# Each script fails on a planted violation, and says why.
plants:
	@echo "== $@"
	@audit/plant.sh

demo: all
	@BIN=$(target)/release audit/demo/demo.sh

bench: all
	@audit/bench/bench.py

# SECONDS for each target (600), FUZZ_TARGETS to choose some.
fuzz:
	@audit/fuzz/fuzz.sh

# Installs what `make` has built, and builds nothing: whoever installs needs no compiler. The path of the configuration is
# the daemon's own; one that is there is left as it is.
install:
	@test -x $(target)/release/bailiffd || { echo "nothing is built yet: run make first" >&2; exit 1; }
	$(INSTALL) -d $(DESTDIR)$(libexec) $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin
	$(INSTALL) -m 755 $(addprefix $(target)/release/,bailiffd $(roles)) $(DESTDIR)$(libexec)
	$(INSTALL) -m 755 $(addprefix $(target)/release/,bailiff bailiff-cage) $(DESTDIR)$(PREFIX)/bin
	ln -sf ../libexec/bailiff/bailiffd $(DESTDIR)$(PREFIX)/sbin/bailiffd
	ln -sf bailiff-cage $(DESTDIR)$(PREFIX)/bin/bailiff-cage-rustc
	$(INSTALL) -d $(DESTDIR)/etc/bailiff/filters
	test -e $(DESTDIR)/etc/bailiff/bailiff.toml || \
		$(INSTALL) -m 644 docs/examples/bailiff.toml $(DESTDIR)/etc/bailiff/bailiff.toml
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	sed 's,@PREFIX@,$(PREFIX),g' docs/systemd/bailiff.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/bailiff.service
	$(INSTALL) -m 644 docs/systemd/bailiff.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/bailiff.conf
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/bailiff.service
	for page in docs/man/*.[1-8]; do \
		folder=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; \
		$(INSTALL) -d $$folder && $(INSTALL) -m 644 $$page $$folder || exit 1; \
	done

clean:
	$(CARGO) clean
