#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The programs of README and mooring(7), compiled as they are printed, against an installed library, and run; README's in
# either order.
. "$(dirname "$0")/common.sh"

srcdir=${srcdir:-.}

extract() { # the indented block that follows the line "NAME:"
	awk -v name="$1:" '$0 == name { on = 1; next } on && /^[^ ]/ { exit } on { sub(/^    /, ""); print }' \
		"$srcdir/README" >"$work/$1"
	[ -s "$work/$1" ] || fail "README has no $1"
	lines=$(grep -c . "$work/$1")
	[ "$lines" -le 24 ] || fail "$1 has $lines lines"
}
extract producer.c
extract consumer.c

make -s install DESTDIR="$work/root" >"$work/install.log" 2>&1 || { cat "$work/install.log"; fail "make install"; }
pc=$(find "$work/root" -name mooring.pc)
[ -n "$pc" ] || fail "no mooring.pc was installed"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root
lib=$(dirname "$(find "$work/root" -name 'libmooring.so.0' -print -quit)")
# The manual page's, as man(1) shows them.
awk -v to="$work/page" '/^\.EX/ { n++; on = 1; next } /^\.EE/ { on = 0 }
	on { gsub(/\\e/, "\\"); gsub(/\\-/, "-"); gsub(/\\&/, ""); print > (to n ".c") }' "$srcdir/man/mooring.7"
grep -q visitors "$work/page1.c" && grep -q greetings "$work/page2.c" || fail "mooring(7) has no such programs"
for program in producer consumer page1 page2; do
	# CC and SANITIZER_CFLAGS as the library was built; the rest as README says.
	# shellcheck disable=SC2046,SC2086
	${CC:-cc} ${SANITIZER_CFLAGS-} -Wall -Wextra -Werror "$work/$program.c" -o "$work/$program" \
		$(pkg-config --cflags --libs mooring) -L"$lib" || fail "$program.c does not compile as printed"
done
export LD_LIBRARY_PATH=$lib MOORING_DIR=$work
expected=$'hello, number 1\nhello, number 2\nhello, number 3'

for n in 1 2; do # the name has gone in between
	expect "visitors" "visitor 1" "$("$work/page1" </dev/null | head -n 1)"
done
"$work/page2" send &
expect "greetings, of mooring(7)" "$expected" "$(timeout 60 "$work/page2")"
wait $! || fail "the sender of mooring(7) failed"

for first in producer consumer; do
	if [ $first = producer ]; then
		"$work/producer" &
		pid=$!
		sleep 0.2
		got=$(timeout 60 "$work/consumer") || fail "the consumer failed"
	else
		timeout 60 "$work/consumer" >"$work/got" &
		pid=$!
		sleep 0.2
		timeout 60 "$work/producer" || fail "the producer failed"
	fi
	wait "$pid" || fail "the $first failed"
	[ $first = producer ] || got=$(cat "$work/got")
	[ "$got" = "$expected" ] || fail "with the $first first, the consumer printed: $got"
	echo "PASS: the programs of README, the $first first"
done
finish
