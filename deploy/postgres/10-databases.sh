#!/usr/bin/env bash
# On the first start of an empty cluster: a role and a database for each service, each closed to all the others.
set -euo pipefail

as_superuser() {
  psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres "$@"
}

for owner in slrt_intake slrt_referral slrt_registry slrt_notification keycloak; do
  # psql reads the password itself, so that it is in no argument list
  as_superuser -v owner="$owner" -v file="/run/secrets/${owner}_db_password" <<'SQL'
\set password `cat :'file'`
CREATE ROLE :"owner" LOGIN PASSWORD :'password';
CREATE DATABASE :"owner" OWNER :"owner";
REVOKE ALL ON DATABASE :"owner" FROM PUBLIC;
SQL
done

# The keys of those that hold personal data: databases of their own, so that no backup holds both. Better still they
# are on a server of their own (SLRT_<SERVICE>_KEYS_URL).
for owner in slrt_intake slrt_referral slrt_registry; do
  as_superuser -v owner="$owner" -v keys="${owner}_keys" <<'SQL'
CREATE DATABASE :"keys" OWNER :"owner";
REVOKE ALL ON DATABASE :"keys" FROM PUBLIC;
SQL
done

as_superuser <<'SQL'
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
SQL
