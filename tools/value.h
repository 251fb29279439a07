/* SPDX-License-Identifier: Apache-2.0 */
/* value.h - one value of a map, as text. */
#ifndef MOOR_TOOLS_VALUE_H
#define MOOR_TOOLS_VALUE_H

#include <mooring.h>

#define TYPE_NAMES "bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64"

struct value_type;
const struct value_type *find_type(const char *name); /* NULL: there is none */
const char *type_name(const struct value_type *type);
size_t type_width(const struct value_type *type);

struct value_text {
	char text[40];
};
/* As the library reads and writes it; JSON has no infinities and no NaNs, they come as strings. */
int get_value(const struct value_type *type, const moor_view *view, size_t offset, bool json,
              struct value_text *ret_text);
/* Also MOOR_EINVAL: the text is no value of this type. Nothing is written then. */
int put_value(const struct value_type *type, moor_view *view, size_t offset, const char *text);

#endif
