/** The page of a report in a real browser: drawn, silent, alone, reachable by keys, readable by all, on any width and on paper. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { htmlOf } from '../../src/report/formats/html.js'
import type { Report } from '../../src/report/model.js'
import { CHROMIUM, drawnIn, launched, opened, pictured, tooWide, violationsOf } from '../support/browser.js'
import { bareRun, fullRun, HOSTILE, reportOf } from '../support/report.js'

describe.skipIf(CHROMIUM === null)(`in a browser (${CHROMIUM ?? 'no Chromium is installed'})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'jules pages '))
  const addressOf = (name: string, report: Report): string => {
    const file = join(folder, `${name}.html`)
    writeFileSync(file, htmlOf(report))
    return pathToFileURL(file).href
  }
  const full = addressOf('full', reportOf([fullRun({ days: 6, perDay: 60, trades: 120 })]))
  const two = addressOf(
    'two',
    reportOf(
      [fullRun({ text: HOSTILE, perDay: 40, trades: 6 }), fullRun({ days: 1, perDay: 40, trades: 6 })],
      HOSTILE,
    ),
  )
  const nothing = addressOf('nothing', { runs: [bareRun()], quality: null, notes: [] })
  let browser: Browser

  beforeAll(async () => {
    browser = await launched()
  })
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each([
    ['light', 1440],
    ['dark', 360],
  ] as const)(
    '%s at %i pixels: charts are drawn, nothing complains, is asked for, or shuts anyone out',
    async (colorScheme, width) => {
      for (const address of colorScheme === 'light' ? [full, nothing] : [two]) {
        const { page, complaints, requests, close } = await opened(browser, address, {
          colorScheme,
          viewport: { width, height: 900 },
        })
        // Lists are made when they are looked at.
        for (const list of await page.locator('jules-trades').all()) {
          await list.scrollIntoViewIfNeeded()
          await list.locator('tbody tr').first().waitFor()
        }
        const charts = await page.locator('jules-chart').count()
        const drawn = await drawnIn(page)
        expect(drawn).toHaveLength(charts)
        // Each has a line across it in the colour of lines; the first of two runs compared has both.
        for (const { first } of drawn) expect(first).toBeGreaterThan(100)
        expect(drawn.map(({ others }) => others > 30)).toEqual(
          drawn.map((_, k) => k === 0 && address === two),
        )
        await pictured(page, `${basename(address, '.html')}-${colorScheme}-${width}`)
        expect(await tooWide(page)).toEqual([])
        const folds = (open: boolean) =>
          page.evaluate(`for (const fold of document.querySelectorAll('details')) fold.open = ${open}`)
        await folds(true)
        expect(await tooWide(page)).toEqual([])
        // What is folded away is tables like those that are not.
        await folds(false)
        expect(await violationsOf(page)).toEqual([])
        expect([complaints, requests]).toEqual([[], []])
        await close()
      }
    },
  )

  test('by keys: a chart tells its values and zooms, and the list of trades is sorted, filtered and turned', async () => {
    const { page, complaints, close } = await opened(browser, full, {
      viewport: { width: 1200, height: 800 },
    })
    const focused = () => page.evaluate('document.activeElement.getAttribute("role")')
    for (let k = 0; k < 60 && (await focused()) !== 'slider'; k++) await page.keyboard.press('Tab')
    const chart = page.locator('.live').first()
    expect(await page.evaluate('document.activeElement === document.querySelector(".live")')).toBe(true)
    await page.keyboard.press('Home')
    expect(await chart.getAttribute('aria-valuetext')).toBe('2025-01-06 09:31 · equity $5,000.00')
    await page.keyboard.press('ArrowRight')
    expect(await chart.getAttribute('aria-valuenow')).toBe('1')
    const before = await page.evaluate('document.querySelector("canvas").toDataURL()')
    await page.keyboard.press('+')
    await page.waitForFunction(`document.querySelector("canvas").toDataURL() !== ${JSON.stringify(before)}`)
    await page.keyboard.press('Escape')
    await page.waitForFunction(`document.querySelector("canvas").toDataURL() === ${JSON.stringify(before)}`)

    const list = page.locator('jules-trades')
    await list.scrollIntoViewIfNeeded()
    const results = async () =>
      (await list.locator('tbody td:last-child').allTextContents()).map((text) =>
        Number(text.replace(/[$,]/g, '')),
      )
    const head = list.getByRole('columnheader', { name: 'net result' })
    expect(await head.getAttribute('aria-sort')).toBe('none')
    await head.getByRole('button').focus()
    await page.keyboard.press('Enter')
    expect(await head.getAttribute('aria-sort')).toBe('descending')
    const best = await results()
    expect(best).toEqual(best.toSorted((a, b) => b - a))
    expect(best[0]).toBe(8)
    await page.keyboard.press('Enter')
    expect((await results())[0]).toBe(-8)
    await list.getByLabel('side').selectOption('short')
    await list.getByLabel('symbol').selectOption('NVDA')
    expect(await list.getByRole('status').textContent()).toBe('1 to 40 of 40')
    await list.getByLabel('symbol').selectOption('')
    expect(await list.getByRole('status').textContent()).toBe('1 to 50 of 60')
    await list.getByRole('button', { name: 'Next' }).press('Enter')
    expect(await list.getByRole('status').textContent()).toBe('51 to 60 of 60')
    expect(await list.locator('tbody tr').count()).toBe(10)
    await list.getByLabel('with the text').fill('still held')
    expect(await list.locator('tbody td:nth-child(6)').allTextContents()).toEqual(['still held'])
    expect(complaints).toEqual([])
    await close()
  })

  test('by pointer: dragging zooms, a double click goes back, and charts of a run share their cursor', async () => {
    const { page, close } = await opened(browser, full, { viewport: { width: 1200, height: 900 } })
    const chart = page.locator('.live').first()
    await chart.scrollIntoViewIfNeeded()
    const box = (await chart.locator('.u-over').boundingBox())!
    const over = (part: number) => page.mouse.move(box.x + part * box.width, box.y + box.height / 2)
    await over(0.6)
    const values = () => page.locator('.readout').allTextContents()
    await page.waitForFunction(
      '[...document.querySelectorAll(".readout")].filter((one) => one.textContent.startsWith("2025-")).length >= 4',
    )
    expect((await values()).slice(0, 2).map((text) => text.slice(0, 10))).toEqual([
      '2025-01-09',
      '2025-01-09',
    ])
    await over(0.25)
    await page.mouse.down()
    await over(0.3)
    await page.mouse.up()
    await over(0.999)
    await page.waitForFunction('document.querySelector(".readout").textContent.startsWith("2025-01-07")')
    await page.mouse.dblclick(box.x + 0.5 * box.width, box.y + 20)
    await over(0.999)
    await page.waitForFunction('document.querySelector(".readout").textContent.startsWith("2025-01-13")')
    await close()
  })

  test('without scripts the drawings and tables stand in the page, and on paper', async () => {
    const { page, close } = await opened(browser, full, { javaScriptEnabled: false })
    const line = page.locator('.plot .line').first()
    expect(await line.isVisible()).toBe(true)
    const box = (await line.boundingBox())!
    expect([box.width > 500, box.height > 50]).toEqual([true, true])
    expect(await page.getByText('The list that can be sorted and filtered needs scripts.').isVisible()).toBe(
      true,
    )
    await close()
    const paper = await opened(browser, full)
    await paper.page.emulateMedia({ media: 'print' })
    expect(await paper.page.locator('.plot').first().isVisible()).toBe(true)
    for (const hidden of ['nav', '.live', 'jules-trades'])
      expect(await paper.page.locator(hidden).first().isVisible()).toBe(false)
    const pdf = await paper.page.pdf({ format: 'A4' })
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
    expect(pdf.length).toBeGreaterThan(10_000)
    await paper.close()
  })
})
