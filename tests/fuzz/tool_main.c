/* SPDX-License-Identifier: Apache-2.0 */
/* tool_main.c - mooring(1) as a function, for the fuzzer of its arguments. */
#include "tests/fuzz/tool_main.h"

#define main fuzz_tool_main
#include "tools/main.c"
