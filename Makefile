# Paris traceroute toolkit. `make help` lists the targets; README.md tells the rest.
#
# Yours to set: CC, CFLAGS, CPPFLAGS, LDFLAGS, prefix and the folders below, DESTDIR,
#   V=1 (show commands), SAN=address,undefined or VALGRIND=1 (variants that build in a
#   folder of their own, with the sandbox compiled out).

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g
AR ?= ar
PKG_CONFIG ?= pkg-config
INSTALL ?= install

prefix ?= /usr/local
bindir ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/paris-traceroute
datadir ?= $(prefix)/share/paris-traceroute
bashdir ?= $(prefix)/share/bash-completion/completions
zshdir ?= $(prefix)/share/zsh/site-functions
fishdir ?= $(prefix)/share/fish/vendor_completions.d

VERSION := $(shell cat VERSION)

# ---- variants ------------------------------------------------------------------------
ifdef SAN
comma := ,
variant := san-$(subst $(comma),-,$(SAN))
VARIANT_CFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-DPARIS_NO_SANDBOX
VARIANT_LDFLAGS := -fsanitize=$(SAN)
# gcc's run-time linked in, as clang's is by itself: programs start in half the time.
static_address := -static-libasan
static_undefined := -static-libubsan
static_thread := -static-libtsan
static_leak := -static-liblsan
ifeq ($(findstring clang,$(CC)),)
VARIANT_LDFLAGS += $(foreach one,$(subst $(comma), ,$(SAN)),$(static_$(one)))
endif
else ifdef VALGRIND
variant := valgrind
VARIANT_CFLAGS := -DPARIS_NO_SANDBOX
else
variant := release
machine := $(shell $(CC) -dumpmachine 2>/dev/null)
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
	$(if $(filter x86_64-% i%86-%,$(machine)),-fcf-protection) \
	$(if $(filter aarch64-%,$(machine)),-mbranch-protection=standard)
endif
BUILD ?= build$(if $(filter-out release,$(variant)),/$(variant))

# ---- the project's own flags, apart from the user's ----------------------------------
PROJECT_CPPFLAGS := -I. -D_GNU_SOURCE -DPARIS_VERSION='"$(VERSION)"'
PROJECT_CFLAGS := -std=gnu11 -fPIE -ffunction-sections -fdata-sections -Wall -Wextra \
	-Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
	-Wwrite-strings -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wno-format-nonliteral \
	-Wno-missing-field-initializers
ifeq ($(WERROR),1)
PROJECT_CFLAGS += -Werror
endif
PROJECT_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

# pkg-config is asked once, when the first recipe needs it: by then `deps` may have run.
ask = $(eval $(1) := $$(shell $(PKG_CONFIG) $(2)))$($(1))
SANDBOX_LIBS = $(call ask,SANDBOX_LIBS,--libs libseccomp libcap-ng)
CARES_LIBS = $(call ask,CARES_LIBS,--libs libcares)
NCURSES_LIBS = $(call ask,NCURSES_LIBS,--libs ncurses)
JANSSON_LIBS = $(call ask,JANSSON_LIBS,--libs jansson)
CAPNG_LIBS = $(call ask,CAPNG_LIBS,--libs libcap-ng)
MNL_LIBS = $(call ask,MNL_LIBS,--libs libmnl)
CHECK_LIBS = $(call ask,CHECK_LIBS,--libs check)
CHECK_CFLAGS = $(call ask,CHECK_CFLAGS,--cflags check)
PKG_CFLAGS = $(call ask,PKG_CFLAGS,--cflags libseccomp libcap-ng libcares jansson libmnl ncurses)

ifneq ($(V),1)
quiet := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say = @$(if $(quiet),,printf '  %-7s %s\n' $(1) $(2);)
endif

# ---- what is built of what -----------------------------------------------------------
bin := $(BUILD)/bin
libexec := $(BUILD)/libexec/paris-traceroute
obj := $(BUILD)/obj
lib := $(BUILD)/lib

