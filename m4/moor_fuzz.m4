dnl SPDX-License-Identifier: Apache-2.0
dnl MOOR_FUZZ: FUZZ_CC, a compiler that has libFuzzer, for `make fuzz`, or nothing. FUZZERS: this build is made for it.
AC_DEFUN([MOOR_FUZZ], [
  AC_REQUIRE([MOOR_SANITIZER])
  AC_ARG_VAR([FUZZ_CC], [compiler with libFuzzer, for make fuzz [auto: clang]])
  AC_MSG_CHECKING([for a compiler with libFuzzer])
  moor_saved_CC=$CC moor_saved_CFLAGS=$CFLAGS moor_found=
  CFLAGS='-fsanitize=fuzzer,address,undefined'
  for moor_try in "${FUZZ_CC:-$CC}" "${FUZZ_CC:-clang}"; do
    AS_IF([test -z "$moor_found"],
      [CC=$moor_try
       AC_LINK_IFELSE([AC_LANG_SOURCE([[int LLVMFuzzerTestOneInput(const char *data, __SIZE_TYPE__ len);
int LLVMFuzzerTestOneInput(const char *data, __SIZE_TYPE__ len) { return data && len ? 0 : 0; }]])],
         [moor_found=$moor_try])])
  done
  CC=$moor_saved_CC CFLAGS=$moor_saved_CFLAGS
  FUZZ_CC=$moor_found
  AC_MSG_RESULT([${FUZZ_CC:-none}])
  AS_CASE([,$moor_sanitizer,], [*,fuzzer-no-link,*], [moor_fuzzers=yes], [moor_fuzzers=no])
  AM_CONDITIONAL([FUZZERS], [test "x$moor_fuzzers" = xyes])
])
