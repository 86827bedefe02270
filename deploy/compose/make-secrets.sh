#!/bin/sh
# Runs once before the other services and leaves each secret in a volume of its own, which only the services that need it
# mount. A file in the folder of one's own secrets ($GIVEN) comes first; what is there from an earlier start stays; the rest is drawn
# at random. Nothing has a default that others know.
set -eu
umask 022
GIVEN=${GIVEN:-/given}
SECRETS=${SECRETS:-/run/triptych}

fail() {
  echo "secrets: $1" >&2
  exit 1
}

case ${BIND:-127.0.0.1} in
  127.* | localhost | ::1 | '[::1]') ;;
  *) [ "${AUTH:-on}" != off ] ||
    fail "TRIPTYCH_BIND=$BIND lets others reach the ports and TRIPTYCH_AUTH=off lets anybody in; change one of the two" ;;
esac

# make VOLUME FILE NAME: the secret NAME as SECRETS/VOLUME/FILE.
make() {
  target=$SECRETS/$1/$2
  if [ -e "$GIVEN/$3" ]; then
    secret=$(cat "$GIVEN/$3") || fail "$3 cannot be read"
  elif [ -s "$target" ]; then
    secret=$(cat "$target")
  else
    secret=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
  fi
  [ ${#secret} -ge 32 ] || fail "$3 has ${#secret} characters; give 32 or more, for instance what \`openssl rand -hex 32\` prints"
  case $secret in
    *[!A-Za-z0-9_+/=.~-]*) fail "$3 may have letters, digits and _ + / = . ~ - alone" ;;
  esac
  printf '%s\n' "$secret" >"$target.new"
  mv "$target.new" "$target"
}

make database password postgres_password
make queue password redis_password
make grafana password grafana_password
make admin token admin_token
make join token join_token

# certificate ROLE: what `triptych certificates` made for it. Looked at anew at each start, for they are renewed.
certificate() {
  for part in ca cert key; do
    given=$GIVEN/certificates/$1/$part.pem
    [ -e "$given" ] ||
      fail "certificates/$1/$part.pem is not among the secrets; run \`triptych certificates --out deploy/compose/secrets/certificates\`"
    cp "$given" "$SECRETS/tls-$1/$part.pem.new" || fail "certificates/$1/$part.pem cannot be read"
    chmod 644 "$SECRETS/tls-$1/$part.pem.new"
    mv "$SECRETS/tls-$1/$part.pem.new" "$SECRETS/tls-$1/$part.pem"
  done
}
if [ "${TLS:-off}" = on ]; then
  certificate control-plane
  certificate worker
fi

# Redis takes its password from a configuration file, not from a command line that every process list shows.
printf 'requirepass %s\n' "$(cat "$SECRETS/queue/password")" >"$SECRETS/queue/redis.conf.new"
mv "$SECRETS/queue/redis.conf.new" "$SECRETS/queue/redis.conf"
