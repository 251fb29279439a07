#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What mooring(1) does with maps: create, info, cat, write, watch, chmod, acl; each option, each error and what it says.
. "$(dirname "$0")/common.sh"

# says WHAT PATTERN: the last complaint has it
says() {
	grep -q -- "$2" "$work/err"
	expect "$1: says $2" 0 $?
}
# refused WHAT CODE COMMAND...: ends with that code, says something on standard error, and nothing on standard output
refused() {
	local what=$1 code=$2
	shift 2
	timeout 60 "$mooring" "$@" >"$work/out" 2>"$work/err" </dev/null
	expect "$what: exit code" "$code" $?
	expect "$what: a message, no output" "0 1" "$([ -s "$work/err" ]; echo $?) $([ -s "$work/out" ]; echo $?)"
}
# hold ARGUMENT...: mooring create in the background, until it has said so; its id is in $holder
hold() {
	: >"$work/held"
	"$mooring" create "$@" >"$work/held" 2>"$work/err" &
	holder=$!
	await [ -s "$work/held" ] || { echo "FAIL: create $*: $(cat "$work/err")"; failures=$((failures + 1)); }
}
let_go() {
	kill "$holder"
	wait "$holder" || { echo "FAIL: create, ended by a signal, ends with $?"; failures=$((failures + 1)); }
}
json() { # FILE EXPRESSION: of the JSON text, with python if it is there; else the test of it is left out
	python3 -c "import json,sys; d=json.load(open(sys.argv[1])); print($2)" "$1"
}
have_python=$(command -v python3)

# create holds the name while it runs, and no longer.
hold a 4096
expect "create says what it made" 'created Local\a, 4096 bytes; it is held until this process ends' "$(cat "$work/held")"
expect "ls shows it" 1 "$("$mooring" ls | grep -c '^Local\\a  *map ')"
expect "ls --json shows it" 1 "$("$mooring" ls --json | grep -c "\"name\":\"Local\\\\\\\\a\",\"kind\":\"map\",\"size\":4096,.*\"mode\":\"0600\".*\"pid\":$holder")"
refused "create of a live name" 1 create a 4096
says "create of a live name" "'a'.*MOOR_EEXIST"
says "create of a live name" "held by process $holder"

# info
expect "info: size" "size 4096" "$("$mooring" info a | grep '^size' | tr -s ' ')"
expect "info: mode" "mode 0600" "$("$mooring" info a | grep '^mode' | tr -s ' ')"
expect "info: holder" "held by $holder holder" "$("$mooring" info a | grep '^held by' | tr -s ' ')"
"$mooring" info --json 'Local\a' >"$work/out"
expect "info --json" 1 "$(grep -c "^{\"name\":\"Local\\\\\\\\a\",\"kind\":\"map\",\"size\":4096,\"uid\":$(id -u),\"mode\":\"0600\",\"committed\":4096.*\"holders\":\[{\"pid\":$holder,\"role\":\"holder\"}\]}\$" "$work/out")"
[ -z "$have_python" ] || expect "info --json is JSON" 'Local\a' "$(json "$work/out" 'd["name"]')"
refused "info of no name" 1 info b
says "info of no name" "'b'.*MOOR_ENOENT"

