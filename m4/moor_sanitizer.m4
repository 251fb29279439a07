dnl SPDX-License-Identifier: Apache-2.0
dnl MOOR_SANITIZER: --with-sanitizer=LIST is passed to -fsanitize, in SANITIZER_CFLAGS.
AC_DEFUN([MOOR_SANITIZER], [
  AC_ARG_WITH([sanitizer],
    [AS_HELP_STRING([--with-sanitizer=LIST], [build everything with -fsanitize=LIST: address,undefined or thread])],
    [], [with_sanitizer=no])
  SANITIZER_CFLAGS=
  moor_sanitizer=
  AS_CASE([$with_sanitizer],
    [no], [],
    [yes|''], [AC_MSG_ERROR([--with-sanitizer needs a list: address,undefined or thread])],
    [moor_sanitizer=$with_sanitizer
     SANITIZER_CFLAGS="-fsanitize=$with_sanitizer -fno-omit-frame-pointer"
     AS_CASE([$with_sanitizer], [*undefined*], [SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fno-sanitize-recover=undefined"])
     moor_saved_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS $SANITIZER_CFLAGS"
     AC_MSG_CHECKING([whether $CC can build with -fsanitize=$with_sanitizer])
     AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])],
       [AC_MSG_RESULT([no]); AC_MSG_ERROR([the compiler cannot build with -fsanitize=$with_sanitizer])])
     CFLAGS=$moor_saved_CFLAGS])
  AS_CASE([,$moor_sanitizer,], [*,thread,*], [moor_sanitizes_threads=yes], [moor_sanitizes_threads=no])
  dnl gcc warns of fences, which the thread sanitizer does not see: an example has some.
  AS_IF([test "x$moor_sanitizes_threads" = xyes],
    [moor_saved_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS -Werror -Wtsan"
     AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [SANITIZER_CFLAGS="$SANITIZER_CFLAGS -Wno-tsan"])
     CFLAGS=$moor_saved_CFLAGS])
  AC_SUBST([SANITIZER_CFLAGS])
  AM_CONDITIONAL([SANITIZED], [test "x$moor_sanitizer" != x])
])
