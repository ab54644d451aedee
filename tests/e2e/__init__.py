"""The whole suite through the gateway. A package, so that its stack ends with the last of its tests."""
