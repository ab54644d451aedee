#!/bin/bash
# Start Keycloak with its secrets taken from files: its realm import and its options read the environment alone.
set -euo pipefail

secret() { # file below /run/secrets: its content without the line end
  local value
  value=$(</run/secrets/"$1")
  if [[ -z $value ]]; then
    echo "secret $1 is empty" >&2
    exit 1
  fi
  printf '%s' "$value"
}

# Assigned first and exported then: `export X=$(…)` would hide a missing file.
KC_DB_PASSWORD=$(secret keycloak_db_password)
KC_BOOTSTRAP_ADMIN_PASSWORD=$(secret keycloak_admin_password)
SLRT_INTAKE_CLIENT_SECRET=$(secret slrt_intake_client_secret)
SLRT_REFERRAL_CLIENT_SECRET=$(secret slrt_referral_client_secret)
SLRT_REGISTRY_CLIENT_SECRET=$(secret slrt_registry_client_secret)
SLRT_NOTIFICATION_CLIENT_SECRET=$(secret slrt_notification_client_secret)
SLRT_TEST_CLIENT_SECRET=$(secret slrt_test_client_secret)
SLRT_REVOCATIONS_CLIENT_SECRET=$(secret slrt_revocations_client_secret)
SLRT_DEMO_PASSWORD=$(secret demo_password)
export KC_DB_PASSWORD KC_BOOTSTRAP_ADMIN_PASSWORD SLRT_TEST_CLIENT_SECRET SLRT_REVOCATIONS_CLIENT_SECRET \
  SLRT_DEMO_PASSWORD \
  SLRT_INTAKE_CLIENT_SECRET SLRT_REFERRAL_CLIENT_SECRET SLRT_REGISTRY_CLIENT_SECRET SLRT_NOTIFICATION_CLIENT_SECRET

exec /opt/keycloak/bin/kc.sh "$@"
