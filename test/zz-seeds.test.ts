import { test } from 'vitest'
import { parseDate } from '../src/base/time.js'
import { sessionsEndingAt } from '../src/market/calendar.js'
import { DEFECTS } from '../src/market/feeds/mock-defects.js'
import { judgeMock, tells } from './support/validate.js'

test('seeds', () => {
  const N = Number(process.env.NSEEDS ?? 20)
  const sessions = sessionsEndingAt(parseDate('2025-08-01')!, 25)
  const missed: Record<string, number> = {},
    extras: Record<string, number> = {}
  let worst = 0,
    days = 0
  const fa: Record<string, number> = {}
  let faDays = 0
  let inj = 0
  const show: string[] = []
  for (let seed = 1; seed <= N; seed++) {
    const clean = judgeMock({ seed, sessions })
    days += sessions.length
    for (const r of clean.records) {
      fa[r.check] = (fa[r.check] ?? 0) + 1
    }
    faDays += new Set(clean.records.map((r) => r.date)).size
    const { injected, records } = judgeMock({ seed, sessions, defects: DEFECTS })
    inj += injected.length
    for (const d of injected)
      if (!records.some((r) => tells(r, d))) {
        missed[d.kind] = (missed[d.kind] ?? 0) + 1
        if (show.length < 25) show.push(`${seed} missed ${JSON.stringify(d)}`)
      }
    const extra = records.filter((r) => !injected.some((d) => tells(r, d)))
    for (const r of extra) extras[r.check] = (extras[r.check] ?? 0) + 1
    if (seed < 4) for (const r of extra) show.push(`${seed} extra ${JSON.stringify(r).slice(0, 300)}`)
    worst = Math.max(worst, extra.length)
  }
  console.log(JSON.stringify({ N, inj, days, fa, faDays, missed, extras, worst }, null, 1))
  console.log(show.slice(0, 60).join('\n'))
}, 600000)