# write and cat: bytes
printf 'hello, map' | "$mooring" write a
expect "write ends well" 0 $?
expect "cat --length" "hello, map" "$("$mooring" cat --length 10 a)"
expect "cat --offset" "map" "$("$mooring" cat --offset 7 --length 3 a)"
expect "cat without a length is all of it" 4096 "$("$mooring" cat a | wc -c)"
printf 'end' | "$mooring" write --offset 4093 a
expect "the last bytes" end "$("$mooring" cat --offset 4093 a)"
printf '' | "$mooring" write a
expect "writing nothing changes nothing" "hello" "$("$mooring" cat --length 5 a)"
expect "cat --json" '{"name":"Local\\a","offset":7,"length":3,"hex":"6d6170"}' "$("$mooring" cat --json --offset 7 --length 3 a)"
printf 'four' >"$work/four"
timeout 60 "$mooring" write --offset 4093 a <"$work/four" 2>"$work/err"
expect "write past the end: exit code" 1 $?
says "write past the end" "'a' has room for 3 bytes at offset 4093"
expect "write past the end writes nothing" end "$("$mooring" cat --offset 4093 a)"
head -c 4097 /dev/zero | timeout 60 "$mooring" write a 2>"$work/err"
expect "one byte too many: exit code" 1 $?
head -c 4096 /dev/urandom >"$work/random"
"$mooring" write a <"$work/random"
expect "all of it" 0 $?
"$mooring" cat a | cmp -s - "$work/random"
expect "all of it reads back" 0 $?
refused "cat past the end" 1 cat --offset 4090 --length 7 a
says "cat past the end" "'a' has 4096 bytes; 7 at offset 4090"
refused "cat at the end" 1 cat --offset 4096 a
refused "write at the end" 1 write --offset 4096 a
refused "cat of no name" 1 cat b
says "cat of no name" "'b'.*MOOR_ENOENT"
says "cat of no name" "start the process that makes it"
"$mooring" cat a >/dev/full 2>"$work/err"
expect "cat to a full disk: exit code" 1 $?
says "cat to a full disk" "cannot write to standard output"
"$mooring" cat --json a >/dev/full 2>"$work/err"
expect "cat --json to a full disk: exit code" 1 $?

# write and cat: values, each type at its limits
while read -r type value hex; do
	"$mooring" write --offset 1 --type "$type" a -- "$value"
	expect "write $type $value" 0 $?
	expect "cat $type" "$value" "$("$mooring" cat --offset 1 --type "$type" a)"
	expect "$type $value is little endian" "$hex" "$("$mooring" cat --json --offset 1 --length $((${#hex} / 2)) a | sed 's/.*"hex":"//; s/".*//')"
done <<'END'
bool true 01
bool false 00
i8 -128 80
u8 255 ff
i16 -32768 0080
u16 65534 feff
i32 -2147483648 00000080
u32 4294967295 ffffffff
i64 -9223372036854775808 0000000000000080
i64 9223372036854775807 ffffffffffffff7f
u64 18446744073709551615 ffffffffffffffff
u64 81985529216486895 efcdab8967452301
f32 0.1 cdcccc3d
f32 3.4028235e+38 ffff7f7f
f64 0.1 9a9999999999b93f
f64 -1.5 000000000000f8bf
f64 inf 000000000000f07f
END
"$mooring" write --type f64 a -- -inf
expect "cat --json of what JSON has no number for" '{"name":"Local\\a","offset":0,"type":"f64","value":"-inf"}' "$("$mooring" cat --json --type f64 a)"
"$mooring" write --type u16 a 0x1234
expect "a value in hexadecimal" 4660 "$("$mooring" cat --type u16 a)"
expect "cat --json of a value" '{"name":"Local\\a","offset":0,"type":"u16","value":4660}' "$("$mooring" cat --json --type u16 a)"
while read -r type value; do
	refused "no $type: $value" 2 write --type "$type" a -- "$value"
done <<'END'
bool yes
i8 128
i8 -129
u8 256
u8 -1
i16 32768
u16 65536
i32 2147483648
u32 4294967296
i64 9223372036854775808
u64 18446744073709551616
u64 -1
u32 12x
f32 1e39
f64 1e400
f64 1.5.2
f64 one
END
expect "what is no value writes nothing" 4660 "$("$mooring" cat --type u16 a)"
refused "a value past the end" 1 write --offset 4089 --type u64 a 1
refused "cat of a value past the end" 1 cat --offset 4089 --type u64 a

# Only a map has bytes.
(echo data; exec sleep 60) | "$mooring" send --lines c &
sender=$!
await "$mooring" info c
refused "cat of a channel" 1 cat c
says "cat of a channel" "'c'.*MOOR_EKIND"
says "cat of a channel" "'c' is of the kind channel (1048576 bytes)"
refused "create with the name of a channel" 1 create c 10
says "create with the name of a channel" "'c' is of the kind channel (1048576 bytes)"
expect "info of a channel" "messages sent 1" "$(await sh -c "'$mooring' info c | grep -q 'messages sent *1'"; "$mooring" info c | grep '^messages sent' | tr -s ' ')"
"$mooring" info --json c >"$work/out"
expect "info --json of a channel" 1 "$(grep -c '"kind":"channel".*"ring":"one producer".*"sent":1,.*"senders":1,"receivers":0' "$work/out")"
[ -z "$have_python" ] || expect "info --json of a channel is JSON" 1 "$(json "$work/out" 'd["sent"]')"
kill $sender