common_c := $(wildcard common/*.c)
prober_c := $(filter-out prober/main.c,$(wildcard prober/*.c prober/*/*.c))
algorithms_c := $(wildcard algorithms/*.c)
shared_c := $(wildcard tools/shared/*.c)
traceroute_c := $(filter-out tools/traceroute/main.c,$(wildcard tools/traceroute/*.c))
ping_c := $(filter-out tools/ping/main.c,$(wildcard tools/ping/*.c))
mda_c := $(filter-out tools/mda/main.c,$(wildcard tools/mda/*.c))
live_c := $(wildcard tools/live/*.c)
names_c := $(filter-out tools/names/main.c,$(wildcard tools/names/*.c))
fakeroute_c := $(filter-out tools/fakeroute/main.c,$(wildcard tools/fakeroute/*.c))
# The helper, and all of common/ that it may have.
privsep_c := $(wildcard privsep/*.c)
privsep_common_c := $(patsubst %,common/%.c,addr ancillary bytes checksum clock codec framing \
	ip_header log packets privilege privsep_messages privsep_packets raw_sockets sandbox sockopt \
	wire)

objects = $(patsubst %.c,$(obj)/%.o,$(1))

tools := $(bin)/paris-traceroute $(bin)/mda $(bin)/paris-ping $(bin)/paris-fakeroute
helper := $(libexec)/paris-privsep
servants := $(libexec)/paris-prober $(libexec)/paris-names $(helper)
programs := $(tools) $(servants)

# What completes command lines, of the tools whose options are in one table.
completed := paris-traceroute mda paris-ping
completions := $(foreach tool,$(completed),$(addprefix $(BUILD)/completions/,bash/$(tool) \
	zsh/_$(tool) fish/$(tool).fish))

unit_tests := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/check_*.c))
test_programs := $(unit_tests) \
	$(patsubst tests/programs/%.c,$(BUILD)/tests/programs/%,$(wildcard tests/programs/*.c))
test_support_c := $(wildcard tests/support/*.c)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help demo check check-all check-unit check-lab check-functional check-privsep \
	check-programs bench fuzz lint format install installed install-caps uninstall dist \
	deps deps-build deps-ci deps-deb deb check-deb rpm check-rpm compile-flags tests clean

all: $(programs) $(completions) ; @:

help:
	@echo "make            build into $(BUILD)/"
	@echo "make demo       install what is missing, build, trace a simulated network"
	@echo "make check      install what is missing, build, run every test"
	@echo "make check-unit | check-functional | check-lab | check-privsep   one kind of tests"
	@echo "make bench      side by side with Debian's traceroute"
	@echo "make fuzz FUZZ_SECONDS=300   each parser for so long, with libFuzzer"
	@echo "make lint | format | deps | install | uninstall | dist | clean"
	@echo "make deb | check-deb   Debian packages into $(BUILD)/deb; build, install, purge them"
	@echo "make rpm | check-rpm   likewise RPM packages into $(BUILD)/rpm, where rpmbuild is"
	@echo "make install-caps   as root, after install: the capability of the helper"
	@echo "variants: SAN=address,undefined   VALGRIND=1   CC=clang   V=1   WERROR=1"

$(obj)/%.o: %.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(PROJECT_CPPFLAGS) $(CPPFLAGS) \
	$(PROJECT_CFLAGS) $(PKG_CFLAGS) $(HARDENING) $(VARIANT_CFLAGS) $(CFLAGS) \
	-MMD -MP -c -o $@ $<

$(obj)/tests/%.o: PROJECT_CFLAGS += $(CHECK_CFLAGS)

archive = $(call say,AR,$@)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
$(lib)/libcommon.a: $(call objects,$(common_c)); $(archive)
$(lib)/libprober.a: $(call objects,$(prober_c)); $(archive)
$(lib)/libalgorithms.a: $(call objects,$(algorithms_c)); $(archive)
$(lib)/libshared.a: $(call objects,$(shared_c)); $(archive)
$(lib)/libtraceroute.a: $(call objects,$(traceroute_c)); $(archive)
$(lib)/libmda.a: $(call objects,$(mda_c)); $(archive)
$(lib)/libping.a: $(call objects,$(ping_c)); $(archive)
$(lib)/liblive.a: $(call objects,$(live_c)); $(archive)
$(lib)/libnames.a: $(call objects,$(names_c)); $(archive)
$(lib)/libfakeroute.a: $(call objects,$(fakeroute_c)); $(archive)
$(lib)/libprivsep.a: $(call objects,$(filter-out privsep/main.c,$(privsep_c))); $(archive)
$(lib)/libsupport.a: $(call objects,$(test_support_c)); $(archive)

link = $(call say,LD,$@)mkdir -p $(@D) && $(CC) $(PROJECT_LDFLAGS) $(VARIANT_CFLAGS) \
	$(CFLAGS) $(VARIANT_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group

$(libexec)/paris-prober: $(obj)/prober/main.o $(lib)/libalgorithms.a $(lib)/libprober.a \
		$(lib)/libcommon.a
	$(link) $(SANDBOX_LIBS) -lm
$(libexec)/paris-names: $(obj)/tools/names/main.o $(lib)/libnames.a $(lib)/libcommon.a
	$(link) $(CARES_LIBS) $(SANDBOX_LIBS)
# Only itself and the least of common/: what is not used is left out, and what it then
# takes from libraries must be on the list; its size has a limit too.
$(helper): $(call objects,$(privsep_c) $(privsep_common_c)) privsep/imports
	$(link) -Wl,--gc-sections $(SANDBOX_LIBS)
ifeq ($(variant),release)
	@privsep/check $@
endif
$(bin)/paris-traceroute: $(obj)/tools/traceroute/main.o $(lib)/libtraceroute.a \
		$(lib)/liblive.a $(lib)/libmda.a $(lib)/libshared.a $(lib)/libalgorithms.a \
		$(lib)/libprober.a $(lib)/libcommon.a
	$(link) $(JANSSON_LIBS) $(NCURSES_LIBS) $(CAPNG_LIBS) -lm
$(bin)/mda: $(obj)/tools/mda/main.o $(lib)/libmda.a $(lib)/libshared.a \
		$(lib)/libalgorithms.a $(lib)/libprober.a $(lib)/libcommon.a
	$(link) $(JANSSON_LIBS) $(CAPNG_LIBS) -lm
$(bin)/paris-ping: $(obj)/tools/ping/main.o $(lib)/libping.a $(lib)/libshared.a \
		$(lib)/libalgorithms.a $(lib)/libprober.a $(lib)/libcommon.a
	$(link) $(JANSSON_LIBS) $(CAPNG_LIBS) -lm
$(bin)/paris-fakeroute: $(obj)/tools/fakeroute/main.o $(lib)/libfakeroute.a \
		$(lib)/libshared.a $(lib)/libprober.a $(lib)/libcommon.a
	$(link) $(JANSSON_LIBS) $(MNL_LIBS) $(CAPNG_LIBS)

# For the build alone: it prints from the table of options what shells complete.
completion := $(obj)/completion
$(completion): $(call objects,$(wildcard tools/completion/*.c)) $(lib)/libshared.a \
		$(lib)/libalgorithms.a $(lib)/libprober.a $(lib)/libcommon.a
	$(link) $(CAPNG_LIBS) $(JANSSON_LIBS) -lm
complete = $(call say,GEN,$@)mkdir -p $(@D) && $(completion) $(1) $* >$@
$(BUILD)/completions/bash/%: $(completion); $(call complete,bash)
$(BUILD)/completions/zsh/_%: $(completion); $(call complete,zsh)
$(BUILD)/completions/fish/%.fish: $(completion); $(call complete,fish)

test_link = $(link) $(JANSSON_LIBS) $(NCURSES_LIBS) $(MNL_LIBS) $(CHECK_LIBS) $(CARES_LIBS) \
	$(SANDBOX_LIBS) -lm
test_archives := $(lib)/libsupport.a $(lib)/libfakeroute.a $(lib)/libnames.a \
	$(lib)/libtraceroute.a $(lib)/liblive.a $(lib)/libmda.a $(lib)/libping.a \
	$(lib)/libprivsep.a $(lib)/libshared.a $(lib)/libalgorithms.a $(lib)/libprober.a \
	$(lib)/libcommon.a
$(BUILD)/tests/%: $(obj)/tests/%.o $(test_archives)
	$(test_link)

-include $(patsubst %.c,$(obj)/%.d,$(common_c) $(prober_c) prober/main.c $(algorithms_c) \
	$(shared_c) $(traceroute_c) $(mda_c) $(privsep_c) $(wildcard tools/*/*.c tests/*/*.c))

# ---- what a newcomer types -----------------------------------------------------------
packages := gcc libc6-dev pkg-config libseccomp-dev libcap-ng-dev libc-ares-dev \
	libjansson-dev libmnl-dev libncurses-dev uthash-dev
test_packages := check netbase python3 iproute2 libcap2-bin tmux $(if $(VALGRIND),valgrind)
# With these nothing is skipped: tools to compare with, to look for faults, to lint.
ci_packages := clang clang-format clang-tidy cppcheck shellcheck mandoc valgrind strace \
	traceroute scamper mtr-tiny iputils-tracepath iputils-ping dublin-traceroute tshark \
	nftables graphviz apparmor mmdb-bin
# What debian/control needs besides, and tests/package/check-deb.
deb_packages := dpkg-dev debhelper dh-apparmor
check_deb_packages := lintian debootstrap util-linux

# Installs the packages that are missing; one quick question when none is.
deps-build: ; @$(call install_missing,$(packages))
deps: ; @$(call install_missing,$(packages) $(test_packages))
deps-ci: ; @$(call install_missing,$(packages) $(test_packages) $(ci_packages))
deps-deb: ; @$(call install_missing,$(packages) $(test_packages) $(deb_packages))

define install_missing
command -v dpkg-query >/dev/null || { echo "make deps knows only Debian's packages," \
	"please see to the like of: $(1)" >&2; exit 0; }; \
present=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(1) 2>/dev/null | \
	sed -n 's/ installed$$//p'); missing=; \
for package in $(1); do \
	printf '%s\n' "$$present" | grep -qxF "$$package" || missing="$$missing $$package"; \
done; \
[ -n "$$missing" ] || exit 0; \
if [ $$(id -u) -eq 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; \
else echo "packages are missing; as root run: apt-get update && apt-get install" \
	"--no-install-recommends$$missing" >&2; exit 1; fi; \
echo "installing:$$missing"; log=$$(mktemp); \
if $$sudo apt-get update -qq >$$log 2>&1 && $$sudo env DEBIAN_FRONTEND=noninteractive \
	apt-get install -y -qq --no-install-recommends $$missing </dev/null >>$$log 2>&1; \
then rm -f $$log; else cat $$log >&2; rm -f $$log; exit 1; fi
endef

# Uses all processors unless a -j from above says how many.
parallel = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j $$(nproc))

demo: deps-build
	+@$(parallel) all
	@tests/demo $(BUILD)

check: deps
	+@$(parallel) check-all

test_run = tests/run --build $(BUILD) --variant $(variant)
tests: $(test_programs) ; @:
check-programs: ; +@$(parallel) all tests
check-all: check-programs ; @$(test_run) unit functional lab privsep
check-unit: check-programs ; @$(test_run) unit
check-functional: check-programs ; @$(test_run) functional
check-lab: check-programs ; @$(test_run) lab
check-privsep: check-programs ; @$(test_run) privsep

# The helper without its limit of probes a second, to measure the rest; never installed.
unlimited := $(BUILD)/tests/programs/privsep-unlimited
$(unlimited): $(privsep_c) $(privsep_common_c) $(wildcard common/*.h privsep/*.h)
	$(call say,LD,$@)mkdir -p $(@D) && $(CC) $(PROJECT_CPPFLAGS) $(CPPFLAGS) $(PROJECT_CFLAGS) \
	$(PKG_CFLAGS) $(HARDENING) $(CFLAGS) -DPRIVSEP_NO_LIMIT $(PROJECT_LDFLAGS) $(LDFLAGS) \
	-o $@ $(filter %.c,$^) $(SANDBOX_LIBS)

bench:
	+@$(parallel) all $(unlimited) \
		$(addprefix $(BUILD)/tests/programs/,many flood helper_load)
	@tests/bench/run $(BUILD)

# Each parser of hostile bytes in turn, with clang's libFuzzer.
FUZZ_SECONDS ?= 60
fuzz:
	@BUILD=$(BUILD) tests/fuzz/run -t $(FUZZ_SECONDS)

lint:
	@tests/lint

format:
	clang-format -i $$(tests/lint --files .c .h)

# For tests/lint: what the sources are compiled with.
compile-flags:
	@printf '%s\n' "$(subst ",\",$(PROJECT_CPPFLAGS)) $(PKG_CFLAGS) $(CHECK_CFLAGS) -std=gnu11"

# ---- installing ----------------------------------------------------------------------
# The tools find their servants by this path from their own folder, wherever that is.
relative := $(shell realpath -m --relative-to=$(bindir) $(libexecdir)/paris-traceroute)
PROJECT_CPPFLAGS += -DPARIS_LIBEXEC='"$(relative)"'
# Written when it is another one, so that `make install libexecdir=...` compiles it in.
$(obj)/tools/shared/servant.o: $(obj)/relative
$(obj)/relative: FORCE
	@mkdir -p $(@D) && { echo '$(relative)' | cmp -s - $@ || echo '$(relative)' >$@; }
FORCE: ;
manuals := $(wildcard man/*.[158])
documents := README.md ARCHITECTURE.md SECURITY.md NEWS LICENSE

# All that is installed, and no more is removed: MODE:FILE:FOLDER.
installed := $(foreach file,$(tools),0755:$(file):$(bindir)) \
	$(foreach file,$(servants),0755:$(file):$(libexecdir)/paris-traceroute) \
	$(foreach file,$(documents),0644:$(file):$(docdir)) \
	0644:doc/results.schema.json:$(datadir) \
	0644:tests/topologies/demo.topo:$(docdir)/examples \
	$(foreach file,decisions.md mda-demo.svg,0644:doc/$(file):$(docdir)/doc) \
	$(foreach shell,bash zsh fish,$(foreach file,$(filter \
	$(BUILD)/completions/$(shell)/%,$(completions)),0644:$(file):$($(shell)dir))) \
	$(foreach file,$(manuals),0644:$(file):$(mandir)/man$(subst .,,$(suffix $(file))))
# $(call each_installed,COMMAND): in it are $$mode, $$file and where it goes, $$target.
each_installed = @set -e; for entry in $(installed); do mode=$${entry%%:*}; \
	file=$${entry\#*:}; folder=$${file\#*:}; file=$${file%%:*}; \
	target="$(DESTDIR)$$folder/$${file\#\#*/}"; $(1); done

