#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# headers.sh - every public header alone, as C99, C11 and C++11, without a warning, and without ck.
set -u
top=$(cd "${srcdir:-.}" && pwd) || exit 99
. ./tests/checks/vars || exit 99

work=$(mktemp -d "${TMPDIR:-/tmp}/mooring-headers.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
flags='-Wall -Wextra -Wpedantic -Werror -fsyntax-only'

compiles() { # include-directory source language...
	include=$1 source=$2
	shift 2
	"$@" $flags -I"$include" "$source" 2>"$work/messages"
}

languages='c99 c11'
[ -z "$CXX_CHECK" ] || languages="$languages c++11"
compile_as() { # language include-directory source
	case $1 in
	c++*) compiles "$2" "$3" $CXX_CHECK -x c++ -std="$1" ;;
	*) compiles "$2" "$3" $CC -x c -std="$1" ;;
	esac
}

headers=$(cd "$top/include" && ls mooring.h mooring/*.h)
count=0
for header in $headers; do
	# Twice: a header guards itself.
	printf '#include <%s>\n#include <%s>\nint main(void);\nint main(void)\n{\n\treturn 0;\n}\n' "$header" "$header" >"$work/alone.c"
	for language in $languages; do
		if ! compile_as "$language" "$top/include" "$work/alone.c"; then
			echo "headers: $header does not stand alone as $language:"
			cat "$work/messages"
			exit 1
		fi
		count=$((count + 1))
	done
done

# What programs write: the initialisers in C, the functions that stand for them in C++.
cat >"$work/use.c" <<'END'
#include <mooring.h>
int main(void)
{
	struct moor_map_opts map = MOOR_MAP_OPTS(.mode = 0640);
	struct moor_channel_opts channel = MOOR_CHANNEL_OPTS(.capacity = 4096, .kind = MOOR_SPSC);
	struct moor_ring_opts ring = MOOR_RING_OPTS(.capacity = 4096);
	int64_t wait = MOOR_FOREVER;
	unsigned char buf[16];
	struct moor_writer writer;

	moor_writer_init(&writer, buf, sizeof buf);
	if (moor_writer_string(&writer, "text", 4) < 0)
		return 1;
	return (int)(map.flags + channel.flags + ring.kind) + (wait == MOOR_NOWAIT);
}
END
cat >"$work/use.cc" <<'END'
#include <mooring.h>
int main()
{
	moor_map_opts map;
	moor_channel_opts channel;

	moor_map_opts_init(&map, sizeof map);
	moor_channel_opts_init(&channel, sizeof channel);
	map.mode = 0640;
	return moor_err_name(MOOR_EINVAL)[0] == 'M' ? 0 : 1;
}
END
for language in $languages; do
	case $language in
	c++*) source=$work/use.cc ;;
	*) source=$work/use.c ;;
	esac
	if ! compile_as "$language" "$top/include" "$source"; then
		echo "headers: cannot be used as $language:"
		cat "$work/messages"
		exit 1
	fi
done

# Nothing of ck, whatever is on the compiler's way.
for header in $headers; do
	printf '#include <%s>\n' "$header" >"$work/one.c"
	if $CC -E -I"$top/include" "$work/one.c" 2>/dev/null | grep -E '(^|[^a-z_])ck_|/ck_[a-z]*\.h' >/dev/null; then
		echo "headers: $header brings ck"
		exit 1
	fi
done

# ---- the check itself: headers that do not stand alone ----
planted=0
for text in 'size_t f(void);' 'int f(void) { int unused = 0; return 0; }' 'struct s { int a; struct { int b; }; int c[0]; };' \
	'enum e { A = 1, };int f(int, int' 'inline typeof(1) g;'; do
	mkdir -p "$work/bad"
	printf '%s\n' "$text" >"$work/bad/bad.h"
	printf '#include <bad.h>\nint main(void);\nint main(void)\n{\n\treturn 0;\n}\n' >"$work/bad.c"
	if compile_as c99 "$work/bad" "$work/bad.c"; then
		echo "headers: sees nothing wrong in: $text"
		exit 1
	fi
	planted=$((planted + 1))
done
echo "headers: $count compilations ($languages) without a warning; $planted planted mistakes found"
if [ -z "$CXX_CHECK" ]; then
	echo "skipped: headers as C++11: no C++ compiler"
fi