# watch: now, and at each change; it does not keep the name.
"$mooring" write --type i64 a 1
timeout 60 "$mooring" watch --type i64 --interval 0.01 --count 3 a >"$work/watched" &
watcher=$!
await grep -qx 1 "$work/watched"
"$mooring" write --type i64 a 2
await grep -qx 2 "$work/watched"
"$mooring" write --type i64 a -- -3
wait $watcher
expect "watch --count ends well" 0 $?
expect "watch: each change" "1 2 -3" "$(paste -sd' ' "$work/watched")"
printf 'AB' | "$mooring" write --offset 100 a
expect "watch of bytes" 4142 "$(timeout 60 "$mooring" watch --offset 100 --length 2 --count 1 a)"
expect "watch --json of bytes" 1 "$(timeout 60 "$mooring" watch --json --offset 100 --length 2 --count 1 a | grep -c '^{"seconds":[0-9.]*,"offset":100,"encoding":"hex","bytes":"4142"}$')"
expect "watch --json of a value" 1 "$(timeout 60 "$mooring" watch --json --type u16 --offset 100 --count 1 a | grep -c '^{"seconds":[0-9.]*,"offset":100,"type":"u16","value":16961}$')"
rm -f "$work/watched" # what awaits it must not see the last one's
timeout 60 "$mooring" watch --type i64 --interval 0.01 a >"$work/watched" 2>"$work/err" &
watcher=$!
await grep -qx -- -3 "$work/watched"
let_go
expect "watch does not keep the name" 1 "$("$mooring" info a >/dev/null 2>&1; echo $?)"
wait $watcher
expect "watch ends with the last holder: exit code" 5 $?
says "watch ends with the last holder" "the last holder of 'a' has gone"
refused "watch of no name" 1 watch a
# Its name given to another map is the end, too.
hold w 10
rm -f "$work/watched"
timeout 60 "$mooring" watch --interval 0.01 w >"$work/watched" 2>"$work/err.watch" &
watcher=$!
await [ -s "$work/watched" ]
kill -9 "$holder"
wait "$holder" 2>/dev/null
hold w 20
wait $watcher
expect "watch does not follow another map of the name" 5 $?
let_go

# create: each option.
hold --json --mode 640 m 1K
expect "create --json" '{"name":"Local\\m","created":true,"size":1024,"committed":1024}' "$(cat "$work/held")"
expect "create --mode" "mode 0640" "$("$mooring" info m | grep '^mode' | tr -s ' ')"
"$mooring" chmod 0604 m
expect "chmod" "0 mode 0604" "$? $("$mooring" info m | grep '^mode' | tr -s ' ')"
refused "chmod beyond permission bits" 2 chmod 1777 m
refused "chmod in words" 2 chmod u+r m
refused "chmod of no name" 1 chmod 600 nothing
refused "create with a bad mode" 2 create --mode 1777 x 10
first=$holder
hold --or-open m 99
expect "create --or-open joins" 'joined Local\m, 1024 bytes; it is held until this process ends' "$(cat "$work/held")"
kill "$first"
wait "$first" 2>/dev/null
expect "the second holder keeps it" 0 "$("$mooring" info m >/dev/null; echo $?)"
let_go

hold --reserve --commit 100 r 1G
expect "create --reserve" "1073741824 100" "$("$mooring" info --json r | sed 's/.*"size":\([0-9]*\).*"committed":\([0-9]*\).*/\1 \2/')"
expect "cat of a reserved map is what is committed" 100 "$("$mooring" cat r | wc -c)"
refused "cat beyond what is committed" 1 cat --offset 100 --length 1 r
says "cat beyond what is committed" "of which 100 are committed"
let_go
refused "commit more than the size" 1 create --reserve --commit 2K r 1K
says "commit more than the size" "'r' has 1024 bytes"
refused "commit without reserve" 2 create --commit 1 r 1K

