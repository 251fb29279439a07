# SPDX-License-Identifier: Apache-2.0
# The benchmark. `make check` builds it, so that it goes on compiling; `make bench` runs it.
check_PROGRAMS += bench/moorbench
bench_moorbench_SOURCES = \
	bench/floor.c \
	bench/harness.c \
	bench/harness.h \
	bench/moorbench.c \
	bench/one_core.c \
	bench/one_core.h \
	bench/peer_mooring.c \
	bench/report.c \
	bench/report.h \
	bench/round_trip.h \
	bench/stream.h
bench_moorbench_CPPFLAGS = $(AM_CPPFLAGS)
bench_moorbench_LDADD = libmooring.la
if HAVE_CK
bench_moorbench_SOURCES += bench/peer_ck_ring.c
bench_moorbench_CPPFLAGS += -DBENCH_CK
endif

# BENCHFLAGS="--quick --csv results.csv", for one.
bench: bench/moorbench$(EXEEXT)
	bench/moorbench$(EXEEXT) $(BENCHFLAGS)
.PHONY: bench
