import { expect, test } from 'vitest'
import { documentOf, hashSource, policyOf } from './document.js'
import { dataBlock, escaped, Html, html } from './markup.js'

const body = new Html('<main></main>')

test('a hash is that of the text between the tags', () => {
  // The example of Content Security Policy 3, section 8.4.
  expect(hashSource("alert('Hello, world.');")).toBe("'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='")
})

test('texts are allowed by their hashes, files by their server, and nothing else at all', () => {
  const page = {
    title: '</title><script>',
    styles: [{ text: 'a{}' }],
    scripts: [{ text: "alert('Hello, world.');", isModule: true }],
    body,
  }
  const text = documentOf(page)
  expect(text).toContain('<title>&lt;/title&gt;&lt;script&gt;</title>')
  expect(text).toContain(`content="${policyOf(page)}"`)
  expect(text.indexOf('Content-Security-Policy')).toBeLessThan(text.indexOf('<meta charset'))
  expect(policyOf(page)).not.toContain('self')
  const served = {
    styles: [{ href: '/style.css' }],
    scripts: [
      { href: '/a.js', isModule: true },
      { href: '/b.js', isModule: false },
    ],
  }
  expect(policyOf(served, { live: true })).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  )
  expect(documentOf({ ...served, title: 'x', body })).toContain(
    '<script type="module" src="/a.js"></script>\n<script src="/b.js"></script>',
  )
  expect(policyOf({ styles: [], scripts: [] })).toContain("script-src 'none'; style-src 'none'")
})

test('a script that would end its element is none', () => {
  for (const text of ['"</script>"', '"<!--"', 'a\r\nb', '"</STYLE"'])
    expect(() => documentOf({ title: '', styles: [], scripts: [{ text, isModule: false }], body })).toThrow(
      'cannot stand',
    )
})

test('templates escape what is put into them, and nothing twice', () => {
  const inner = html`<b title="${'"\'<'}">${'&'}</b>`
  expect(html`<p>${inner}${[1, ' & ', null, [inner]]}</p>`.text).toBe(
    '<p><b title="&quot;&#39;&lt;">&amp;</b>1 &amp; <b title="&quot;&#39;&lt;">&amp;</b></p>',
  )
  expect(escaped('a\u202eb\ud800')).toBe('a\\u202eb\ufffd')
})

test('a data block gives back what was put into it, and cannot be left from within', () => {
  const data = { 'a</script>': ['<!--', '&amp;', '\u2028'], n: [1.5, Number.NaN], bidi: 'x\u202ey' }
  const { text } = dataBlock(data)
  const inside = text.slice('<script type="application/json">'.length, -'</script>'.length)
  expect(inside).not.toMatch(/[<>&\u2028]/)
  expect(JSON.parse(inside)).toEqual({ ...data, n: [1.5, null], bidi: 'x\\u202ey' })
})
