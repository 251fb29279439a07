dnl SPDX-License-Identifier: Apache-2.0

dnl MOOR_BENCH_LINK(PEER, CPPFLAGS, LIBS, INCLUDE, CODE): bench_PEER stays yes only if the library is there for this host.
AC_DEFUN([MOOR_BENCH_LINK], [
AS_IF([test "x$bench_$1" = xyes], [
  AC_MSG_CHECKING([whether the benchmark can use $1])
  moor_saved_cppflags=$CPPFLAGS moor_saved_libs=$LIBS
  CPPFLAGS="$CPPFLAGS $2" LIBS="$3 $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[$4]], [[$5]])], [], [bench_$1=no])
  CPPFLAGS=$moor_saved_cppflags LIBS=$moor_saved_libs
  AC_MSG_RESULT([$bench_$1])])
])

dnl MOOR_BENCH_BOOST: a C++ compiler that makes code for what CC does, its library, and Boost's headers.
AC_DEFUN([MOOR_BENCH_BOOST], [
AC_MSG_CHECKING([whether the benchmark can use boost])
AC_LANG_PUSH([C++])
moor_saved_libs=$LIBS
LIBS="-lstdc++ $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
static_assert(sizeof(void *) == $ac_cv_sizeof_void_p, "another machine's code");
]], [[boost::interprocess::message_queue::remove("");]])], [bench_boost=yes])
LIBS=$moor_saved_libs
AC_LANG_POP([C++])
AC_MSG_RESULT([$bench_boost])
])
