# Each recipe in a cage of its own, with the jobserver of the make outside.
SHELL = $(CAGE) --rw $(CURDIR)/out --ro $(CURDIR) --system --jobserver --quiet -- /bin/sh
include Makefile
