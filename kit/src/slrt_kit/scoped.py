"""Ask the database only for what is inside a scope."""

from slrt_kit.access import Scope


def in_region(scope: Scope, column: str) -> tuple[str, dict[str, object]]:
    """The condition that a region code in ``column`` is inside the scope's region, and its values.

    A scope that is bound to no region has nothing in it. The column needs an index of collation "C".
    """
    if scope.everywhere:
        return "true", {}
    if scope.region is None:
        return "false", {}
    # Every code of a subtree starts with "root." and '/' is the next character after '.'.
    column = f'{column} COLLATE "C"'
    condition = f"({column} = %(region)s OR ({column} >= %(region)s || '.' AND {column} < %(region)s || '/'))"
    return condition, {"region": scope.region}