install: all
	$(call each_installed,$(INSTALL) -D -m $$mode $$file "$$target")

own_folders := $(libexecdir)/paris-traceroute $(docdir)/examples $(docdir)/doc $(docdir) \
	$(datadir)
uninstall:
	$(call each_installed,rm -f "$$target")
	@for folder in $(own_folders); do [ ! -d "$(DESTDIR)$$folder" ] || \
		rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$folder"; done

# The names of all files that are installed, one a line.
installed: ; $(call each_installed,echo "$$target")

# The one privilege there is: of paris-privsep alone, and without it all else works. A
# package does this in its postinst: no archive carries file capabilities.
install-caps: capable := $(libexecdir)/paris-traceroute/$(notdir $(helper))
install-caps:
	@say() { echo "install-caps: $$*" >&2; exit 1; }; \
	[ $(variant) = release ] || say "a build without sandbox must have no capability:" \
		"make and install one without SAN and VALGRIND"; \
	[ -z "$(DESTDIR)" ] || say "a packaged file keeps no capability: set it where the" \
		"package is installed, without DESTDIR"; \
	[ -e $(capable) ] || say "there is no $(capable): make install first," \
		"with the same prefix"; \
	command -v setcap >/dev/null || say "there is no setcap: install libcap2-bin"; \
	setcap cap_net_raw+p $(capable) || say "run it as root, on a file system that" \
		"takes capabilities"

# Of what is committed; from an unpacked tarball, of what is there.
dist_name := paris-traceroute-$(VERSION)
dist:
	@if [ -e .git ]; then \
	git archive --prefix=$(dist_name)/ -o $(dist_name).tar.gz HEAD; else \
	tests/lint --files | tar -czf $(dist_name).tar.gz --transform 's,^,$(dist_name)/,' \
	--owner=0 --group=0 -T -; fi
	@echo $(dist_name).tar.gz

# ---- packages ------------------------------------------------------------------------
deb: deps-deb
	@packaging/deb $(BUILD)/deb

# As root; takes minutes, and the package archive of this machine.
check-deb: deps-deb
	@$(call install_missing,$(check_deb_packages))
	@tests/package/check-deb $(BUILD)/check-deb

# rpmbuild itself says what is missing.
rpm: ; @packaging/rpm $(BUILD)/rpm
check-rpm: rpm ; @tests/package/check-rpm $(BUILD)/rpm

clean:
	rm -rf $(BUILD)
