"""``slrt-intake api | worker | relay | migrate | all``, and what its operator can do."""

from slrt_intake.app import build_app, build_chores, build_consumers, build_runtime
from slrt_intake.store.stalls import CLOCKLESS
from slrt_kit.operate.clocks import clock_commands
from slrt_kit.roles import service_commands

main = service_commands(
    name="intake", runtime=build_runtime, app=build_app, consumers=build_consumers, chores=build_chores
)
main.add_typer(clock_commands("intake", build_runtime, CLOCKLESS), name="clocks")

if __name__ == "__main__":
    main()
