"""``slrt-registry api | worker | relay | migrate | all``."""

from slrt_kit.roles import service_commands
from slrt_registry.app import build_app, build_consumers, build_runtime

main = service_commands(name="registry", runtime=build_runtime, app=build_app, consumers=build_consumers)

if __name__ == "__main__":
    main()