printf 'in a file' >"$work/file"
hold --file "$work/file" f
expect "create --file: its size" "size 9" "$("$mooring" info f | grep '^size' | tr -s ' ')"
expect "create --file: its bytes" "in a file" "$("$mooring" cat f)"
printf 'IN' | "$mooring" write f
let_go
expect "create --file: what was written stays" "IN a file" "$(cat "$work/file")"
expect "create --file: the name is gone" 1 "$("$mooring" info f >/dev/null 2>&1; echo $?)"
hold --file "$work/file" f 12
expect "create --file with a larger size" 12 "$("$mooring" cat f | wc -c)"
printf 'other' >"$work/other"
refused "another file under the name" 1 create --file "$work/other" f
says "another file under the name" "'f' belongs to a map that is not of the file"
let_go
refused "no such file" 1 create --file "$work/none" f
says "no such file" "$work/none.*create it first"
refused "no regular file" 1 create --file /dev/null f
says "no regular file" "/dev/null.*regular"
: >"$work/empty"
refused "an empty file" 1 create --file "$work/empty" f

# Out of memory: the directory, what is free, what was wanted. A disk would be filled up first, a tmpfs knows at once.
memory=$(mktemp -d /dev/shm/mooring-test-XXXXXX 2>/dev/null) && [ "$(stat -f -c %T "$memory")" = tmpfs ] || memory=
if [ -n "$memory" ]; then
	others+=("$memory")
	export MOORING_DIR=$memory
	refused "more than there is" 1 create huge 1T
	says "more than there is" MOOR_ENOSPC
	says "more than there is" "$memory: 1099511627776 bytes wanted, [0-9]* of [0-9]* free"
	timeout 60 "$mooring" recv --capacity 1T huge 2>"$work/err"
	if [ $? = 2 ]; then
		says "a channel of more than 32 bits reach" "a capacity from 4K to 1G"
	else
		says "a channel of more than there is" "$memory: 1099511627776 bytes wanted, [0-9]* of [0-9]* free"
	fi
	hold --reserve huge 1T
	let_go
	refused "a commit of more than there is" 1 create --reserve --commit 1T huge 2T
	says "a commit of more than there is" "$memory: 1099511627776 bytes wanted, [0-9]* of [0-9]* free"
	expect "nothing is left of it" "" "$("$mooring" ls; find "$memory" -type f)"
	export MOORING_DIR=$work
else
	echo "skipped: out of memory: /dev/shm is no tmpfs"
fi

# Access control lists, if the file system and the library have them.
hold l 10
if "$mooring" acl l >"$work/out" 2>"$work/err"; then
	"$mooring" acl l "u::rw,u:$(id -u):r,g::-,m::r,o::-"
	expect "acl sets" 0 $?
	expect "acl prints" 1 "$("$mooring" acl l | grep -c "user:[^:]*:r--")"
	"$mooring" acl --json l >"$work/out"
	expect "acl --json" 1 "$(grep -c '^{"name":"Local\\\\l","acl":".*user:.*"}$' "$work/out")"
	refused "no access control list" 2 acl l "nonsense"
	refused "create with a list that is not complete" 2 create --acl u:root:rw l2 10
	says "create with a list that is not complete" "'u:root:rw' is no complete access control list.* u::rw,u:"
	refused "create with no bytes" 2 create --acl u::rw,g::-,o::- l2 0
	says "create with no bytes" "SIZE is 0"
	refused "create with a mode and a list" 2 create --mode 600 --acl u::rw,g::-,o::- l2 10
	says "create with a mode and a list" "one or the other"
	expect "info shows it" 1 "$("$mooring" info l | grep -c '^acl .*user:')"
	let_go
	hold --acl "u::rw,u:$(id -u):r,g::-,m::r,o::-" l 10
	expect "create --acl" 1 "$("$mooring" acl l | grep -c "user:[^:]*:r--")"
