/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value_type {
	const char *name;
	size_t width;
	int (*get)(const moor_view *view, size_t offset, bool json, struct value_text *text);
	int (*put)(moor_view *view, size_t offset, const char *text);
};

static bool parse_signed(const char *text, int64_t least, int64_t most, int64_t *ret_value)
{
	char *end;
	intmax_t value;

	errno = 0;
	value = strtoimax(text, &end, 0);
	if (errno || end == text || *end || isspace((unsigned char)*text) || value < least || value > most)
		return false;
	*ret_value = value;
	return true;
}

static bool parse_unsigned(const char *text, uint64_t most, uint64_t *ret_value)
{
	char *end;
	uintmax_t value;

	errno = 0;
	value = strtoumax(text, &end, 0);
	/* strtoumax takes a sign, and wraps. */
	if (errno || !isdigit((unsigned char)*text) || *end || value > most)
		return false;
	*ret_value = value;
	return true;
}

/* Rounded once, to the type itself; what is too large for it is no value of it. */
static bool parse_float(const char *text, bool narrow, double *ret_value)
{
	const char *digits = text + strspn(text, "+-");
	char *end;

	*ret_value = narrow ? (double)strtof(text, &end) : strtod(text, &end);
	return end != text && !*end && !isspace((unsigned char)*text) &&
	       (isfinite(*ret_value) || isalpha((unsigned char)*digits)); /* "inf" and "nan" are meant so */
}

/* The fewest digits that read back as the same value. */
static void print_float(double value, bool narrow, bool json, struct value_text *text)
{
	const char *quote = json && !isfinite(value) ? "\"" : "";
	int digits = 1;
	char plain[32];

	do {
		snprintf(plain, sizeof plain, "%.*g", digits, value);
	} while (isfinite(value) && (narrow ? strtof(plain, NULL) != (float)value : strtod(plain, NULL) != value) &&
	         digits++ < DBL_DECIMAL_DIG);
	snprintf(text->text, sizeof text->text, "%s%s%s", quote, plain, quote);
}

static int get_bool(const moor_view *view, size_t offset, bool json, struct value_text *text)
{
	bool value;
	const int err = moor_view_get_bool(view, offset, &value);

	(void)json;
	if (!err)
		strcpy(text->text, value ? "true" : "false");
	return err;
}

static int put_bool(moor_view *view, size_t offset, const char *text)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		return moor_view_put_bool(view, offset, true);
	if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		return moor_view_put_bool(view, offset, false);
	return MOOR_EINVAL;
}

#define INTEGER(X, T, WIDE, FORMAT, PARSE)                                                                             \
	static int get_##X(const moor_view *view, size_t offset, bool json, struct value_text *text)                   \
	{                                                                                                              \
		T value;                                                                                               \
		const int err = moor_view_get_##X(view, offset, &value);                                               \
                                                                                                                       \
		(void)json;                                                                                            \
		if (!err)                                                                                              \
			snprintf(text->text, sizeof text->text, FORMAT, (WIDE)value);                                  \
		return err;                                                                                            \
	}                                                                                                              \
	static int put_##X(moor_view *view, size_t offset, const char *text)                                           \
	{                                                                                                              \
		WIDE value;                                                                                            \
                                                                                                                       \
		return PARSE ? moor_view_put_##X(view, offset, (T)value) : MOOR_EINVAL;                                \
	}
#define SIGNED(X, T, LEAST, MOST) INTEGER(X, T, int64_t, "%" PRId64, parse_signed(text, LEAST, MOST, &value))
#define UNSIGNED(X, T, MOST) INTEGER(X, T, uint64_t, "%" PRIu64, parse_unsigned(text, MOST, &value))
#define FLOAT(X, T, NARROW)                                                                                            \
	static int get_##X(const moor_view *view, size_t offset, bool json, struct value_text *text)                   \
	{                                                                                                              \
		T value;                                                                                               \
		const int err = moor_view_get_##X(view, offset, &value);                                               \
                                                                                                                       \
		if (!err)                                                                                              \
			print_float((double)value, NARROW, json, text);                                                \
		return err;                                                                                            \
	}                                                                                                              \
	static int put_##X(moor_view *view, size_t offset, const char *text)                                           \
	{                                                                                                              \
		double value;                                                                                          \
                                                                                                                       \
		return parse_float(text, NARROW, &value) ? moor_view_put_##X(view, offset, (T)value) : MOOR_EINVAL;    \
	}

SIGNED(i8, int8_t, INT8_MIN, INT8_MAX)
UNSIGNED(u8, uint8_t, UINT8_MAX)
SIGNED(i16, int16_t, INT16_MIN, INT16_MAX)
UNSIGNED(u16, uint16_t, UINT16_MAX)
SIGNED(i32, int32_t, INT32_MIN, INT32_MAX)
UNSIGNED(u32, uint32_t, UINT32_MAX)
SIGNED(i64, int64_t, INT64_MIN, INT64_MAX)
UNSIGNED(u64, uint64_t, UINT64_MAX)
FLOAT(f32, float, true)
FLOAT(f64, double, false)

#define TYPE(X, WIDTH) {#X, WIDTH, get_##X, put_##X}
static const struct value_type types[] = {TYPE(bool, 1), TYPE(i8, 1),  TYPE(u8, 1),  TYPE(i16, 2),
                                          TYPE(u16, 2),  TYPE(i32, 4), TYPE(u32, 4), TYPE(i64, 8),
                                          TYPE(u64, 8),  TYPE(f32, 4), TYPE(f64, 8)};

const struct value_type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

const char *type_name(const struct value_type *type)
{
	return type->name;
}

size_t type_width(const struct value_type *type)
{
	return type->width;
}

int get_value(const struct value_type *type, const moor_view *view, size_t offset, bool json,
              struct value_text *ret_text)
{
	return type->get(view, offset, json, ret_text);
}

int put_value(const struct value_type *type, moor_view *view, size_t offset, const char *text)
{
	return type->put(view, offset, text);
}
