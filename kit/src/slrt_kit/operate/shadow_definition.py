"""Copy the definition of a table so that the copy can take its place: same columns, names, constraints and rights."""

from slrt_kit.db import Connection
from slrt_kit.operate.console import RefusedError

_KIND = """
    SELECT relkind = 'r' AND relpersistence = 'p' AS ordinary, pg_get_userbyid(relowner) = current_user AS ours,
           EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary) AS keyed
    FROM pg_class c WHERE oid = to_regclass(%(table)s)
    """
# What would stay with the old table, or hold it.
_IN_THE_WAY = """
    WITH t AS (SELECT oid, reltype FROM pg_class WHERE oid = CAST(%(table)s AS regclass))
    SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend d, t
    WHERE d.deptype = 'n' AND (
        d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = t.oid
        OR d.refclassid = CAST('pg_type' AS regclass) AND d.refobjid = t.reltype)
      AND NOT (d.classid = CAST('pg_constraint' AS regclass)
               AND EXISTS (SELECT FROM pg_constraint o WHERE o.oid = d.objid AND o.conrelid = t.oid))
      AND NOT (d.classid = CAST('pg_attrdef' AS regclass)
               AND EXISTS (SELECT FROM pg_attrdef o WHERE o.oid = d.objid AND o.adrelid = t.oid))
    UNION SELECT pg_describe_object(CAST('pg_constraint' AS regclass), c.oid, 0) FROM pg_constraint c, t
        WHERE c.conrelid = t.oid AND c.contype = 'f'
    UNION SELECT 'trigger ' || tgname FROM pg_trigger, t WHERE tgrelid = t.oid AND NOT tgisinternal
    UNION SELECT 'rule ' || rulename FROM pg_rewrite, t WHERE ev_class = t.oid
    UNION SELECT 'policy ' || polname FROM pg_policy, t WHERE polrelid = t.oid
    UNION SELECT 'statistics ' || stxname FROM pg_statistic_ext, t WHERE stxrelid = t.oid
    UNION SELECT 'publication ' || p.pubname FROM pg_publication_rel r JOIN pg_publication p ON p.oid = prpubid, t
        WHERE prrelid = t.oid
    UNION SELECT 'inheritance' FROM pg_inherits, t WHERE t.oid IN (inhrelid, inhparent)
    UNION SELECT 'numbers of the column ' || attname FROM pg_depend d JOIN pg_class s ON s.oid = d.objid
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid, t
        WHERE d.classid = CAST('pg_class' AS regclass) AND s.relkind = 'S' AND d.refobjid = t.oid
    ORDER BY 1
    """
_KEY = """
    SELECT quote_ident(a.attname) FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE i.indrelid = CAST(%(table)s AS regclass) AND i.indisprimary ORDER BY k.place
    """
_COLUMNS = """
    SELECT quote_ident(attname) AS name, coalesce(pg_get_expr(adbin, adrelid) ^@ 'nextval(', false) AS is_drawn
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = CAST(%(table)s AS regclass) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum
    """
_OPTIONS = """
    SELECT quote_ident(option_name) || ' = ' || quote_literal(option_value)
    FROM pg_class, pg_options_to_table(reloptions) WHERE oid = CAST(%(table)s AS regclass)
    """
_CONSTRAINTS = """
    SELECT quote_ident(conname) || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = CAST(%(table)s AS regclass) AND contype IN ('p', 'u', 'x') ORDER BY contype, conname
    """
# PostgreSQL writes the table's name into the definition in this very way, and index names are per schema.
_INDEXES = """
    SELECT pg_get_indexdef(indexrelid) AS definition,
           format('INDEX %%I ON %%I.%%I ', x.relname, n.nspname, c.relname) AS says,
           format('INDEX %%I ON ', x.relname) AS of
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class x ON x.oid = i.indexrelid
    WHERE indrelid = CAST(%(table)s AS regclass) AND indisunique = %(unique)s
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND conrelid = i.indrelid)
    ORDER BY x.relname
    """
_HOLDERS = """
    SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
    FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
    WHERE oid = CAST(%(table)s AS regclass)
    """
_GRANTS = """
    SELECT privilege_type || coalesce(' (' || quote_ident(attname) || ')', '') AS what,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
           || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS whom
    FROM (
        SELECT NULL AS attname, a.* FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) a
        WHERE oid = CAST(%(table)s AS regclass)
        UNION ALL
        SELECT attname, a.* FROM pg_attribute, aclexplode(attacl) a WHERE attrelid = CAST(%(table)s AS regclass)
    ) AS granted
    """


async def check(connection: Connection, table: str) -> None:
    """Raises RefusedError: the table cannot be replaced by a copy, and why."""
    found = await connection.row(_KIND, {"table": table})
    if found is None:
        raise RefusedError(f"there is no table {table}")
    if not found.ordinary:
        raise RefusedError(f"{table} is no ordinary table")
    if not found.ours:
        raise RefusedError(f"{table} belongs to another role")
    if not found.keyed:
        raise RefusedError(f"{table} has no primary key, so its rows cannot be told apart")
    if in_the_way := await connection.values(_IN_THE_WAY, {"table": table}):
        raise RefusedError(f"{table} cannot be replaced because of: {'; '.join(in_the_way)}")


async def columns_of(connection: Connection, table: str) -> tuple[list[str], list[str], set[str]]:
    """The columns of the primary key, all that are written to, and those that draw numbers, as SQL quotes them."""
    key = await connection.values(_KEY, {"table": table})
    columns = await connection.rows(_COLUMNS, {"table": table})
    return list(key), [each.name for each in columns], {each.name for each in columns if each.is_drawn}


async def copy(connection: Connection, table: str, name: str) -> None:
    """Make an empty copy with all but the indexes that are not unique, which a projection's statements can do without.

    ``table`` and ``name`` are quoted and have their schema.
    """
    await connection.run(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
    if options := await connection.values(_OPTIONS, {"table": table}):
        await connection.run(f"ALTER TABLE {name} SET ({', '.join(options)})")
    for constraint in await connection.values(_CONSTRAINTS, {"table": table}):
        await connection.run(f"ALTER TABLE {name} ADD CONSTRAINT {constraint}")
    await _copy_indexes(connection, table, name, unique=True)
    for holder in await connection.values(_HOLDERS, {"table": name}):
        await connection.run(f"REVOKE ALL ON {name} FROM {holder}")
    for grant in await connection.rows(_GRANTS, {"table": table}):
        await connection.run(f"GRANT {grant.what} ON {name} TO {grant.whom}")


async def copy_plain_indexes(connection: Connection, table: str, name: str) -> None:
    """Add the indexes that are not unique."""
    await _copy_indexes(connection, table, name, unique=False)


async def _copy_indexes(connection: Connection, table: str, name: str, *, unique: bool) -> None:
    for index in await connection.rows(_INDEXES, {"table": table, "unique": unique}):
        if index.says not in index.definition:
            raise RefusedError(f"the definition of an index of {table} is not understood")
        await connection.run(index.definition.replace(index.says, f"{index.of}{name} ", 1))
