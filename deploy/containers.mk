# The suite in containers; the root Makefile includes this file.
.PHONY: secrets containers-test

secrets: ## Make the secrets that docker-compose.yml mounts (what is there stays)
	@deploy/secrets.sh

containers-test: $(VENV)/local.stamp ## Build the images, play a case in containers, stop and start them, tear down
	@$(BIN)/python -m tests.containers
