"""``slrt-intake api | worker | relay | migrate | all``."""

from slrt_intake.app import build_app, build_chores, build_consumers, build_runtime
from slrt_kit.roles import service_commands

main = service_commands(
    name="intake", runtime=build_runtime, app=build_app, consumers=build_consumers, chores=build_chores
)

if __name__ == "__main__":
    main()