else
	says "acl where there are none" MOOR_ENOTSUP
	says "acl where there are none" "built with libacl"
	echo "skipped: access control lists: $(tail -n 1 "$work/err")"
fi
let_go
refused "acl of no name" 1 acl l

# Another user, by permission bits and by access control lists.
other="setpriv --reuid=65534 --regid=65534 --clear-groups"
if [ "$(id -u)" != 0 ]; then
	echo "skipped: another user: this is not root"
elif ! MOORING_DIR=/dev/shm $other "$mooring" --version >/dev/null 2>&1; then
	echo "skipped: another user: user 65534 cannot run $mooring"
elif ! shared=$(mktemp -d /dev/shm/mooring-test-XXXXXX) || ! chmod 1777 "$shared"; then
	echo "skipped: another user: no directory for both in /dev/shm"
else
	others+=("$shared")
	export MOORING_DIR=$shared
	as_other() { # WHAT CODE COMMAND...
		local what=$1 code=$2
		shift 2
		# shellcheck disable=SC2086
		timeout 60 $other "$mooring" "$@" >"$work/out" 2>"$work/err"
		expect "$what: exit code" "$code" $?
	}
	hold 'Global\g' 8
	as_other "cat of another's map" 1 cat 'Global\g'
	says "cat of another's map" "'Global.g'.*MOOR_EACCES"
	as_other "info of another's map" 1 info 'Global\g'
	"$mooring" chmod 0644 'Global\g'
	as_other "cat of another's map after chmod" 0 cat --type u64 'Global\g'
	as_other "watch of another's map after chmod" 0 watch --count 1 'Global\g'
	as_other "write to another's map that may be read" 1 write --type u8 'Global\g' 1
	says "write to another's map that may be read" "it belongs to user 0 and has the mode 0644, you are user 65534"
	as_other "chmod of another's map" 1 chmod 0666 'Global\g'
	says "chmod of another's map" "cannot change the mode of 'Global.g'.*MOOR_EACCES"
	as_other "acl of another's map" 1 acl 'Global\g' u::rw,g::rw,o::rw
	says "acl of another's map" "cannot change the access control list of 'Global.g'"
	if "$mooring" acl 'Global\g' u::rw,u:65534:rw,g::-,m::rw,o::- 2>/dev/null; then
		as_other "write to another's map by its acl" 0 write --type u8 'Global\g' 77
		expect "what another user wrote" 77 "$("$mooring" cat --type u8 'Global\g')"
	else
		echo "skipped: another user: no access control lists"
	fi
	as_other "create of what another user holds" 1 create 'Global\g' 8
	says "create of what another user holds" "you are user 65534: with --any-owner you accept that"
	let_go
	expect "nothing is left of what was shared" "" "$(find "$shared" -type f)"
	export MOORING_DIR=$work
fi

# Permission denied names what is needed. (root may open everything)
if [ "$(id -u)" != 0 ]; then
	hold --mode 400 p 10
	refused "write without the right" 1 write --type u8 p 1
	says "write without the right" "'p'.*MOOR_EACCES"
	says "write without the right" "it belongs to user $(id -u) and has the mode 0400, you are user $(id -u)"
	let_go
fi

for bad in "create" "create a" "create a x" "create a 1 2" "create --nonsense a 1" "create a 0" "create a -5" \
	"info" "info a b" "cat" "cat --length 0 a" "cat --type u8 --length 1 a" "cat --type u7 a" "cat --offset -1 a" \
	"write a 5" "write --type u8 a" "watch" "watch --count 0 a" "watch --interval x a" "watch --length 65537 a" \
	"chmod 600" "chmod" "acl" "acl --json a u::rw"; do
	# shellcheck disable=SC2086
	refused "usage: 'mooring $bad'" 2 $bad
done
for command in create info cat write watch chmod acl; do
	expect "'mooring $command --help'" 1 "$("$mooring" $command --help | grep -c "^usage: mooring $command ")"
done
refused "a bad name" 1 create no/slash 10
says "a bad name" "'no/slash'.*MOOR_ENAME"

expect "no name is left" "" "$("$mooring" ls)"
finish
