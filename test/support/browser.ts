/** A real browser for pages: Chromium where it is installed, and what a page did in it. */
import { accessSync, constants, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** The first that is there; null where none is, and tests are skipped by name. */
export const CHROMIUM: string | null =
  [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (file) => file !== undefined && isExecutable(file),
  ) ?? null

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Starts the browser; it has no sandbox where the user is root, who cannot have one. */
export const launched = (): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM!,
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })

/** A page that was opened, with everything that it complained of and asked for from elsewhere. */
export interface Opened {
  readonly page: Page
  /** Errors and warnings of the console, exceptions, and what the policy forbade. */
  readonly complaints: string[]
  /** Addresses that were asked for, other than under that of the page. */
  readonly requests: string[]
  close(): Promise<void>
}

/** Opens an address; `own` is what the addresses of its own files begin with. */
export async function opened(
  browser: Browser,
  address: string,
  { own = address, ...options }: BrowserContextOptions & { readonly own?: string } = {},
): Promise<Opened> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (!request.url().startsWith(own)) requests.push(request.url())
  })
  await page.goto(address)
  return { page, complaints, requests, close: () => context.close() }
}

/** Keeps a picture of a page where JULES_SCREENSHOTS names a folder: for people to look at. */
export async function pictured(page: Page, name: string): Promise<void> {
  const folder = process.env.JULES_SCREENSHOTS
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds against WCAG 2.2 A and AA and good practice: `rule: where`. */
export async function violationsOf(page: Page): Promise<string[]> {
  // By the inspector, which the policy of the page does not bind.
  const session = await page.context().newCDPSession(page)
  await session.send('Runtime.evaluate', { expression: `${AXE};0` })
  const { result } = await session.send('Runtime.evaluate', {
    expression:
      'axe.run({resultTypes: ["violations"]}).then(({violations}) => violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => id + ": " + target + ": " + failureSummary)))',
    awaitPromise: true,
    returnByValue: true,
  })
  await session.detach()
  return result.value as string[]
}

/** What makes the page itself so wide that it can be scrolled sideways, which nobody should have to do. */
export const tooWide = (page: Page): Promise<string[]> =>
  page.evaluate(`document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest('.scroll, nav'))
    .map((one) => one.tagName + ' ' + one.getAttribute('class') + ': ' + one.textContent.slice(0, 40))`) as Promise<
    string[]
  >

/** Of each canvas how many of its pixels have the colour of a line, and how many that of another line, if only about. */
export const drawnIn = (page: Page): Promise<{ first: number; others: number }[]> =>
  page.evaluate(`[...document.querySelectorAll('canvas')].map((canvas) => {
    const lines = [0, 1, 2, 3].map((k) => {
      const colour = getComputedStyle(canvas).getPropertyValue('--s' + k).trim().slice(1)
      return [0, 2, 4].map((at) => parseInt(colour.slice(at, at + 2), 16))
    })
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const counts = [0, 0, 0, 0]
    for (let at = 0; at < data.length; at += 4) {
      // The edge of a line is mixed with what is behind it, and thin lines are edges.
      if (data[at + 3] < 100) continue
      for (const [k, line] of lines.entries())
        if (line.every((part, n) => Math.abs(part - data[at + n]) < 24)) counts[k]++
    }
    return { first: counts[0], others: counts[1] + counts[2] + counts[3] }
  })`) as Promise<{ first: number; others: number }[]>
