/**
 * The document around the body of a page, under a policy that lets it load and run nothing but what is named: either texts within
 * it, by their hashes, so that the file stands alone; or files of the server that sent it.
 */
import { createHash } from 'node:crypto'
import { Html, html } from './markup.js'

/** A script or style sheet: its text, or where the server of the page has it. */
export type Asset = { readonly text: string } | { readonly href: string }
export type Script = Asset & { readonly isModule: boolean }

export interface Page {
  readonly title: string
  readonly styles: readonly Asset[]
  /** Run in their order, once the body is there where they are modules. */
  readonly scripts: readonly Script[]
  readonly body: Html
  /** The policy comes as a header of the server that sends the page, and not within it. */
  readonly isServed?: boolean
}

/** A hash source of Content Security Policy 3, section 2.3.1: of the UTF-8 of what stands between the tags. */
export const hashSource = (text: string): string =>
  `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`

/**
 * The policy of a page, as the value of a header or of its `<meta>`: nothing but its own scripts and styles. With `live`, its
 * scripts may speak to the server of the page, and nobody may frame it (a `<meta>` cannot say that: section 3.3).
 */
export function policyOf(
  { styles, scripts }: Pick<Page, 'styles' | 'scripts'>,
  { live = false }: { readonly live?: boolean } = {},
): string {
  const sources = (assets: readonly Asset[]): string => {
    const all = assets.map((asset) => ('text' in asset ? hashSource(asset.text) : "'self'"))
    return all.length === 0 ? "'none'" : [...new Set(all)].join(' ')
  }
  return [
    "default-src 'none'",
    `script-src ${sources(scripts)}`,
    `style-src ${sources(styles)}`,
    ...(live ? ["connect-src 'self'", "frame-ancestors 'none'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

/** The whole file. Throws an Error where a script or style would end its own element. */
export function documentOf({ title, styles, scripts, body, isServed = false }: Page): string {
  // The policy binds what comes after it, so that it comes first.
  return html`<!doctype html>
<html lang="en">
<head>
${isServed ? null : html`<meta http-equiv="Content-Security-Policy" content="${new Html(policyOf({ styles, scripts }))}">\n`}<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${styles.map((style) =>
  'text' in style
    ? html`<style>${raw(style.text)}</style>\n`
    : html`<link rel="stylesheet" href="${style.href}">\n`,
)}</head>
<body>
${body}
${scripts.map((script) => {
  const type = new Html(script.isModule ? ' type="module"' : '')
  return 'text' in script
    ? html`<script${type}>${raw(script.text)}</script>\n`
    : html`<script${type} src="${script.href}"></script>\n`
})}</body>
</html>
`.text
}

/** Text of a script or style, in which nothing is escaped (HTML, section 4.12.1.3). */
function raw(text: string): Html {
  if (/<\/(script|style)|<!--|\r|\0/i.test(text))
    throw new Error('a script or style that cannot stand in a page')
  return new Html(text)
}
