dnl SPDX-License-Identifier: Apache-2.0
dnl CC_OTHER: a compiler for the other word size whose programs run here, for the tests of mixed processes; or nothing.
AC_DEFUN([MOOR_OTHER_WIDTH],
[AC_REQUIRE([AC_PROG_CC])
AC_MSG_CHECKING([for a compiler for the other word size])
CC_OTHER=
AS_IF([test "$ac_cv_sizeof_void_p" = 8], [moor_other=-m32 moor_width=4], [moor_other=-m64 moor_width=8])
moor_saved_CC=$CC moor_saved_CFLAGS=$CFLAGS
CFLAGS=
dnl Debian's gcc-12-multilib without gcc-multilib finds the kernel's headers in the second way.
for moor_try in "$moor_saved_CC $moor_other" "$moor_saved_CC $moor_other -isystem /usr/include/x86_64-linux-gnu"; do
  AS_IF([test -z "$CC_OTHER"],
    [CC=$moor_try
     AC_RUN_IFELSE([AC_LANG_PROGRAM([[#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
static void *nothing(void *arg) { return arg; }]],
        [[pthread_t thread; uint64_t word = 0;
          return sizeof(void *) != $moor_width || pthread_create(&thread, 0, nothing, 0) || pthread_join(thread, 0) ||
                 __atomic_load_n(&word, __ATOMIC_SEQ_CST);]])],
       [CC_OTHER=$moor_try], [], [])])
done
CC=$moor_saved_CC CFLAGS=$moor_saved_CFLAGS
AC_MSG_RESULT([${CC_OTHER:-none}])
AC_SUBST([CC_OTHER])
AM_CONDITIONAL([HAVE_CC_OTHER], [test -n "$CC_OTHER"])])
