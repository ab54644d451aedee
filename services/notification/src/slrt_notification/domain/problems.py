"""The refusals of notification, each with its stable name and its sentence for people."""

from slrt_kit.problems import ProblemError, Text


class TransitionRefusedError(ProblemError):
    """The notification has its end already (see `transitions`)."""

    slug, status = "transition-refused", 409
    title = Text("Pemberitahuan ini sudah selesai", "That notification has ended already")
