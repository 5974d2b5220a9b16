import { describe, expect, test } from 'vitest'
import { confirmed } from './confirm.js'

/** A terminal where this is typed. */
async function asked(typed: string | null, { stdinIsTTY = true, abort = false } = {}) {
  const asked: string[] = []
  const end = new AbortController()
  const answer = confirmed(
    { signal: end.signal, interrupt: () => {}, stdinIsTTY },
    {
      question: 'Delete these 3 rows?',
      act: 'deleting rows',
      ask: async (question, { echo }) => {
        asked.push(`${question}${echo ? '' : 'unseen'}`)
        if (abort) end.abort(new Error('a signal came'))
        return typed === null ? null : Buffer.from(typed)
      },
    },
  )
  return { asked, outcome: await answer.then(() => 'done').catch((error) => error) }
}

describe('a question before what cannot be made again', () => {
  test('yes, and nothing but yes, goes on; what is typed is seen', async () => {
    expect(await asked('yes')).toEqual({
      outcome: 'done',
      asked: ['Delete these 3 rows? yes or no: '],
    })
    for (const typed of ['no', 'y', 'YES', ' yes', 'yes ', '', null]) {
      expect((await asked(typed)).outcome).toMatchObject({ code: 1, message: 'nothing deleted' })
    }
  })

  test('without a terminal nobody is asked', async () => {
    expect(await asked('yes', { stdinIsTTY: false })).toEqual({
      asked: [],
      outcome: expect.objectContaining({ code: 64, message: 'deleting rows needs --yes without a terminal' }),
    })
  })

  test('a signal at the question is the reason, whatever was typed', async () => {
    expect((await asked('yes', { abort: true })).outcome).toMatchObject({ message: 'a signal came' })
  })
})
