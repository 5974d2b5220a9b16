/** The random walk: its size, its shape over the day, and that it has no memory. */
import { describe, expect, test } from 'vitest'
import { all, closes, many, mean, moves, shape, usual } from '../../../test/support/mock-feed.js'
import { MINUTE } from '../../base/time.js'

describe('noise', () => {
  const [nvda, msft] = [moves('NVDA', { sessions: many }), moves('MSFT', { sessions: many })]
  // 8 bps a minute squared, and a jump of 40 bps once in 1,950 minutes.
  const variance = 64 + 1600 / 1950

  test('moves 8 bps a minute', () => {
    // The fourth moment of the moves, U and jumps included, gives the standard error.
    const squares = nvda.map(({ move }) => move * move)
    const m2 = mean(squares)
    const error = Math.sqrt((mean(squares.map((x) => x * x)) - m2 * m2) / squares.length)
    // The first minute, whose share of the variance is above the mean, is the overnight bar and not in the sample.
    const share = mean(nvda.map(({ minute, of }) => shape(minute, of)))
    expect(Math.abs(m2 - (64 * share + variance - 64))).toBeLessThan(4 * error)
    expect(error).toBeLessThan(1)
  })

  test('has no memory: autocorrelations within 4 standard errors', () => {
    for (const symbol of [nvda, msft]) {
      for (const lag of [1, 2, 5, 10, 30]) {
        let [sum, square] = [0, 0]
        let n = 0
        for (let i = lag; i < symbol.length; i++) {
          if (symbol[i]!.minute <= lag) continue
          const product = symbol[i]!.move * symbol[i - lag]!.move
          sum += product
          square += product * product
          n++
        }
        expect(Math.abs(sum / Math.sqrt(square)), `lag ${lag} of ${n}`).toBeLessThan(4)
      }
    }
  })

  test('has no drift', () => {
    for (const symbol of [nvda, msft]) {
      const total = symbol.reduce((sum, { move }) => sum + move, 0)
      expect(Math.abs(total) / Math.sqrt(variance * symbol.length)).toBeLessThan(4)
    }
  })

  test('is shared to .3 by two symbols', () => {
    let [xy, xx, yy] = [0, 0, 0]
    for (let i = 0; i < nvda.length; i++) {
      const [x, y] = [nvda[i]!.move, msft[i]!.move]
      xy += x * y
      xx += x * x
      yy += y * y
    }
    expect(xy / Math.sqrt(xx * yy)).toBeGreaterThan((0.3 * 64) / variance - 0.015)
    expect(xy / Math.sqrt(xx * yy)).toBeLessThan((0.3 * 64) / variance + 0.015)
  })

  test('is largest at the open and the close, as is the volume', () => {
    const sum = (from: number, to: number) =>
      mean(
        nvda
          .filter(({ minute, of }) => of === 390 && minute >= from && minute < to)
          .map(({ move }) => move ** 2),
      )
    const jumps = variance - 64
    for (const [from, to] of [
      [1, 31],
      [180, 210],
      [360, 390],
    ] as const) {
      let expected = 0
      for (let minute = from; minute < to; minute++) expected += shape(minute, 390) / (to - from)
      expect(Math.abs(sum(from, to) / (64 * expected + jumps) - 1)).toBeLessThan(0.08)
    }
    expect(sum(1, 31)).toBeGreaterThan(3 * sum(180, 210))
    const batch = all({ symbols: ['NVDA'] })
    const volume = (minute: number) =>
      mean(Array.from({ length: usual.length }, (_, k) => batch.volume[k * 390 + minute]!))
    expect(volume(0)).toBeGreaterThan(2 * volume(195))
    expect(volume(389)).toBeGreaterThan(2 * volume(195))
    const daily = batch.volume.reduce((total, each) => total + each, 0) / usual.length
    expect(Math.abs(daily / 180e6 - 1)).toBeLessThan(0.05)
  })

  test('gaps 60 bps overnight', () => {
    const paths = closes('MSFT', { sessions: many })
    const batch = all({ symbols: ['MSFT'], sessions: many, interval: '1d' })
    const gaps = paths.slice(1).map((_, k) => 10_000 * Math.log(batch.open[k + 1]! / batch.close[k]!))
    // 399 gaps: the standard error of their variance is 7 %.
    expect(Math.abs(mean(gaps.map((gap) => gap * gap)) / 3600 - 1)).toBeLessThan(4 * 0.071)
    expect(Math.abs(mean(gaps))).toBeLessThan((4 * 60) / Math.sqrt(399))
  })

  test('takes other strengths', () => {
    const twice = moves('MSFT', { sessions: usual, noiseBps: 16 })
    expect(Math.abs(mean(twice.map(({ move }) => move * move)) / 256 - 1)).toBeLessThan(0.1)
  })
})

test('seconds follow their own path, with the same variance a minute', () => {
  const batch = all({ symbols: ['MSFT'], interval: '5s', sessions: many.slice(0, 20) })
  const squares: number[] = []
  for (let i = 12; i < batch.length; i += 12) {
    if (batch.time[i]! - batch.time[i - 12]! !== MINUTE) continue
    squares.push((10_000 * Math.log(batch.close[i]! / batch.close[i - 12]!)) ** 2)
  }
  expect(squares.length).toBeGreaterThan(7000)
  expect(Math.abs(mean(squares) / 64.8 - 1)).toBeLessThan(0.1)
  const seconds = all({ interval: '1s', sessions: usual.slice(0, 1) })
  expect(seconds.length).toBe(2 * 23_400)
})
