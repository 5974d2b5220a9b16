import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { answerOf, filled, jobOf } from './jobs.js'

const places = { run: "/a b/c'd/$(e)/run.sh", dir: "/a b/c'd/$(e)", id: '0123456789abcdef' }

test('each place is one word of the shell, whatever it holds', () => {
  const line = filled("printf '%s\\n' {run} --out={dir}/x {id} {job} '{RUN}' {}", {
    ...places,
    job: '; rm -rf /',
  })
  expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' }).split('\n')).toEqual([
    places.run,
    `--out=${places.dir}/x`,
    places.id,
    '; rm -rf /',
    '{RUN}',
    '{}',
    '',
  ])
})

test('what is no place is refused with those there are', () => {
  expect(() => filled('qsub {script}', places)).toThrow(
    expect.objectContaining({ code: 64, hint: 'there are {run}, {dir}, {id}' }),
  )
  // A job is known once it was submitted.
  expect(() => filled('qsub {job}', places)).toThrow('unknown place {job}')
})

test('a job is the first line of a submission that went well', () => {
  expect(jobOf({ status: 0, stdout: ' 17;cluster \nmore\n', stderr: '' }, 's')).toBe('17;cluster')
  expect(() => jobOf({ status: 0, stdout: '\n17\n', stderr: '' }, 's')).toThrow('printed no name of a job')
  expect(() => jobOf({ status: 1, stdout: '17\n', stderr: 'a\nno such partition\n' }, 's')).toThrow(
    expect.objectContaining({
      ...{ code: 69, where: 's', message: 'the submission failed with 1' },
      hint: 'it said: no such partition',
    }),
  )
})

test('a scheduler that cannot be asked is no scheduler that has lost a job', () => {
  expect([0, 1, 2].map((status) => answerOf({ status }))).toEqual([true, false, false])
  expect([127, 126, 69, 75, 137, 255].map((status) => answerOf({ status }))).toEqual(Array(6).fill(null))
})
