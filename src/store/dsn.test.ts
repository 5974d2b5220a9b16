import { describe, expect, test } from 'vitest'
import { parseDsn } from './dsn.js'

describe('both forms say the same', () => {
  // PostgreSQL manual, "Connection Strings".
  const named: [dsn: string, parameters: object][] = [
    ['postgresql://', {}],
    ['postgresql://localhost', { host: 'localhost' }],
    ['postgresql://localhost:5433', { host: 'localhost', port: '5433' }],
    ['postgresql://localhost/mydb', { host: 'localhost', dbname: 'mydb' }],
    ['postgresql://user@localhost', { user: 'user', host: 'localhost' }],
    [
      'postgres://other@localhost/otherdb?connect_timeout=10&application_name=myapp',
      {
        user: 'other',
        host: 'localhost',
        dbname: 'otherdb',
        connect_timeout: '10',
        application_name: 'myapp',
      },
    ],
    ['postgresql:///mydb?host=localhost&port=5433', { host: 'localhost', port: '5433', dbname: 'mydb' }],
    [
      'postgresql://user@localhost:5433/mydb?options=-c%20synchronous_commit%3Doff',
      { user: 'user', host: 'localhost', port: '5433', dbname: 'mydb', options: '-c synchronous_commit=off' },
    ],
    ['postgresql://%2Fvar%2Flib%2Fpostgresql/dbname', { host: '/var/lib/postgresql', dbname: 'dbname' }],
    [
      'postgresql://[2001:db8::1234]:5433/database',
      { host: '2001:db8::1234', port: '5433', dbname: 'database' },
    ],
    [
      'postgresql://jules@/trading_data?host=/tmp/a%20b',
      { user: 'jules', dbname: 'trading_data', host: '/tmp/a b' },
    ],
    ['postgresql://a%40b@h/x%2Fy', { user: 'a@b', host: 'h', dbname: 'x/y' }],
    [
      'postgresql://h/d?sslmode=verify-full&sslrootcert=/etc/ca.crt',
      { host: 'h', dbname: 'd', sslmode: 'verify-full', sslrootcert: '/etc/ca.crt' },
    ],
    ['postgresql://u:@h/d', { user: 'u', host: 'h', dbname: 'd' }],
    [
      'host=localhost port=5432 dbname=mydb connect_timeout=10',
      { host: 'localhost', port: '5432', dbname: 'mydb', connect_timeout: '10' },
    ],
    [
      "host = /tmp  dbname = 'my db' user='it\\'s \\\\ me'",
      { host: '/tmp', dbname: 'my db', user: "it's \\ me" },
    ],
    ['dbname=a\\ b host=h', { dbname: 'a b', host: 'h' }],
    ["service=desk user='' ", { service: 'desk', user: '' }],
    // What jules does anyway may be asked for.
    [
      'postgresql://h/d?target_session_attrs=any&channel_binding=prefer&gssencmode=disable',
      { host: 'h', dbname: 'd' },
    ],
    ['host=h load_balance_hosts=disable sslnegotiation=postgres', { host: 'h' }],
  ]
  test.each(named)('%s', (dsn, parameters) => {
    expect(parseDsn(dsn)).toEqual(parameters)
  })
})

describe('what is refused, and never repeated', () => {
  const refused: [dsn: string, words: RegExp][] = [
    ['postgresql://u:hunter2@h/db', /holds a password/],
    ['postgresql://u@h/db?password=hunter2', /holds a password/],
    ['postgresql://u@h/db?sslpassword=hunter2', /holds a password/],
    ['host=h password=hunter2', /holds a password/],
    ["host=h password='hunter2 hunter2'", /holds a password/],
    ['postgresql://u:hunter2/x@h/db', /cannot be read/],
    ['postgresql://u:hunter2?x@h/db', /cannot be read/],
    ['postgresql://u:hunter2@x@h/db', /cannot be read/],
    ['postgresql://h/db?hunter2', /cannot be read/],
    ['postgresql://h%zz/db', /cannot be read/],
    ["host='hunter2", /cannot be read/],
    ['host=h hunter2', /cannot be read/],
    ['hunter2', /expected a URL/],
    ['mysql://u@h/db?x=1', /expected a URL/],
    ['postgresql://h:99999/db', /port: expected a port from 1 to 65535/],
    ['postgresql://h:0/db', /port: expected/],
    ['postgresql://h/db?port=abc', /port: expected/],
    ['host=h port=5432x', /port: expected/],
    [
      'postgresql://h/db?sslmode=on',
      /sslmode: expected one of disable, allow, prefer, require, verify-ca, verify-full/,
    ],
    ['host=h connect_timeout=soon', /connect_timeout: expected a number of seconds/],
    ['postgresql://h/db?target_session_attrs=read-write', /unknown parameter target_session_attrs/],
    ['host=h channel_binding=require', /unknown parameter channel_binding/],
    ['host=h hostaddr=127.0.0.1', /unknown parameter hostaddr/],
    ['host=a,b', /host: expected one host, not a list/],
    ['postgresql://a,b/db', /host: expected one host, not a list/],
    ['postgresql://a:1,b:2/db', /port: expected/],
    ['postgresql://h/db?host=/tmp,/var', /host: expected one host, not a list/],
    ['host=h colour=red', /unknown parameter colour/],
    ['postgresql://h/db%00', /dbname: holds a NUL/],
  ]
  test.each(refused)('%s', (dsn, words) => {
    const thrown = (() => {
      try {
        return parseDsn(dsn)
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toMatchObject({ code: 64, message: expect.stringMatching(words) })
    expect(String(thrown)).not.toContain('hunter2')
  })
})
