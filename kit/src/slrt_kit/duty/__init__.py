"""The duty roster: who has which role where, and to whom a case goes up when nobody is there."""

from slrt_kit.duty.model import Duty, Step, chain, holders, levels_of, officer_id_of
from slrt_kit.duty.store import duties_around

__all__ = ["Duty", "Step", "chain", "duties_around", "holders", "levels_of", "officer_id_of"]
