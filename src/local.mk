library_sources = \
	src/base/atomic.h \
	src/base/checked.h \
	src/base/copy.h \
	src/base/crash.h \
	src/base/err.c \
	src/base/little.h \
	src/base/name.c \
	src/base/name.h \
	src/base/opts.h \
	src/base/slot_word.h \
	src/base/version.c \
	src/os/os.h \
	src/os/linux/acl.c \
	src/os/linux/bell.c \
	src/os/linux/dir.c \
	src/os/linux/dir.h \
	src/os/linux/error.c \
	src/os/linux/error.h \
	src/os/linux/file.c \
	src/os/linux/futex.c \
	src/os/linux/line.c \
	src/os/linux/lock.c \
	src/os/linux/memory.c \
	src/os/linux/plain.c \
	src/os/linux/process.c \
	src/os/linux/start.c \
	src/os/linux/window.c \
	src/map/access.c \
	src/map/backing.c \
	src/map/body.c \
	src/map/enumerate.c \
	src/map/header.c \
	src/map/header.h \
	src/map/hold.c \
	src/map/life.c \
	src/map/life.h \
	src/map/map.c \
	src/map/map.h \
	src/map/participant.c \
	src/map/participant.h \
	src/map/publish.c \
	src/map/publish.h \
	src/map/registry.c \
	src/map/registry.h \
	src/map/rights.c \
	src/map/value.c \
	src/map/view.c \
	src/map/view.h \
	src/sync/event.c \
	src/sync/event.h \
	src/sync/mutex.c \
	src/sync/mutex.h \
	src/sync/sem.c \
	src/sync/sem.h \
	src/sync/sync.c \
	src/sync/sync.h \
	src/sync/waitset.c \
	src/sync/waitset.h \
	src/ring/bell.c \
	src/ring/geometry.c \
	src/ring/geometry.h \
	src/ring/claim.h \
	src/ring/mpsc.h \
	src/ring/mpsc_rx.c \
	src/ring/mpsc_tx.c \
	src/ring/recover.c \
	src/ring/rx.h \
	src/ring/tx.h \
	src/ring/reached.c \
	src/ring/record.h \
	src/ring/ring.h \
	src/ring/rx.c \
	src/ring/spsc_tx.c \
	src/ring/wait.c \
	src/channel/bell.c \
	src/channel/channel.c \
	src/channel/endpoint.c \
	src/channel/endpoint.h \
	src/channel/memory.c \
	src/channel/waitable.c \
	src/link/host.c \
	src/link/link.c \
	src/link/link.h \
	src/link/worker.c \
	src/stream/length.h \
	src/stream/reader.c \
	src/stream/writer.c

lib_LTLIBRARIES += libmooring.la
libmooring_la_SOURCES = $(library_sources)
libmooring_la_LIBADD = $(ACL_LIBS)
libmooring_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
# -z nodelete: handlers of fork stay registered when a plug-in that brought the library is unloaded.
libmooring_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0 -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/src/libmooring.map
libmooring_la_DEPENDENCIES = src/libmooring.map
EXTRA_DIST += src/libmooring.map

# The same sources for the tests: every symbol visible, crash points in place.
check_LTLIBRARIES += libmooring-test.la
libmooring_test_la_SOURCES = $(library_sources)
libmooring_test_la_LIBADD = $(ACL_LIBS)
libmooring_test_la_CPPFLAGS = $(AM_CPPFLAGS) -DMOOR_TESTING
