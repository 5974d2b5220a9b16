/** A recurrent policy at work, stopped before every bar of a day: its memory goes on with the run. */
import { expect, test } from 'vitest'
import { fixedModel } from '../../../test/support/fixed-model.js'
import { day, stoppedAtEveryBar } from '../../../test/support/live-run.js'

test('a model stopped at every bar and taken up from its text writes the same bytes', async () => {
  const { policy: make, end } = await fixedModel()
  expect(stoppedAtEveryBar(make, 'intraday')).toBeGreaterThan(day.length)
  // Without its memory it is another run.
  const forgetful = () => {
    const { restore: _restore, ...rest } = make()
    return rest
  }
  expect(() => stoppedAtEveryBar(forgetful, 'intraday')).toThrow('differs')
  await end()
})
