#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# layers.sh - each layer knows only those below it: base < os < map < sync < ring < channel < link < tools, examples, bench;
# stream stands on base, beside them.
# Looks at what every file includes. Shown able to fail: one violation of each rule is planted in a copy, and found.
set -u
top=$(cd "${srcdir:-.}" && pwd) || exit 99
LC_ALL=C
export LC_ALL

standard=' assert.h ctype.h errno.h float.h inttypes.h limits.h math.h stdalign.h stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h '

# All includes of a tree, a line each: path, a space, the header with its <> or "".
includes() {
	(cd "$1" && find include src tools examples bench \( -name '*.[ch]' -o -name '*.cc' \) 2>/dev/null | sort |
		xargs grep -HE '^[[:blank:]]*#[[:blank:]]*include' /dev/null |
		sed 's/^\([^:]*\):[[:blank:]]*#[[:blank:]]*include[[:blank:]]*/\1 /; s/[[:blank:]]*\/\*.*//')
}

# Prints what is wrong in the tree; nothing if it is in order.
violations() {
	includes "$1" | while read -r file header; do
		why=
		case $header in
		'<mooring.h>' | '<mooring/'*) kind=public ;;
		'<ck_'* | '<ck/'* | '"ck_'*) kind=ck ;;
		'<'*)
			name=${header#<}
			case $standard in
			*" ${name%>} "*) kind=standard ;;
			*) kind=system ;;
			esac
			;;
		'"'*) kind=own ;;
		*) why='neither "" nor <>' ;;
		esac
		within=${header#\"}
		case $kind:$file in
		public:*)
			name=${header#<}
			[ -f "$1/include/${name%>}" ] || why='no public header of ours'
			;;
		standard:*) ;;
		ck:src/base/atomic.h | ck:bench/*) ;;
		ck:*) why='only src/base/atomic.h knows ck' ;;
		system:src/os/*/* | system:tools/* | system:examples/* | system:bench/*) ;;
		system:src/map/registry.c)
			[ "$header" = '<pthread.h>' ] || why='only src/os knows the system'
			;;
		system:include/*) why='public headers need standard C only' ;;
		system:*) why='only src/os knows the system' ;;
		own:include/*) why='public headers include <mooring/...>' ;;
		own:src/*)
			case ${file#src/}:$within in
			base/*:base/*) ;;
			os/*:base/* | os/*:os/*) ;;
			map/*:base/* | map/*:os/os.h\" | map/*:map/*) ;;
			stream/*:base/* | stream/*:stream/*) ;;
			sync/*:base/* | sync/*:os/os.h\" | sync/*:map/* | sync/*:sync/*) ;;
			ring/*:base/* | ring/*:ring/* | ring/*:map/header.h\") ;;
			channel/*:base/* | channel/*:os/os.h\" | channel/*:map/* | channel/*:sync/* | channel/*:ring/* | channel/*:channel/*) ;;
			link/*:base/* | link/*:os/os.h\" | link/*:map/* | link/*:sync/* | link/*:ring/* | link/*:channel/endpoint.h\" | link/*:link/*) ;;
			*) why='a step upward, or sideways' ;;
			esac
			;;
		own:*)
			# A file of the same folder, under its plain name or from the top.
			name=${within%\"}
			case $name in
			*..*) why='leads out of its folder' ;;
			"${file%%/*}"/*) [ -f "$1/$name" ] || why='not there' ;;
			*) [ -f "$1/$(dirname "$file")/$name" ] || why='not a public header of ours' ;;
			esac
			;;
		esac
		[ -z "$why" ] || echo "$file: $header: $why"
	done
}

found=$(violations "$top")
if [ -n "$found" ]; then
	echo "layers: upside down:"
	echo "$found"
	exit 1
fi
count=$(includes "$top" | wc -l)
[ "$count" -gt 100 ] || { echo "layers: only $count includes looked at"; exit 1; }

# ---- the check itself ----
copy=$(mktemp -d "${TMPDIR:-/tmp}/mooring-layers.XXXXXX") || exit 99
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM
for folder in include src tools examples bench; do
	[ -d "$top/$folder" ] && cp -R "$top/$folder" "$copy/"
done
chmod -R u+w "$copy"
mkdir -p "$copy/tools" "$copy/examples" "$copy/bench"
[ -z "$(violations "$copy")" ] || { echo "layers: the copy differs"; exit 1; }
planted=0
while IFS='|' read -r file header; do
	mkdir -p "$(dirname "$copy/$file")"
	[ -f "$copy/$file" ] && had=yes || had=
	[ -n "$had" ] && cp "$copy/$file" "$copy/saved"
	printf '# include %s\n' "$header" >>"$copy/$file"
	violations "$copy" | grep -F "$file: $header:" >/dev/null ||
		{ echo "layers: does not see $header in $file"; exit 1; }
	if [ -n "$had" ]; then mv "$copy/saved" "$copy/$file"; else rm "$copy/$file"; fi
	planted=$((planted + 1))
done <<'END'
src/base/name.c|"os/os.h"
src/base/err.c|"map/life.h"
src/base/opts.h|<unistd.h>
src/base/name.h|<ck_ring.h>
src/os/os.h|<sys/types.h>
src/os/os.h|"map/life.h"
src/os/linux/file.c|"ring/record.h"
src/os/linux/lock.c|<ck_pr.h>
src/map/life.c|"os/linux/dir.h"
src/map/life.c|<fcntl.h>
src/map/life.c|<pthread.h>
src/map/registry.c|<unistd.h>
src/map/view.c|"ring/ring.h"
src/map/view.c|"channel/endpoint.h"
src/map/view.c|"sync/sync.h"
src/sync/mutex.c|"ring/ring.h"
src/sync/sem.c|"channel/endpoint.h"
src/sync/event.c|<pthread.h>
src/sync/waitset.c|"os/linux/dir.h"
src/ring/rx.c|"sync/waitset.h"
src/ring/rx.c|"os/os.h"
src/ring/rx.c|"map/life.h"
src/ring/rx.c|<time.h>
src/ring/wait.c|<linux/futex.h>
src/ring/ring.h|"channel/endpoint.h"
src/channel/channel.c|<sys/mman.h>
src/channel/channel.c|"os/linux/dir.h"
src/channel/channel.c|<mooring/nothing.h>
src/channel/channel.c|MACRO
src/channel/endpoint.c|"link/link.h"
src/ring/rx.c|"link/link.h"
src/link/link.c|<unistd.h>
src/link/worker.c|"os/linux/dir.h"
src/stream/writer.c|"os/os.h"
src/stream/reader.c|"map/map.h"
src/stream/length.h|<unistd.h>
src/channel/channel.c|"stream/length.h"
include/mooring/base.h|<sys/types.h>
include/mooring/base.h|<ck_pr.h>
include/mooring/map.h|"base.h"
tools/planted.c|"base/opts.h"
tools/planted.c|"../src/base/opts.h"
examples/planted.c|"map/life.h"
examples/planted.c|<ck_ring.h>
bench/planted.c|"ring/ring.h"
END
echo "layers: $count includes in order; $planted planted violations found"
