#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mooring(1) as people use it: every option, every exit code, either order of starting, and deaths.
. "$(dirname "$0")/common.sh"
has_senders() { "$mooring" info "$1" | grep -q "^senders now *$2\$"; }

head -c 3000000 /dev/urandom >"$work/data"

timeout 60 "$mooring" recv a >"$work/out" &
await lives 'Local\\a'
timeout 60 "$mooring" send a <"$work/data"
expect "send ends well" 0 $?
wait %1
expect "recv first: ends well" 0 $?
cmp -s "$work/data" "$work/out"
expect "recv first: the same bytes" 0 $?

timeout 60 "$mooring" send a <"$work/data" &
await lives 'Local\\a'
timeout 60 "$mooring" recv a >"$work/out"
expect "send first: recv ends well" 0 $?
wait $!
expect "send first: send ends well" 0 $?
cmp -s "$work/data" "$work/out"
expect "send first: the same bytes" 0 $?
expect "no name is left" "" "$("$mooring" ls)"

printf 'one\n\nthree\nno newline' | timeout 60 "$mooring" send --lines l &
expect "lines, one message each" $'one\n\nthree\nno newline' "$(timeout 60 "$mooring" recv --lines l)"
wait $!
# Many senders: what each sends comes whole and in order; the end is when the last has left.
mkfifo "$work/held"
timeout 60 "$mooring" recv --lines --many m >"$work/out" &
receiver=$!
await lives 'Local\\m'
exec 3<>"$work/held"
timeout 60 "$mooring" send m <"$work/held" 3>&- &
holder=$!
await has_senders m 1
senders=
for i in 1 2 3; do
	seq -f "$i %g" 1 2000 | timeout 60 "$mooring" send --lines --many m &
	senders="$senders $!"
done
for pid in $senders; do
	wait "$pid"
	expect "many: a sender ends well" 0 $?
done
expect "many: info knows" "many producers" "$("$mooring" info m | sed -n 's/^ring *//p')"
timeout 60 "$mooring" send --lines m </dev/null
expect "many: whoever comes later" 0 $?
expect "many: one receiver" 1 "$(timeout 60 "$mooring" recv m >/dev/null 2>&1; echo $?)"
exec 3>&- # the end of its input
wait "$holder"
expect "many: the last sender ends well" 0 $?
wait "$receiver"
expect "many: recv ends with the last" 0 $?
for i in 1 2 3; do
	expect "many: sender $i's lines, in order" "$(seq 1 2000 | cksum)" "$(sed -n "s/^$i //p" "$work/out" | cksum)"
done
timeout 60 "$mooring" recv --many m </dev/null >"$work/out" &
await lives 'Local\\m'
timeout 60 "$mooring" send m <"$work/data"
expect "many: bytes" 0 $?
wait $!
cmp -s "$work/data" "$work/out"
expect "many: the same bytes" 0 $?
timeout 60 "$mooring" recv m >"$work/out" &
await lives 'Local\\m'
expect "many: not of a channel for one" 1 "$(timeout 60 "$mooring" send --many m </dev/null >/dev/null 2>&1; echo $?)"
timeout 60 "$mooring" send m </dev/null
wait $!

printf '' | timeout 60 "$mooring" send l &
await lives 'Local\\l'
timeout 60 "$mooring" recv l >"$work/out"
expect "an empty input ends the receiver" 0 $?
expect "an empty input is empty" 0 "$(wc -c <"$work/out")"
wait $!

timeout 60 "$mooring" send --stats --capacity 64K s <"$work/data" 2>>"$work/stats" &
await held_by 'Local\\s' sender # it asks for a capacity: it must be the one that creates
timeout 60 "$mooring" recv --stats s 2>>"$work/stats" >"$work/out"
wait $!
expect "--stats on both sides" 2 "$(grep -c '3000000 bytes in .* messages/s' "$work/stats")"

# A killed sender: what it had committed first, then exit code 3.
(printf 'committed\n'; exec sleep 60) | "$mooring" send --lines k &
sender=$!
await held_by 'Local\\k' sender
timeout 60 "$mooring" recv --lines k >"$work/out" 2>"$work/err" &
receiver=$!
await grep -q committed "$work/out"
kill -9 $sender
wait "$receiver"
expect "a killed sender: exit code 3" 3 $?
expect "a killed sender: what was committed" committed "$(cat "$work/out")"
expect "a killed sender: the message names the error" 1 "$(grep -c MOOR_EPEERDEAD "$work/err")"

# A killed receiver: the sender is told.
yes | timeout 60 "$mooring" send --capacity 4K r 2>"$work/err" &
sender=$!
await held_by 'Local\\r' sender
"$mooring" recv r >/dev/null &
receiver=$!
await held_by 'Local\\r' receiver
kill -9 "$receiver"
wait "$sender"
expect "a killed receiver: exit code 3" 3 $?

