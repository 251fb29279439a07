examples_cppflags = -include $(top_builddir)/config.h -I$(top_srcdir)/include

noinst_PROGRAMS += examples/01_ping_pong
examples_01_ping_pong_SOURCES = examples/01_ping_pong.c examples/explain.h
examples_01_ping_pong_CPPFLAGS = $(examples_cppflags)
examples_01_ping_pong_LDADD = libmooring.la

noinst_PROGRAMS += examples/02_bridge
examples_02_bridge_SOURCES = examples/02_bridge.c examples/explain.h
examples_02_bridge_CPPFLAGS = $(examples_cppflags)
examples_02_bridge_LDADD = libmooring.la

noinst_PROGRAMS += examples/03_persisted
examples_03_persisted_SOURCES = examples/03_persisted.c examples/explain.h
examples_03_persisted_CPPFLAGS = $(examples_cppflags)
examples_03_persisted_LDADD = libmooring.la

noinst_PROGRAMS += examples/04_overlapping_views
examples_04_overlapping_views_SOURCES = examples/04_overlapping_views.c examples/explain.h
examples_04_overlapping_views_CPPFLAGS = $(examples_cppflags)
examples_04_overlapping_views_LDADD = libmooring.la

noinst_PROGRAMS += examples/05_first_process
examples_05_first_process_SOURCES = examples/05_first_process.c
examples_05_first_process_CPPFLAGS = $(examples_cppflags)
examples_05_first_process_LDADD = libmooring.la

noinst_PROGRAMS += examples/05_second_process
examples_05_second_process_SOURCES = examples/05_second_process.c
examples_05_second_process_CPPFLAGS = $(examples_cppflags)
examples_05_second_process_LDADD = libmooring.la

noinst_PROGRAMS += examples/06_struct_and_string
examples_06_struct_and_string_SOURCES = examples/06_struct_and_string.c examples/explain.h
examples_06_struct_and_string_CPPFLAGS = $(examples_cppflags)
examples_06_struct_and_string_LDADD = libmooring.la

noinst_PROGRAMS += examples/07_stream_view
examples_07_stream_view_SOURCES = examples/07_stream_view.c examples/explain.h
examples_07_stream_view_CPPFLAGS = $(examples_cppflags)
examples_07_stream_view_LDADD = libmooring.la

noinst_PROGRAMS += examples/08_growth
examples_08_growth_SOURCES = examples/08_growth.c examples/explain.h
examples_08_growth_CPPFLAGS = $(examples_cppflags)
examples_08_growth_LDADD = libmooring.la

noinst_PROGRAMS += examples/09_header
examples_09_header_SOURCES = examples/09_header.c examples/explain.h
examples_09_header_CPPFLAGS = $(examples_cppflags)
examples_09_header_LDADD = libmooring.la

noinst_PROGRAMS += examples/10_inheritance
examples_10_inheritance_SOURCES = examples/10_inheritance.c examples/explain.h
examples_10_inheritance_CPPFLAGS = $(examples_cppflags)
examples_10_inheritance_LDADD = libmooring.la

if HAVE_UV
noinst_PROGRAMS += examples/11_event_loop
examples_11_event_loop_SOURCES = examples/11_event_loop.c examples/explain.h
examples_11_event_loop_CPPFLAGS = $(examples_cppflags)
examples_11_event_loop_LDADD = libmooring.la $(uv_LIBS)
endif

noinst_PROGRAMS += examples/12_pass_link
examples_12_pass_link_SOURCES = examples/12_pass_link.c examples/explain.h
examples_12_pass_link_CPPFLAGS = $(examples_cppflags)
examples_12_pass_link_LDADD = libmooring.la

if HAVE_ZLIB
plugin_host_cppflags = $(examples_cppflags) -I$(top_srcdir)/examples/plugin_host
noinst_PROGRAMS += examples/plugin_host/plugin_host examples/plugin_host/plugin_worker
examples_plugin_host_plugin_host_SOURCES = examples/plugin_host/host.c examples/plugin_host/protocol.h
examples_plugin_host_plugin_host_CPPFLAGS = $(plugin_host_cppflags)
examples_plugin_host_plugin_host_CFLAGS = $(AM_CFLAGS) -pthread
examples_plugin_host_plugin_host_LDADD = libmooring.la
examples_plugin_host_plugin_host_LDFLAGS = $(AM_LDFLAGS) -no-install -pthread
examples_plugin_host_plugin_worker_SOURCES = examples/plugin_host/worker.c examples/plugin_host/sandbox.c \
	examples/plugin_host/sandbox.h examples/plugin_host/plugin.h examples/plugin_host/protocol.h
examples_plugin_host_plugin_worker_CPPFLAGS = $(plugin_host_cppflags)
examples_plugin_host_plugin_worker_LDADD = libmooring.la $(DL_LIBS)
examples_plugin_host_plugin_worker_LDFLAGS = $(AM_LDFLAGS) -no-install
# Shared objects, which libtool makes of what is not installed only if it is told where it would be.
noinst_LTLIBRARIES += examples/plugin_host/inflate.la examples/plugin_host/misbehave.la
plugin_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath $(abs_top_builddir)/examples/plugin_host
examples_plugin_host_inflate_la_SOURCES = examples/plugin_host/inflate.c examples/plugin_host/plugin.h
examples_plugin_host_inflate_la_CPPFLAGS = $(plugin_host_cppflags)
examples_plugin_host_inflate_la_LDFLAGS = $(plugin_ldflags)
examples_plugin_host_inflate_la_LIBADD = $(z_LIBS)
examples_plugin_host_misbehave_la_SOURCES = examples/plugin_host/misbehave.c examples/plugin_host/plugin.h \
	examples/plugin_host/protocol.h
examples_plugin_host_misbehave_la_CPPFLAGS = $(plugin_host_cppflags)
examples_plugin_host_misbehave_la_LDFLAGS = $(plugin_ldflags)
examples_plugin_host_misbehave_la_LIBADD = libmooring.la
endif

# The three programs of the documents.
noinst_PROGRAMS += examples/process_a examples/process_b examples/process_c
examples_process_a_SOURCES = examples/process_a.c examples/process.h
examples_process_a_CPPFLAGS = $(examples_cppflags)
examples_process_a_LDADD = libmooring.la
examples_process_b_SOURCES = examples/process_b.c examples/process.h
examples_process_b_CPPFLAGS = $(examples_cppflags)
examples_process_b_LDADD = libmooring.la
examples_process_c_SOURCES = examples/process_c.c examples/process.h
examples_process_c_CPPFLAGS = $(examples_cppflags)
examples_process_c_LDADD = libmooring.la
