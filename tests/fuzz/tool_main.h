/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_TESTS_FUZZ_TOOL_MAIN_H
#define MOOR_TESTS_FUZZ_TOOL_MAIN_H

int fuzz_tool_main(int argc, char **argv);

#endif
