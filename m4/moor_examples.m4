dnl SPDX-License-Identifier: Apache-2.0

dnl MOOR_EXAMPLE_LIB(NAME, LIBS, INCLUDE, CODE): have_NAME is yes, and NAME_LIBS says how to link, if the library is there
dnl for this host. Only an example needs it.
AC_DEFUN([MOOR_EXAMPLE_LIB], [
AC_MSG_CHECKING([for $1, for an example])
moor_saved_libs=$LIBS
LIBS="$2 $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[$3]], [[$4]])], [have_$1=yes $1_LIBS="$2"], [have_$1=no $1_LIBS=])
LIBS=$moor_saved_libs
AC_MSG_RESULT([$have_$1])
AC_SUBST([$1_LIBS])
])
