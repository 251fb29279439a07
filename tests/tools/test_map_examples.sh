#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The examples of named memory, each with the processes that it is for; those between word sizes with one of each, where
# there is a compiler for the other one.
. "$(dirname "$0")/common.sh"

top=$(cd "${srcdir:-.}" && pwd) || exit 99

limit() { timeout 120 "$@"; }
# start PROGRAM ARGUMENT...: in the background, its output in $work/first; its id is in $first
start() {
	rm -f "$work/first" # what awaits it must not see the last one's
	timeout 120 "$@" >"$work/first" 2>&1 &
	first=$!
	await [ -s "$work/first" ] || echo "FAIL: $* prints nothing"
}
stop() {
	kill "$first"
	wait "$first" 2>/dev/null
}
# begin PROGRAM ARGUMENT...: in the background, with a pipe to press keys by; waits until it has printed something
begin() {
	rm -f "$work/keys" "$work/first"
	mkfifo "$work/keys"
	timeout 120 "$@" <"$work/keys" >"$work/first" 2>&1 &
	first=$!
	exec 7>"$work/keys"
	await [ -s "$work/first" ] || echo "FAIL: $* prints nothing"
}
press() { echo >&7; }
# end WHAT: presses ENTER, and waits for the program
end() {
	press
	exec 7>&-
	wait "$first"
	expect "$1 ends well" 0 $?
}
names() { find "$work" -name 'mooring.*' | wc -l; }

