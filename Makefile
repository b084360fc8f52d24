# The few commands of this project; scripts/setup fetches, meson builds. README.md says what each is for.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD := build

.PHONY: build demo check bench install deb clean help
.NOTPARALLEL:

define compile
@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) --buildtype=release >$(BUILD).log 2>&1 \
	|| { cat $(BUILD).log; echo "meson could not prepare $(BUILD)/"; exit 1; }
@rm -f $(BUILD).log
@ninja -C $(BUILD) -n | grep -q "no work to do" || { echo "compiling …"; ninja -C $(BUILD) --quiet; }
endef

build: setup-build
	$(compile)
	@echo "built $(BUILD)/fovea and $(BUILD)/libfovea.so"

demo: setup-demo
	$(compile)
	@exec $(BUILD)/fovea serve --demo

# Tests in Python are found when meson looks for them: after the first set-up for them it looks again.
check: setup-check
	@[ ! -f $(BUILD)/build.ninja ] || [ $(BUILD)/build.ninja -nt .deps/venv/.complete ] \
		|| meson setup --reconfigure $(BUILD) >/dev/null
	$(compile)
	@exec scripts/check $(FOVEA_CHECK)

bench: setup-bench
	$(compile)
	@exec scripts/bench

install: setup-build
	$(compile)
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@DESTDIR=$(abspath $(DESTDIR)) meson install -C $(BUILD) --quiet
	@packaging/install_parts $(abspath $(DESTDIR))$(abspath $(PREFIX))/share/fovea
	@echo "installed into $(abspath $(DESTDIR))$(abspath $(PREFIX))"

deb: setup-build
	$(compile)
	@packaging/make_deb

clean:
	rm -rf $(BUILD) build-asan build-tsan

help:
	@echo "make demo | check | build | bench | install [DESTDIR=] [PREFIX=] | deb | clean"

.PHONY: setup-build setup-demo setup-check setup-bench
setup-build setup-demo setup-check setup-bench: setup-%:
	@scripts/setup $*
