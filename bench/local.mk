# SPDX-License-Identifier: Apache-2.0
# The benchmark, behind `mooring bench`. Each peer that comes from a library of others is compiled with that library's
# flags, and into no other program.
pkglibexec_PROGRAMS += bench/mooring-bench
noinst_LTLIBRARIES += libbench-mooring.la
bench_cppflags = -include $(top_builddir)/config.h -I$(top_srcdir)/include
bench_mooring_bench_SOURCES = \
	bench/buffers.h \
	bench/floor.c \
	bench/harness.c \
	bench/harness.h \
	bench/main.c \
	bench/measure.h \
	bench/one_core.c \
	bench/one_core.h \
	bench/peer_futex.c \
	bench/peer_mq.c \
	bench/peer_pipe.c \
	bench/peer_socket.c \
	bench/pictures.c \
	bench/report.c \
	bench/report.h \
	bench/slots.h
bench_mooring_bench_CPPFLAGS = $(bench_cppflags)
# libmooring stands first, so that nobody else's function takes its place.
bench_mooring_bench_LDADD = libbench-mooring.la libmooring.la $(BENCH_RT_LIBS)
libbench_mooring_la_SOURCES = bench/peer_mooring.c
libbench_mooring_la_CPPFLAGS = $(bench_cppflags)

if BENCH_CK
noinst_LTLIBRARIES += libbench-ck.la
libbench_ck_la_SOURCES = bench/peer_ck_ring.c
libbench_ck_la_CPPFLAGS = $(bench_cppflags) $(CK_CFLAGS)
bench_mooring_bench_CPPFLAGS += -DBENCH_CK
bench_mooring_bench_LDADD += libbench-ck.la
endif
if BENCH_DPDK
noinst_LTLIBRARIES += libbench-dpdk.la
libbench_dpdk_la_SOURCES = bench/peer_rte_ring.c
libbench_dpdk_la_CPPFLAGS = $(bench_cppflags) $(DPDK_CFLAGS)
libbench_dpdk_la_LIBADD = $(BENCH_DPDK_LIBS)
bench_mooring_bench_CPPFLAGS += -DBENCH_DPDK
bench_mooring_bench_LDADD += libbench-dpdk.la
endif
if BENCH_BOOST
noinst_LTLIBRARIES += libbench-boost.la
libbench_boost_la_SOURCES = bench/peer_boost_mq.cc bench/peer_boost_spsc.cc
libbench_boost_la_CPPFLAGS = $(bench_cppflags)
libbench_boost_la_CXXFLAGS = -Wall -Wextra $(SANITIZER_CFLAGS)
bench_mooring_bench_CPPFLAGS += -DBENCH_BOOST
bench_mooring_bench_LDADD += libbench-boost.la -lstdc++
endif
if BENCH_QB
noinst_LTLIBRARIES += libbench-qb.la
libbench_qb_la_SOURCES = bench/peer_qb.c
libbench_qb_la_CPPFLAGS = $(bench_cppflags) $(QB_CFLAGS)
libbench_qb_la_LIBADD = $(QB_LIBS)
bench_mooring_bench_CPPFLAGS += -DBENCH_QB
bench_mooring_bench_LDADD += libbench-qb.la
endif
if BENCH_ZMQ
noinst_LTLIBRARIES += libbench-zmq.la
libbench_zmq_la_SOURCES = bench/peer_zmq.c
libbench_zmq_la_CPPFLAGS = $(bench_cppflags) $(ZMQ_CFLAGS)
libbench_zmq_la_LIBADD = $(ZMQ_LIBS)
bench_mooring_bench_CPPFLAGS += -DBENCH_ZMQ
bench_mooring_bench_LDADD += libbench-zmq.la
endif
if BENCH_NNG
noinst_LTLIBRARIES += libbench-nng.la
libbench_nng_la_SOURCES = bench/peer_nng.c
libbench_nng_la_CPPFLAGS = $(bench_cppflags)
libbench_nng_la_LIBADD = $(NNG_LIBS)
bench_mooring_bench_CPPFLAGS += -DBENCH_NNG
bench_mooring_bench_LDADD += libbench-nng.la
endif

EXTRA_DIST += bench/compare.sh bench/instructions.sh
# BENCHFLAGS="--quick --csv results.csv", for one.
bench: mooring$(EXEEXT) bench/mooring-bench$(EXEEXT)
	./mooring$(EXEEXT) bench $(BENCHFLAGS)
# The pictures of README are in doc/bench: make bench-pictures BENCH_PICTURES=../doc/bench
BENCH_PICTURES = bench/pictures
bench-pictures: mooring$(EXEEXT) bench/mooring-bench$(EXEEXT)
	$(MKDIR_P) $(BENCH_PICTURES)
	./mooring$(EXEEXT) bench --csv $(BENCH_PICTURES)/bench.csv --pictures $(BENCH_PICTURES) $(BENCHFLAGS)
# Instructions a send and a receive, by valgrind.
bench-instructions: bench/mooring-bench$(EXEEXT)
	LIBTOOL='$(LIBTOOL)' $(srcdir)/bench/instructions.sh bench/mooring-bench$(EXEEXT) $(BENCH_PEERS)
clean-local:
	rm -rf bench/pictures
.PHONY: bench bench-pictures bench-instructions

# Mutex and semaphore against other locks.
check_PROGRAMS += bench/lockbench
bench_lockbench_SOURCES = bench/lockbench.c bench/lockbench.h
bench_lockbench_CPPFLAGS = $(bench_cppflags)
bench_lockbench_LDADD = libmooring.la
if BENCH_BOOST
noinst_LTLIBRARIES += libbench-boost-lock.la
libbench_boost_lock_la_SOURCES = bench/lockbench_boost.cc
libbench_boost_lock_la_CPPFLAGS = $(bench_cppflags)
libbench_boost_lock_la_CXXFLAGS = -Wall -Wextra $(SANITIZER_CFLAGS)
bench_lockbench_CPPFLAGS += -DBENCH_BOOST
bench_lockbench_LDADD += libbench-boost-lock.la -lstdc++
endif
EXTRA_DIST += bench/lockbench_boost.cc
bench-sync: bench/lockbench$(EXEEXT)
	bench/lockbench$(EXEEXT) $(BENCHFLAGS)
.PHONY: bench-sync
