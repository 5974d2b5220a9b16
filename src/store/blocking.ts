/** A lock that did not come within the time for it: who holds it, as far as this role may see. */
import type { Client } from 'pg'
import { Failure, systemCode } from '../base/errors.js'
import { quote } from '../base/words.js'
import { databaseFailure } from './failures.js'
import { MIGRATION_LOCK } from './schema.js'
import { MIGRATIONS_TABLE, TABLES } from './tables.js'
import { causeOf } from './wire.js'

/** lock_not_available: the wait has taken lock_timeout. */
const NO_LOCK = '55P03'

// Of the modes the stronger first: a reader is in the way of ALTER TABLE alone.
const HOLDERS = `SELECT l.pid, coalesce(c.relname, 'the making of the tables') AS what, a.application_name AS application,
    a.usename AS role, a.state, extract(epoch FROM clock_timestamp() - a.state_change)::int AS seconds
  FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.granted AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (c.relname = ANY ($1) AND c.relnamespace = to_regnamespace($2)
      OR l.locktype = 'advisory' AND (l.classid::bigint << 32) + l.objid::bigint = $3)
  ORDER BY array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock',
    'ShareUpdateExclusiveLock', 'RowExclusiveLock', 'RowShareLock', 'AccessShareLock'], l.mode), l.pid LIMIT 1`

interface Holder {
  readonly pid: number
  readonly what: string
  readonly application: string | null
  readonly role: string | null
  readonly state: string | null
  readonly seconds: number | null
}

/** As databaseFailure; where a lock did not come, the session is asked who has it. Its transaction has been rolled back. */
export async function failureOf(
  error: unknown,
  doing: string,
  { client, schema }: { readonly client: Client; readonly schema: string },
): Promise<unknown> {
  const cause = error instanceof Failure ? error.cause : error
  if (systemCode(cause) !== NO_LOCK) return databaseFailure(causeOf(error, client), doing)
  const names = [...TABLES, MIGRATIONS_TABLE].map(({ name }) => name)
  const found = await client
    .query<Holder>(HOLDERS, [names, `"${schema.replaceAll('"', '""')}"`, MIGRATION_LOCK])
    .catch(() => ({ rows: [] }))
  const holder = found.rows[0]
  if (holder === undefined) {
    return new Failure('tryAgain', `${doing}: another session is in the way`, {
      cause,
      hint: 'try again, or wait longer with --lock-timeout',
    })
  }
  return new Failure('tryAgain', `${doing}: ${holderWords(holder)}`, {
    cause,
    hint: `wait for it, longer with --lock-timeout, or end it in psql: SELECT pg_terminate_backend(${holder.pid})`,
    fields: { pid: holder.pid },
  })
}

function holderWords({ pid, what, application, role, state, seconds }: Holder): string {
  const who = [
    application ? `of ${quote(application)}` : '',
    role === null ? '' : `as ${role}`,
    // Of sessions of others a role may see no more than that they are there.
    state === null || seconds === null ? '' : `${state} for ${seconds} s`,
  ].filter(Boolean)
  return `process ${pid} of the database holds ${what}${who.length === 0 ? '' : ` (${who.join(', ')})`}`
}
