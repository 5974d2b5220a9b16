/** The pages of `jules dash` in a real browser: silent, reachable, readable on any width, and up to date by themselves. */
import { appendFileSync, writeFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Dashboard } from '../../src/dash/dashboard.js'
import { startServer } from '../../src/dash/server.js'
import { CHROMIUM, drawnIn, launched, opened, pictured, tooWide, violationsOf } from '../support/browser.js'
import { lockWorldOf } from '../support/lock-world.js'
import { Workdir } from '../support/workdir.js'

const PAGES = ['/', '/training', '/quality', '/runs'] as const

const minute = (n: number): string =>
  new Date(Date.UTC(2025, 6, 30, 13, 31 + n)).toISOString().replace('.000', '')

const line = (record: object): string => `${JSON.stringify(record)}\n`
const equity = (n: number, value: number): string =>
  line({
    ...{ type: 'equity', time: minute(n), run: 'r', cash: value, positions: { NVDA: n } },
    ...{ marks: { NVDA: 180 }, equity: value, pnl_day: value - 5000, pnl_total: value - 5000 },
    drawdown: (n % 7) / 1000,
  })
const fill = (n: number): string =>
  line({
    type: 'fill',
    time: minute(n),
    run: 'r',
    symbol: 'NVDA',
    side: 'buy',
    qty: n,
    price: 180,
    commission: 1,
  })
const state = line({
  ...{ type: 'state', time: minute(0), run: 'r', connection: 'ready', data_age_ms: 1000 },
  limits_used: { day_loss: 12, loss: 20, trades: 3 },
})
const metrics = Array.from({ length: 30 }, (_, n) =>
  line({ type: 'metric', run: 't', step: 1000 * n, 'eval/mean_reward': n % 9, 'time/fps': 1e4 + n }),
).join('')
const quality = ['error', 'warn', 'info']
  .map((severity, n) =>
    line({
      ...{ type: 'quality', date: `2025-07-${28 + n}`, ruleset: 'x', symbol: 'NVDA', check: 'gap', severity },
      ...{ count: 2, fix: 'fetch it again' },
    }),
  )
  .join('')

async function served(isEmpty = false) {
  const dir = new Workdir('jules-dash-')
  if (!isEmpty) {
    const bars = Array.from({ length: 200 }, (_, n) => equity(n, 5000 + 20 * Math.sin(n / 9))).join('')
    dir.write('r.ndjson', state + bars + fill(3))
    dir.write('t.ndjson', metrics)
    dir.write('q.ndjson', quality)
  }
  const dashboard = new Dashboard({
    ...{ places: [dir.path], registry: null, world: lockWorldOf(1), clock: Date.now, boot: 'b0' },
    later: (call, ms) => {
      const timer = setTimeout(call, ms)
      return () => clearTimeout(timer)
    },
    failed: (error) => {
      throw error
    },
  })
  await dashboard.open()
  await dashboard.look()
  const { url, close, clients } = await startServer({
    ...{ dashboard, stored: () => null, address: '127.0.0.1', port: 0, token: null, hosts: [] },
    memory: () => 0,
  })
  dashboard.begin()
  onTestFinished(async () => {
    await close()
    await dashboard.close()
  })
  return { dir, base: url.slice(0, -1), own: url, clients }
}

describe.skipIf(CHROMIUM === null)('jules dash in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launched()
  })
  afterAll(() => browser?.close())

  test.each([
    ['light', 1440, 'with data', PAGES],
    ['dark', 360, 'with data', ['/', '/quality']],
    ['dark', 360, 'with none', ['/', '/runs']],
  ] as const)(
    'pages are silent and accessible, %s, %i pixels wide, %s',
    async (colorScheme, width, data, pages) => {
      const { base, own } = await served(data === 'with none')
      for (const path of pages) {
        const options = { own, colorScheme, viewport: { width, height: 800 } }
        const { page, complaints, requests, close } = await opened(browser, base + path, options)
        await page.getByText('Live: what happens').waitFor()
        expect([path, await violationsOf(page), await tooWide(page)]).toEqual([path, [], []])
        await pictured(page, `dash-${path.slice(1) || 'live'}-${colorScheme}-${data}`)
        if (path === '/' && data === 'with data')
          for (const { first } of await drawnIn(page)) expect(first).toBeGreaterThan(100)
        expect([path, complaints, requests]).toEqual([path, [], []])
        await close()
      }
    },
  )

  test('what is appended to a file is seen at once: figures, rows and the curve', async () => {
    const { dir, base, own } = await served()
    const { page, complaints, close } = await opened(browser, base, { own })
    await page.clock.install()
    await page.reload()
    await page.getByText('Live: what happens').waitFor()
    await page.locator('jules-chart.is-live').first().waitFor()
    await page.locator('.numbers summary').first().click()
    appendFileSync(dir.file('r.ndjson'), equity(200, 5432.1) + fill(77))
    await page.locator('.value', { hasText: '$5,432.10' }).waitFor()
    await page.locator('[data-rows=fills] tbody tr').first().getByText('buy 77').waitFor()
    await page.locator('.live[aria-valuemax="200"]').first().waitFor({ timeout: 5000 })
    expect(await page.locator('.live').first().getAttribute('aria-valuetext')).toContain('$5,432.10')
    // The table of numbers, and the drawing for paper, come after.
    const numbers = page.locator('.numbers').first()
    expect(await numbers.textContent()).not.toContain('$5,432.10')
    const drawing = await page.locator('.plot path.line').first().getAttribute('d')
    await page.clock.fastForward(60_000)
    await numbers.locator('td', { hasText: '$5,432.10' }).waitFor()
    expect(await page.locator('.plot path.line').first().getAttribute('d')).not.toBe(drawing)
    expect(complaints).toEqual([])
    await close()
  })

  test('more tabs than a browser has connections are live on one; whichever is closed the others stay so', async () => {
    const { dir, base, own, clients } = await served(true)
    // A new file is looked for every two seconds, which go by meanwhile.
    writeFileSync(dir.file('r.ndjson'), equity(199, 5000))
    const { page, complaints, close } = await opened(browser, `${base}/runs`, { own })
    // Tabs that a page opens share its process, which is a third of the time.
    await page.evaluate('for (let n = 0; n < 6; n++) open(location.href)')
    while (page.context().pages().length < 7) await page.context().waitForEvent('page')
    const tabs = page.context().pages()
    await Promise.all(tabs.map((tab) => tab.getByText('Live: what happens').waitFor()))
    expect(clients()).toBe(1)
    await Promise.all(tabs.slice(0, 4).map((tab) => tab.close()))
    appendFileSync(dir.file('r.ndjson'), equity(200, 5432.1))
    await Promise.all(tabs.slice(4).map((tab) => tab.getByText('$432.10').first().waitFor()))
    expect(clients()).toBe(1)
    expect(complaints).toEqual([])
    await close()
  })

  test('without scripts it is tables', async () => {
    const { base, own } = await served()
    const { page, close } = await opened(browser, base, { own, javaScriptEnabled: false })
    await page.getByRole('table', { name: '' }).first().waitFor()
    expect(await page.locator('[data-text=used-max-day-loss]').textContent()).toBe('$12.00')
    expect(await page.locator('figure svg path.line').count()).toBe(2)
    await close()
  })
})
