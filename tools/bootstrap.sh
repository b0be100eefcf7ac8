#!/bin/sh
# Sets up what everything else is run with: Debian's packages (for the lab alone) and the virtual environment.
# Usage: tools/bootstrap.sh [STACK]; for a stack other than `lab`, the virtual environment alone.
set -eu
cd "$(dirname "$0")/.."
stack=${1:-lab}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/blue-green

fail() {
	echo "setup: $1" >&2
	exit 1
}

install_debian_packages() {
	missing=
	for package in $(sed 's/#.*//' tools/debian-packages.txt); do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
		*' installed') ;;
		*) missing="$missing $package" ;;
		esac
	done
	[ -n "$missing" ] || return 0
	[ "$(id -u)" = 0 ] || fail "run once as root: apt-get install$missing"
	echo "setup: installing from Debian:$missing"
	mkdir -p "$cache"
	log=$(mktemp)
	if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-remove --no-install-recommends $missing; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		fail "apt-get could not install:$missing"
	fi
	rm -f "$log"
	# What `make down` names as what stays.
	echo "$missing" >>"$cache/debian-packages"
}

# Packages are of one Python: after the machine's has changed, they are installed anew.
made_from() {
	cat requirements.lock tools/bootstrap.sh | cksum
	.venv/bin/python -V 2>/dev/null || true
}

make_virtual_environment() {
	[ "$(cat .venv/.made-from 2>/dev/null || true)" != "$(made_from)" ] || return 0
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
		fail "Python 3.11 or later is needed as python3"
	echo "setup: installing the $(grep -c == requirements.lock) Python packages of requirements.lock into .venv, in a minute or two"
	.venv/bin/python -m pip --version >/dev/null 2>&1 || python3 -m venv --clear .venv || fail "python3 -m venv failed: apt-get install python3-venv"
	# What is downloaded is kept where `make clean-cache` finds it.
	PIP_CACHE_DIR=${PIP_CACHE_DIR:-$cache/pip} .venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
		--require-hashes -r requirements.lock || fail "pip could not install requirements.lock"
	made_from >.venv/.made-from
}

# The commands of this checkout, from any folder; `pip install` makes the same one of the wheel.
make_command() {
	# The environment of another clone, whose command is its own.
	[ ! -L .venv ] || [ ! -x .venv/bin/blue-green ] || return 0
	# For `python -m lab` and the like; rewritten where the folder was moved.
	for packages in .venv/lib/python3*/site-packages; do
		[ "$(cat "$packages/blue-green.pth" 2>/dev/null || true)" = "$PWD" ] || echo "$PWD" >"$packages/blue-green.pth"
	done
	! grep -qsF "exec \"$PWD/.venv/bin/python\"" .venv/bin/blue-green || return 0
	# For the shell its first lines, as the line of an interpreter ends at a space; for Python a text.
	cat >.venv/bin/blue-green.new <<-EOF
		#!/bin/sh
		''':'
		exec "$PWD/.venv/bin/python" "\$0" "\$@"
		'''
		import sys

		sys.path.insert(0, "$PWD")
		from components.commands.main import main

		main()
	EOF
	chmod +x .venv/bin/blue-green.new
	mv .venv/bin/blue-green.new .venv/bin/blue-green
}

# Pulumi names the file without organization and project; where stackConfigDir has it, the commands look.
if [ ! -f "Pulumi.${stack##*/}.yaml" ] && ! grep -q '^stackConfigDir:' Pulumi.yaml; then
	there=$(for file in Pulumi.*.yaml; do echo "$file" | cut -d. -f2; done | xargs)
	fail "there is no stack $stack: Pulumi.${stack##*/}.yaml is missing. There are: $there"
fi
if [ "$stack" = lab ]; then
	[ "$(uname -s)" = Linux ] || fail "the lab needs Linux; with Docker and Minikube, use STACK=dev"
	command -v dpkg-query >/dev/null || fail "the lab's packages come from Debian: install, by your means, $(sed 's/#.*//' tools/debian-packages.txt | xargs)"
	install_debian_packages
fi
make_virtual_environment
make_command
