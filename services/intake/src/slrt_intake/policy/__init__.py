"""The policy that comes with intake, in layers: what residents may need, the programmes, the steps of a case."""
