#!/bin/sh
# Asks before a stack is destroyed, all but the lab's: that one lives and dies on this machine.
# Usage: tools/confirm.sh STACK [CONFIRM]; CONFIRM is the stack's name, for where nobody can be asked.
set -eu
stack=$1 confirm=${2:-}
if [ "$stack" = lab ] || [ "$confirm" = "$stack" ]; then exit 0; fi
what="this destroys stack $stack and all that it made"
if [ ! -t 0 ]; then
	echo "down: $what. To confirm, type: make down STACK=$stack CONFIRM=$stack" >&2
	exit 1
fi
printf '%s. Type its name to confirm: ' "$what" >&2
read -r answer || answer=
if [ "$answer" != "$stack" ]; then
	echo "down: not confirmed, and nothing was touched" >&2
	exit 1
fi
