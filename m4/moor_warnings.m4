dnl SPDX-License-Identifier: Apache-2.0
dnl MOOR_WARNINGS: what every compiler in use understands goes to WARN_CFLAGS; --enable-werror adds -Werror.
AC_DEFUN([MOOR_WARNINGS], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])], [], [enable_werror=no])
  WARN_CFLAGS=
  for moor_flag in -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
      -Wvla -Wcast-qual -Wwrite-strings -Wformat=2; do
    AC_MSG_CHECKING([whether $CC understands $moor_flag])
    moor_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $moor_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
      [AC_MSG_RESULT([yes]); WARN_CFLAGS="$WARN_CFLAGS $moor_flag"], [AC_MSG_RESULT([no])])
    CFLAGS=$moor_saved_CFLAGS
  done
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])
