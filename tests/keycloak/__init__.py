"""The committed realm on the real Keycloak."""