# ---- the same programs with the other word size: the library's sources with them, in one piece ----
mine=$(limit examples/02_bridge server 0 1 | sed -n 's/^server, \([0-9]*\) bits.*/\1/p')
theirs=$((96 - mine))
other=${CC_OTHER-}
build_other() {
	local flags="-std=gnu11 -O1 -w -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DMOOR_ATOMIC_C11 -I$top/include -I$top/src"
	local source
	mkdir "$work/other" || return
	find "$top/src" -name '*.c' | while read -r source; do
		# shellcheck disable=SC2086
		$other $flags -c "$source" -o "$work/other/$(echo "${source#"$top"/}" | tr / _).o" || exit 1
	done || return
	for source in 02_bridge 06_struct_and_string 09_header; do
		# shellcheck disable=SC2086
		$other $flags "$top/examples/$source.c" "$work"/other/*.o -o "$work/other/$source" -lpthread || return
	done
}
if [ -n "$other" ]; then
	build_other
	expect "the examples build with $theirs bits" 0 $?
else
	echo "skipped: examples between 32 and 64 bits: no compiler for $theirs bits (apt-get install gcc-12-multilib)"
fi

# ---- 02: a counter, and both halves of it change at each step ----
bridge() { # SERVER CLIENT WHAT
	start "$1" server 0 0 4294967297
	limit "$2" client 0 20000000 4294967297 >"$work/out" 2>&1
	expect "02_bridge, $3: the counter does not tear" "0 0 torn" "$? $(tail -n 1 "$work/out" | sed 's/.* \([0-9]* torn\)/\1/')"
	changes=$(sed -n 's/.* \([0-9]*\) changes.*/\1/p' "$work/out")
	expect "02_bridge, $3: the counter counts" 0 "$([ "${changes:-0}" -gt 1 ]; echo $?)"
	stop
}
bridge examples/02_bridge examples/02_bridge "as built"
if [ -n "$other" ]; then
	bridge examples/02_bridge "$work/other/02_bridge" "$mine-bit server, $theirs-bit client"
	bridge "$work/other/02_bridge" examples/02_bridge "$theirs-bit server, $mine-bit client"
fi
limit examples/02_bridge server 1 3 >"$work/out" 2>&1
expect "02_bridge server ends after its count" 0 $?
limit examples/02_bridge client 1 1 >"$work/out" 2>&1
expect "02_bridge client without a server" 1 $?
expect "02_bridge client without a server says so" 1 "$(grep -c "cannot open the map 'test_memory'.*MOOR_ENOENT" "$work/out")"
start examples/02_bridge server 1 0
limit examples/02_bridge client 1 5 >"$work/out" 2>&1
expect "02_bridge client shows each reading" 7 "$(wc -l <"$work/out")"
limit examples/02_bridge server 1 1 >"$work/out" 2>&1
expect "02_bridge: a second server" "1 1" "$? $(grep -c "cannot create the map 'test_memory'.*MOOR_EEXIST" "$work/out")"
stop

# ---- 03: 512 MiB of a picture of 768, almost all of it holes ----
picture=$work/picture
free=$(df -P -B1 "$work" | awk 'NR == 2 { print $4 }')
if [ "$free" -lt 1500000000 ]; then
	echo "skipped: 03_persisted: $work has less than 1.5 GB free"
else
	at() { # OFFSET COUNT: 16-bit channels
		od -An -v -td2 -j "$1" -N $(($2 * 2)) "$picture" | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'
	}
	poke() { # OFFSET HEX
		printf "$(echo "$2" | sed 's/../\\x&/g')" | dd of="$picture" bs=1 seek="$1" conv=notrunc 2>/dev/null
	}
	truncate -s 768M "$picture"
	begin=$((256 * 1024 * 1024)) last=$((768 * 1024 * 1024 - 8))
	poke $begin f57ff67fff7f0080 # 32757 32758 32767 -32768
	poke $last 0100feffec7f0000
	poke $((begin - 8)) 0100020003000400
	poke 4000000 ff7feb7fec7f0000
	begin examples/03_persisted first "$picture"
	expect "03_persisted first says when" "The first part is brighter. Press ENTER to end." "$(cat "$work/first")"
	limit examples/03_persisted second
	expect "03_persisted second ends well" 0 $?
	end "03_persisted first"
	expect "03_persisted: the name is gone" 0 "$(names)"
	expect "03_persisted: brighter, and no channel beyond its end" "32767 32767 32767 -32758" "$(at $begin 4)"
	expect "03_persisted: the last colour" "11 8 32758 10" "$(at $last 3) $(at $((last + 6)) 1)"
	expect "03_persisted: what lies before is as it was" "1 2 3 4" "$(at $((begin - 8)) 4)"
	expect "03_persisted: the second part" "32767 32767 32767 20" "$(at 4000000 4)"
	expect "03_persisted: all 750000 channels of it" "750000 0" \
		"$(od -An -v -td2 -w2 -j 4000000 -N 1500000 "$picture" | awk '$1 == 20 || $1 == 32767 { n++ } END { print n + 0, NR - n }')"
	expect "03_persisted: what lies around it is as it was" "0 0" "$(at 3999998 1) $(at 5500000 1)"
	expect "03_persisted: the hole after it is one" 0 "$(tail -c +5500001 "$picture" | head -c $((begin - 8 - 5500000)) | tr -d '\0' | wc -c)"
	expect "03_persisted: every channel of the first part" 268435448 \
		"$(tail -c +$((begin + 9)) "$picture" | head -c $((last - begin - 8)) | tr -cd '\n' | wc -c)"
	rm -f "$picture"
fi
limit examples/03_persisted second >"$work/out" 2>&1
expect "03_persisted second without the first" "1 1" "$? $(grep -c "cannot open the map 'ImgA'.*MOOR_ENOENT" "$work/out")"
limit examples/03_persisted first "$work/none" >"$work/out" 2>&1
expect "03_persisted without a file" "1 1" "$? $(grep -c "there is no file '$work/none'" "$work/out")"
truncate -s 300M "$picture"
limit examples/03_persisted first "$picture" >"$work/out" 2>&1 </dev/null
expect "03_persisted of a small picture" "1 1 1" "$? $(grep -c "'ImgA' has 314572800 bytes; 536870912 from 268435456" "$work/out") $(grep -c MOOR_ERANGE "$work/out")"
rm -f "$picture"

# ---- 04: five processes at once ----
begin examples/04_overlapping_views keep 5
workers=
for process in 0 1 2 3 4; do
	limit examples/04_overlapping_views work $process 5 >"$work/out.$process" 2>&1 &
	workers="$workers $!"
done
for worker in $workers; do
	wait "$worker"
	expect "04_overlapping_views work ends well" 0 $?
done
expect "04_overlapping_views: each view shows the same" 5 "$(cat "$work"/out.? | grep -cx '0 bytes were not what was written')"
end "04_overlapping_views keep"
expect "04_overlapping_views: as the last round left it" "0 bytes were not what was written" "$(tail -n 1 "$work/first")"
limit examples/04_overlapping_views work 0 1 >"$work/out" 2>&1
expect "04_overlapping_views work alone" "1 1" "$? $(grep -c "cannot open the map 'overlapping'.*MOOR_ENOENT" "$work/out")"

# ---- 05: first and second process ----
expect "05_second_process alone" "Could not open file mapping object (MOOR_ENOENT: no live object has this name)." \
	"$(limit examples/05_second_process)"
begin examples/05_first_process
expect "05_second_process" "Message from first process." "$(limit examples/05_second_process)"
expect "05: the name lives" 1 "$(names)"
end 05_first_process
expect "05: when both are gone, so is the name" 0 "$(names)"
expect "05_second_process after the first" 1 "$(limit examples/05_second_process >/dev/null; echo $?)"
expect "05: MOORING_DIR that is none" "Could not create file mapping object (MOOR_EACCES: permission denied, or the name's place is not to be trusted)." \
	"$(MOORING_DIR=$work/none limit examples/05_first_process </dev/null)"

# ---- 06: what .NET would have written ----
# (long)630822816000000000 = new DateTime(2000, 1, 1).Ticks; the string has 5 units: 10 bytes.
bytes='00 40 e4 47 02 22 c1 08 0a 4d 00 fc 00 ac 20 34 d8 1e dd 00'
struct_and_string() { # WRITER READER WHAT
	begin "$1" write 630822816000000000 $'M\303\274\342\202\254\360\235\204\236'
	expect "06_struct_and_string, $3: the bytes of .NET" "$bytes" \
		"$(./mooring cat --length 20 TestMemoryMappedFile | od -An -v -tx1 | tr -s ' \n' ' ' | sed 's/^ //; s/ $//')"
	expect "06_struct_and_string, $3" $'in the map: 2000-01-01 00:00:00 (630822816000000000 ticks), M\303\274\342\202\254\360\235\204\236' \
		"$(limit "$2" read)"
	limit "$2" scribble >"$work/out" 2>&1
	expect "06_struct_and_string, $3: copy on write" \
		$'0 in the copy: 1970-01-01 00:00:00 (621355968000000000 ticks), seen by nobody else|in the map: 2000-01-01 00:00:00 (630822816000000000 ticks), M\303\274\342\202\254\360\235\204\236' \
		"$? $(paste -sd'|' "$work/out")"
	end "06_struct_and_string write, $3"
}
export LC_ALL=C.UTF-8
struct_and_string examples/06_struct_and_string examples/06_struct_and_string "as built"
if [ -n "$other" ]; then
	struct_and_string examples/06_struct_and_string "$work/other/06_struct_and_string" "written with $mine bits, read with $theirs"
	struct_and_string "$work/other/06_struct_and_string" examples/06_struct_and_string "written with $theirs bits, read with $mine"
fi
limit examples/06_struct_and_string read >"$work/out" 2>&1
expect "06_struct_and_string read alone" "1 1" "$? $(grep -c "a date and a string were expected in 'TestMemoryMappedFile'" "$work/out")"
limit examples/06_struct_and_string write 0 $'\xff' >"$work/out" 2>&1 </dev/null
expect "06_struct_and_string of no UTF-8" "1 1" "$? $(grep -c "a text in UTF-8" "$work/out")"

# ---- 07: three booleans ----
expect "07_stream_view b alone" "Memory-mapped file does not exist. Run Process A first." "$(limit examples/07_stream_view b)"
expect "07_stream_view c alone" "Memory-mapped file does not exist. Run Process A first, then B." "$(limit examples/07_stream_view c)"
begin examples/07_stream_view a
limit examples/07_stream_view b
expect "07_stream_view b" 0 $?
press
await grep -q 'Start Process C' "$work/first"
limit examples/07_stream_view c
expect "07_stream_view c" 0 $?
end "07_stream_view a"
expect "07_stream_view" "Start Process B and press ENTER to continue.|Start Process C and press ENTER to continue.|Process A says: True|Process B says: False|Process C says: True" \
	"$(paste -sd'|' "$work/first")"

# ---- 08: growth, two followers ----
timeout 120 examples/08_growth follow >"$work/out.1" &
follower1=$!
timeout 120 examples/08_growth follow >"$work/out.2" &
follower2=$!
begin examples/08_growth grow 1073741824 50000 60
expect "08_growth grow" "3000000 of 1073741824 bytes are committed. Press ENTER to end." "$(cat "$work/first")"
wait $follower1
expect "08_growth follow ends well" 0 $?
wait $follower2
expect "08_growth follow ends well" 0 $?
expect "08_growth: all that came was right" 2 "$(cat "$work"/out.[12] | grep -c '^3000000 bytes came in [0-9]* parts, 0 of them wrong$')"
expect "08_growth: only what is committed takes memory" 0 "$([ "$(du -sk "$work" --exclude=other | cut -f1)" -lt 100000 ]; echo $?)"
end "08_growth grow"
limit examples/08_growth grow 100000 60000 2 >"$work/out" 2>&1 </dev/null
expect "08_growth beyond what was reserved" "1 1" "$? $(grep -c '^100000 bytes were reserved, 60000 are committed, 120000 were to be' "$work/out")"

# ---- 09: who can read it ----
limit examples/09_header read >"$work/out" 2>&1
expect "09_header read alone" "1 1" "$? $(grep -c "cannot open the map 'ten_numbers'.*MOOR_ENOENT" "$work/out")"
begin examples/09_header write
expect "09_header read" "the sum is 55" "$(limit examples/09_header read)"
if [ -n "$other" ]; then
	limit "$work/other/09_header" read >"$work/out" 2>&1
	expect "09_header refuses $mine bits" "1 'ten_numbers': word size: expected $theirs bits, found $mine; use the reader of that word size" \
		"$? $(cat "$work/out")"
fi
end "09_header write"
if [ -n "$other" ]; then
	begin "$work/other/09_header" write
	limit examples/09_header read >"$work/out" 2>&1
	expect "09_header refuses $theirs bits" "1 'ten_numbers': word size: expected $mine bits, found $theirs; use the reader of that word size" \
		"$? $(cat "$work/out")"
	expect "09_header, $theirs bits of both" "the sum is 55" "$(limit "$work/other/09_header" read)"
	end "09_header write, $theirs bits"
fi
begin examples/09_header write swapped
limit examples/09_header read >"$work/out" 2>&1
expect "09_header refuses the other byte order" "1 1" "$? $(grep -c "'ten_numbers': byte order: expected this machine's, found the other one" "$work/out")"
printf 'someth1ng else, 16' | ./mooring write ten_numbers
limit examples/09_header read >"$work/out" 2>&1
expect "09_header refuses what is no header" "1 1" "$? $(grep -c "a header of 09_header was expected" "$work/out")"
end "09_header write swapped"

# ---- 10: fork ----
limit examples/10_inheritance >"$work/out" 2>&1
expect "10_inheritance" "0 written by the inherited view, and by a view of its own|the parent has closed it: 'inherited' lives|the child has ended: 'inherited' MOOR_ENOENT" \
	"$? $(paste -sd'|' "$work/out")"

for program in 02_bridge 03_persisted 04_overlapping_views 06_struct_and_string 07_stream_view 08_growth 09_header; do
	examples/$program nonsense >"$work/out" 2>&1
	expect "$program with wrong arguments" "2 1" "$? $(grep -c "^usage: $program " "$work/out")"
done
while read -r what arguments; do
	# shellcheck disable=SC2086
	limit examples/$arguments </dev/null >"$work/out" 2>&1
	expect "'$arguments': no such number" "2 1" "$? $(grep -c "^$what: a number from .* was expected" "$work/out")"
done <<'END'
MS 02_bridge server x
MS 02_bridge client -1
COUNT 02_bridge client 0 18446744073709551616
STEP 02_bridge server 0 1 0
PROCESSES 04_overlapping_views keep 3x
PROCESS 04_overlapping_views work 3 3
TICKS 06_struct_and_string write 12x text
MAXIMUM 08_growth grow 1G 64 2
STEP 08_growth grow 1000 16 2
STEPS 08_growth grow 1000 64 -1
END
expect "no name is left" 0 "$(names)"
finish
