/** The URL of a database. A password in it is refused: it would stand in the list of processes and in shell histories. */
import { usage } from '../base/errors.js'

export const PASSWORD = 'TIMESCALEDB_PASSWORD'

/** Refuses a password wherever it stands in the URL, without repeating it. */
export function parseDsn(dsn: string): URL {
  let url: URL
  try {
    // libpq allows a user without a host, for a socket named by ?host=; the URL standard does not.
    url = new URL(dsn.replace(/^([a-z]+:\/\/[^/@]*)@\//, '$1@localhost/'))
  } catch {
    throw usage('expected a URL such as postgresql://user@host:5432/trading_data')
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw usage('expected a URL that starts with postgresql://')
  }
  if (url.password !== '' || url.searchParams.has('password')) {
    throw usage('holds a password, which others could read', {
      hint: `leave it out and run: jules vault set ${PASSWORD}`,
    })
  }
  return url
}
