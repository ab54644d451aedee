#!/bin/sh
# Make the secrets that docker-compose.yml mounts as files. What is there already is left alone: delete a file to
# have it made anew (and change the password or client secret in PostgreSQL or Keycloak, which know the old one).
#   deploy/secrets.sh            into deploy/secrets, or into $SLRT_SECRETS_DIR
set -eu

dir=${SLRT_SECRETS_DIR:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$dir"
# Compose mounts each file with the mode it has here, and a service runs as a user of its own: so the files can be
# read by whoever reaches them, and the folder keeps everybody else on this machine from reaching them.
chmod 700 "$dir"

keep() { # name: the file gets what stands on standard input, unless it is there
  if [ -s "$dir/$1" ]; then
    cat >/dev/null
  else
    cat >"$dir/.$1.new"
    chmod 444 "$dir/.$1.new"
    mv -f "$dir/.$1.new" "$dir/$1"
    echo "made $1"
  fi
}

random() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

for name in postgres_password keycloak_db_password keycloak_admin_password demo_password slrt_test_client_secret \
  slrt_revocations_client_secret \
  grafana_admin_password; do
  random | keep "$name"
done

for service in intake referral registry notification; do
  random | keep "slrt_${service}_db_password"
  random | keep "slrt_${service}_client_secret"
  random | keep "slrt_${service}_kafka_password"
  head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' | keep "slrt_${service}_audit_signing_key"
  password=$(cat "$dir/slrt_${service}_db_password")
  printf 'postgresql://slrt_%s:%s@postgres:5432/slrt_%s' "$service" "$password" "$service" |
    keep "slrt_${service}_database_url"
done

# Of those that hold personal data: where their keys are, and the two keys that no database has. Whoever loses these two
# loses every name and number; whoever has them and a backup of both databases reads all: keep a copy apart, sealed.
key() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
for service in intake referral registry; do
  password=$(cat "$dir/slrt_${service}_db_password")
  printf 'postgresql://slrt_%s:%s@postgres:5432/slrt_%s_keys' "$service" "$password" "$service" |
    keep "slrt_${service}_keys_url"
  key | keep "slrt_${service}_key_encryption_key"
  key | keep "slrt_${service}_index_key"
  # Empty but while a key-encryption key is replaced: docs/how-to/back-up-keys.md.
  others="$dir/slrt_${service}_other_key_encryption_keys"
  [ -e "$others" ] || { : >"$others" && chmod 444 "$others"; }
done

# The broker's own users: itself, and the administrator, whom the job that applies the topic registry comes as.
random | keep slrt_topics_kafka_password
printf 'broker=%s\nadmin=%s\n' "$(random)" "$(cat "$dir/slrt_topics_kafka_password")" | keep kafka_users

# Where the connectors deliver: the sinks of the demo profile. An installation names the offices' own endpoints.
for office in 12.74.DUKCAPIL 12.74.DIKBUD 12.74.PUPR 12.PUPR 12.ESDM; do
  printf '%s:\n  url: http://sinks:8090/offices/%s/notices\n  secret: whsec_%s\n' \
    "$office" "$office" "$(head -c 32 /dev/urandom | base64 | tr -d '\n')"
done | keep connectors.yaml

# Which mailbox supervises which region (code of a province, regency or district). An installation names its own.
printf '"12.74": supervisor.1274@contoh.go.id\n' | keep supervisors.yaml

echo "secrets: all there in $dir"
