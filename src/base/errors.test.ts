import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { badData, Failure, systemFailure } from './errors.js'

const caught = async (act: () => unknown): Promise<unknown> => {
  try {
    return await act()
  } catch (error) {
    return error
  }
}

test('a name with a NUL is that of no file, wherever it is opened', async () => {
  for (const act of [() => open('a\0b'), () => readFileSync('a\0b')]) {
    const error = await caught(act)
    const read = systemFailure(error, 'm.json') as Failure
    expect([read.kind, read.message]).toEqual(['noInput', 'm.json: no file has a NUL in its name'])
    expect(systemFailure(error, 'm.json', true)).toMatchObject({ kind: 'cannotCreate' })
  }
})

test('a fault of the program stays one', async () => {
  const error = await caught(() => readFileSync({} as never))
  expect(systemFailure(error, 'm.json')).toBe(error)
})

test('an empty place is seen', async () => {
  const error = await caught(() => open(''))
  expect((systemFailure(error, '') as Failure).message).toBe('"": no such file or directory')
  expect(badData('is damaged', { where: '' }).where).toBe('""')
})

test('a failure is what it was', () => {
  const failure = new Failure('denied', 'no')
  expect(systemFailure(failure, 'x')).toBe(failure)
})
