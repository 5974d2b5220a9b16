/** The state of the embedded database, for programs and for people. */
import { expect, test } from 'vitest'
import { Workdir } from '../support/workdir.js'

test('a record in a pipe, aligned lines for people, and 1 where it does not run', async () => {
  const dir = new Workdir()
  const record = await dir.jules(['db', 'status'])
  expect([record.status, record.stdout]).toEqual([
    1,
    '{"type":"state","database":"embedded","state":"not made yet","pid":null,"socket":null}\n',
  ])
  const lines = await dir.jules(['db', 'status', '-f', 'table'])
  expect([lines.status, lines.stdout]).toEqual([
    1,
    'database  embedded, not made yet\nstart     jules db start\n',
  ])
  const painted = await dir.jules(['db', 'status', '-f', 'table', '--color', 'always'])
  expect(painted.stdout).toContain('\u001b[31mnot made yet\u001b[39m')
})
