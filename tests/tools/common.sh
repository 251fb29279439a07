# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts that test programs share; each reads it first: the tool, a place of their own for names and files,
# which goes when they end with all that they have started, and ways to say what is expected. The last line of a script
# is `finish`.
set -u
mooring=${mooring:-$PWD/mooring}
work=$(basename "$0" .sh)
work=$(mktemp -d "$PWD/${work#test_}.XXXXXX") || exit 99
chmod 700 "$work"
export MOORING_DIR=$work mooring
exec 2>&1
others=() # directories besides $work to be removed
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work" ${others[@]+"${others[@]}"}' EXIT
failures=0

# expect WHAT WANTED GOT
expect() {
	if [ "$2" = "$3" ]; then echo "PASS: $1"; else
		echo "FAIL: $1: expected '$2', got '$3'"
		failures=$((failures + 1))
	fi
}
# await COMMAND...: until it succeeds
await() {
	local tries=3000
	until "$@" >/dev/null 2>&1; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.01
	done
}
# lives NAME: as ls prints it, as a pattern; held_by NAME WHAT: its line has that, too
lives() { "$mooring" ls | grep -q "^$1 "; }
held_by() { "$mooring" ls | grep "^$1 " | grep -q "$2"; }
# What cannot go on.
fail() {
	echo "FAIL: $*"
	exit 1
}
finish() { exit $((failures > 0)); }