# --follow: a second sender after the first, and after one that died.
timeout 60 "$mooring" recv --follow --lines f >"$work/out" 2>"$work/err" &
receiver=$!
await lives 'Local\\f'
echo first | timeout 60 "$mooring" send --lines f
(echo second; exec sleep 60) | "$mooring" send --lines f &
sender=$!
await grep -q second "$work/out"
kill -9 $sender
await grep -q died "$work/err"
echo third | timeout 60 "$mooring" send --lines f
await grep -q third "$work/out"
expect "--follow" "first second third" "$(paste -sd' ' "$work/out")"
kill "$receiver"
wait "$receiver" 2>/dev/null

timeout 60 "$mooring" recv --timeout 0.1 t 2>"$work/err"
expect "recv --timeout: exit code 4" 4 $?
echo x | timeout 60 "$mooring" send --timeout 0.1 t 2>"$work/err"
expect "send --timeout: exit code 4" 4 $?
timeout 60 "$mooring" recv --follow --timeout 0.1 t 2>"$work/err"
expect "recv --follow --timeout: exit code 4" 4 $?
expect "no name is left after time-outs" "" "$("$mooring" ls)"

# Errors say what is wrong and what to do.
"$mooring" recv b >/dev/null 2>&1 &
receiver=$!
await held_by 'Local\\b' receiver
"$mooring" recv b 2>"$work/err"
expect "a second receiver: exit code 1" 1 $?
expect "a second receiver: whom to end" 1 "$(grep -c "receiver (process $receiver)" "$work/err")"
"$mooring" recv --capacity 64K b 2>"$work/err"
expect "another capacity: exit code 1" 1 $?
expect "another capacity: named" 1 "$(grep -c MOOR_EMISMATCH "$work/err")"
expect "ls: one line each" 2 "$("$mooring" ls | wc -l)"
expect "ls --json" 1 "$("$mooring" ls --json | grep -c "\"name\":\"Local\\\\\\\\b\",\"kind\":\"channel\".*\"pid\":$receiver,\"role\":\"receiver\"")"
kill "$receiver"
wait "$receiver" 2>/dev/null
printf '%05000d\n' 1 | "$mooring" send --lines --capacity 4K m 2>"$work/err"
expect "a line too long: exit code 1" 1 $?
expect "a line too long: which" 1 "$(grep -c '^mooring: line 1 has 5000 bytes' "$work/err")"
"$mooring" send 'no/slash' </dev/null 2>"$work/err"
expect "a bad name: exit code 1" 1 $?
for bad in "send" "send a b" "send --capacity 3X a" "send --capacity 1 a" "send --capacity -5 a" "send --timeout x a" \
	"recv" "recv --nonsense a" "ls a" "nonsense" ""; do
	# shellcheck disable=SC2086
	"$mooring" $bad </dev/null >/dev/null 2>"$work/err"
	expect "usage: 'mooring $bad' has exit code 2" 2 $?
	expect "usage: 'mooring $bad' says something" 0 "$([ -s "$work/err" ]; echo $?)"
done
for good in --help --version "send --help" "recv --help" "ls --help"; do
	# shellcheck disable=SC2086
	"$mooring" $good >"$work/out"
	expect "'mooring $good'" "0 0" "$? $([ -s "$work/out" ]; echo $?)"
done
for good in --help --version "send --help" "create --help" "ls --help" "sem --help"; do
	# shellcheck disable=SC2086
	"$mooring" $good >/dev/full 2>"$work/err"
	expect "'mooring $good' to a full disk" "1 1" "$? $(grep -c 'cannot write to standard output' "$work/err")"
done
MOORING_DIR=$work/none "$mooring" recv x 2>"$work/err"
expect "a bad MOORING_DIR: exit code 1" 1 $?
expect "a bad MOORING_DIR: named" 1 "$(grep -c "MOORING_DIR ($work/none)" "$work/err")"
(echo data; exec sleep 60) | "$mooring" send --lines o &
sender=$!
"$mooring" recv o >/dev/full 2>"$work/err"
expect "output that cannot be written: exit code 1" 1 $?
timeout 60 "$mooring" recv --timeout 0.1 o >"$work/out" 2>"$work/err"
expect "what could not be written is still there" data "$(cat "$work/out")"
kill $sender

# A closed standard stream is not taken by the channel's own file.
"$mooring" send c <&- 2>"$work/err"
expect "standard input closed: exit code 1" 1 $?
expect "standard input closed: named" 1 "$(grep -c 'cannot read standard input' "$work/err")"
echo data | timeout 60 "$mooring" send c 2>/dev/null &
sender=$!
await held_by 'Local\\c' sender
timeout 60 "$mooring" recv c >&- 2>"$work/err"
expect "standard output closed: exit code 1" 1 $?
wait $sender
expect "standard output closed: the sender is told" 5 $?

finish
