/** What the server has to give: pages, and the files that they load. A fixed table; nothing of a path reaches the disk. */
import { sha256 } from '../base/digest.js'
import { formatTime } from '../base/time.js'
import { clientScript, uplotScript, uplotStyle } from '../page/assets.js'
import { documentOf, type Page, policyOf } from '../page/document.js'
import { type Html, html } from '../page/markup.js'
import { STYLE } from '../page/style.js'
import type { Dashboard } from './dashboard.js'
import { livePage } from './page-live.js'
import { qualityPage, type StoredQuality } from './page-quality.js'
import { runsPage } from './page-runs.js'
import { trainingPage } from './page-training.js'

/** What pages are made from. */
export interface Shown {
  readonly dashboard: Dashboard
  /** What the store says, where one is looked at. */
  readonly stored: () => StoredQuality | null
}

type Body = (shown: Shown, asked: readonly string[]) => Html

const PAGES: Readonly<Record<string, { readonly name: string; readonly body: Body }>> = {
  '/': { name: 'Live', body: ({ dashboard }, asked) => livePage(dashboard, asked) },
  '/training': { name: 'Training', body: ({ dashboard }, asked) => trainingPage(dashboard, asked) },
  '/quality': { name: 'Data quality', body: ({ dashboard, stored }) => qualityPage(dashboard, stored()) },
  '/runs': { name: 'Runs', body: ({ dashboard }, asked) => runsPage(dashboard, asked) },
}

/** A file that pages load. */
export interface SiteFile {
  readonly type: string
  readonly text: string
}

const SCRIPT = 'text/javascript; charset=utf-8'
const SHEET = 'text/css; charset=utf-8'

/** Read once. */
const files = (): ReadonlyMap<string, SiteFile> =>
  new Map([
    ['/assets/style.css', { type: SHEET, text: STYLE }],
    ['/assets/uplot.css', { type: SHEET, text: uplotStyle() }],
    ['/assets/uplot.js', { type: SCRIPT, text: uplotScript() }],
    ['/assets/chart.js', { type: SCRIPT, text: clientScript('chart') }],
    ['/assets/live.js', { type: SCRIPT, text: clientScript('live') }],
    ['/assets/events.js', { type: SCRIPT, text: clientScript('events') }],
  ])

/** The pages of a dashboard. */
export class Site {
  readonly policy: string
  readonly #shown: Shown
  readonly #files = files()
  /** The script that pages share. */
  readonly #events: string
  readonly #page: Pick<Page, 'styles' | 'scripts'>

  constructor(shown: Shown) {
    this.#shown = shown
    const href = (path: string) => `${path}?v=${sha256(this.#files.get(path)!.text).slice(0, 12)}`
    this.#events = href('/assets/events.js')
    this.#page = {
      styles: [{ href: href('/assets/uplot.css') }, { href: href('/assets/style.css') }],
      scripts: [
        { href: href('/assets/uplot.js'), isModule: false },
        { href: href('/assets/chart.js'), isModule: true },
        { href: href('/assets/live.js'), isModule: true },
      ],
    }
    // The icon that browsers ask for is not there, and asking is no violation.
    this.policy = `${policyOf(this.#page, { live: true })}; img-src 'self'`
  }

  file(path: string): SiteFile | null {
    return this.#files.get(path) ?? null
  }

  /** The page at a path as it is now; null where there is none. `asked` has the ids of runs that it is to be about. */
  page(path: string, asked: readonly string[]): string | null {
    const page = Object.hasOwn(PAGES, path) ? PAGES[path]! : null
    if (page === null) return null
    const { dashboard } = this.#shown
    const after = dashboard.published()
    const body = page.body(this.#shown, asked)
    return documentOf({
      title: `${page.name} - jules dash`,
      ...this.#page,
      isServed: true,
      body: html`<a class="skip" href="#main">To the content</a>
<header><h1>jules dash: ${page.name.toLowerCase()}</h1>
<p class="dim"><span id="link" role="status">As of ${formatTime(1000 * Math.floor(dashboard.nowMs / 1000))}; reload the page for what is newer.</span>${dashboard.isReady ? null : ' What there is is still being read.'} Times are those of New York. Nothing is written here, and nothing can be ordered.</p></header>
<nav aria-label="Pages"><ul>${Object.entries(PAGES).map(([href, { name }]) =>
        href === path
          ? html`<li><a href="${href}" aria-current="page">${name}</a></li>`
          : html`<li><a href="${href}">${name}</a></li>`,
      )}</ul></nav>
<main id="main" data-after="${after}" data-events="${this.#events}" tabindex="-1">
${body}
</main>`,
    })
  }
}
