"""The refusals of the registry, each with its stable name and its sentence for people."""

from slrt_kit.problems import ProblemError, Text


class TransitionRefusedError(ProblemError):
    """The state does not allow the action (see `transitions`)."""

    slug, status = "transition-refused", 409
    title = Text("Langkah ini belum atau tidak lagi dapat dilakukan", "That step cannot be taken now")


class PurposeRequiredError(ProblemError):
    slug, status = "purpose-required", 400
    title = Text("Sebutkan tujuan pada header Purpose", "Say what for in the Purpose header")
