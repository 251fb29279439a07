bin_PROGRAMS += mooring
mooring_SOURCES = tools/main.c $(tool_sources)
# All but main.
tool_sources = \
	tools/cmd_acl.c \
	tools/cmd_bench.c \
	tools/cmd_cat.c \
	tools/cmd_chmod.c \
	tools/cmd_create.c \
	tools/cmd_info.c \
	tools/cmd_event.c \
	tools/cmd_lock.c \
	tools/cmd_ls.c \
	tools/cmd_recv.c \
	tools/cmd_sem.c \
	tools/cmd_send.c \
	tools/cmd_watch.c \
	tools/cmd_write.c \
	tools/options.c \
	tools/options.h \
	tools/text.c \
	tools/text.h \
	tools/run.c \
	tools/run.h \
	tools/tool.c \
	tools/tool.h \
	tools/value.c \
	tools/value.h \
	tools/window.c \
	tools/window.h
mooring_CPPFLAGS = -include $(top_builddir)/config.h -I$(top_srcdir)/include \
	-DPKGLIBEXECDIR='"$(pkglibexecdir)"'
mooring_LDADD = libmooring.la
