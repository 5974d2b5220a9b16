import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readCurriculum } from './curriculum.js'

const { signal } = new AbortController()

function written(content: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'jules-curriculum-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'plan.json')
  writeFileSync(path, content)
  return path
}

test('the shipped one has 50,000, 100,000 and 50,000 steps', async () => {
  const { phases } = await readCurriculum('default', signal)
  expect(phases.map(({ name, values }) => [name, values.steps])).toEqual([
    ['free', 50_000],
    ['spread', 100_000],
    ['costs', 50_000],
  ])
})

test('values are those of the command line', async () => {
  const path = written('[{"name":"a","steps":"2e3","lr":0.01,"commission":"none"}]')
  const { phases, sha256 } = await readCurriculum(path, signal)
  expect(phases).toEqual([{ name: 'a', values: { steps: 2000, lr: 0.01, commission: 'none' } }])
  expect(sha256).toMatch(/^[0-9a-f]{64}$/)
})

test.each([
  ['{', 'is not JSON'],
  ['{}', 'expected a JSON array of phases'],
  ['[]', 'expected a JSON array of phases'],
  ['[1]', 'expected an object'],
  ['[{"steps":1}]', 'name: expected a word'],
  ['[{"name":"a"}]', 'steps: missing'],
  ['[{"name":"a","steps":1},{"name":"b","steps":1,"hidden":8}]', 'unknown key "hidden"'],
  ['[{"name":"a","steps":1.5}]', 'steps: expected a whole number'],
  ['[{"name":"a","steps":1,"commission":"free"}]', 'commission: expected one of'],
  ['[{"name":"a","steps":[2048]}]', 'steps: expected a word or a number, got [2048]'],
  ['[{"name":"a","steps":1,"lr":{"toString":5}}]', 'lr: expected a word or a number, got {"toString":5}'],
  ['[{"name":"a","steps":1,"__proto__":{}}]', 'unknown key "__proto__"'],
  ['[{"name":"a","steps":1,"lr":1e999}]', 'lr: expected a number, got "Infinity"'],
])('%s is refused', async (content, words) => {
  await expect(readCurriculum(written(content), signal)).rejects.toMatchObject({
    kind: 'data',
    message: expect.stringContaining(words),
  })
})

test('a list that is nested deeper than a stack is refused', async () => {
  const deep = `[{"name":"a","steps":1,"lr":${'['.repeat(1e5)}${']'.repeat(1e5)}}]`
  await expect(readCurriculum(written(deep), signal)).rejects.toMatchObject({
    message: 'lr: expected a word or a number, got an object',
  })
})

test('a file that is not there is 66', async () => {
  await expect(readCurriculum('/nowhere/plan.json', signal)).rejects.toMatchObject({ kind: 'noInput' })
})
