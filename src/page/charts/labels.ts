/**
 * Which labels along a drawing have room beside each other. The text keeps its size at any width, so that each label says from which
 * width of the drawing on it is shown: a rule of the style asks the drawing, not the screen, as two of them may stand side by side.
 */

/** A label at a part of the way from left, 0, to right, 1. */
export interface Label {
  readonly at: number
  readonly label: string
}

export interface Shown extends Label {
  /** CSS pixels that the drawing is wide at least. */
  readonly from: number
  readonly anchor: 'start' | 'middle' | 'end'
}

/** Of a drawing, CSS pixels: two beside each other on paper, and one on a screen of 360, have a little more than the second. */
const WIDTHS = [280, 320, 420, 640, 900, 1200] as const
/** Of a character at most, and what stays free between two labels, CSS pixels. */
const CHARACTER = 7.7
const GAP = 6

/** The class of what is shown from a width on; `labelRules` say what it means. */
export const classFrom = (from: number): string => (from === WIDTHS[0] ? 'tick' : `tick from${from}`)

/** Rules of the style. Where a browser does not know what it is asked, it shows few labels. */
export const labelRules = [
  '.plot { container-type: inline-size }',
  `${WIDTHS.slice(1)
    .map((width) => `.from${width}`)
    .join(', ')} { display: none }`,
  ...WIDTHS.slice(1).map(
    (width) => `@container (min-width: ${width}px) { .from${width} { display: inline } }`,
  ),
].join(' ')

/** Pixels that a text takes at most. */
export const textWidth = (text: string): number => CHARACTER * text.length

/** The width from which on everything of this size fits into a part of the way; null for none. */
export const widthFor = (size: number, part: number, beside = 0): number | null =>
  WIDTHS.find((width) => part * (width - beside) >= size) ?? null

/**
 * The labels, ascending by their places, that have room on a drawing of some width, of which `beside` pixels are not for them. What is
 * shown on a narrow one is shown on every wider one.
 */
export function shownLabels(labels: readonly Label[], beside: number): Shown[] {
  const from = new Map<Label, number>()
  let left = labels
  for (const width of [...WIDTHS].reverse()) {
    left = chosen(left, width - beside)
    for (const label of left) from.set(label, width)
  }
  return [...from].map(([label, width]) => ({ ...label, from: width, anchor: anchorOf(label) }))
}

/** Those at the ends stand inside. */
const anchorOf = ({ at }: Label): Shown['anchor'] => (at < 0.04 ? 'start' : at > 0.95 ? 'end' : 'middle')

/** Every so manieth of them; as many as have room where they stand too unevenly for that. */
function chosen(labels: readonly Label[], width: number): readonly Label[] {
  const any = greedy(labels, width)
  for (let step = 1; step < labels.length; step++) {
    const some = labels.filter((_, n) => n % step === 0)
    if (2 * some.length < any.length) return any
    if (isFree(some, width)) return some
    const whole = withoutPart(some)
    if (isFree(whole, width)) return whole
  }
  return any
}

/** A short piece at the beginning gives way to the first whole one. */
function withoutPart(labels: readonly Label[]): readonly Label[] {
  const [first, second, third] = labels
  if (third === undefined) return labels
  return second!.at - first!.at < (third.at - second!.at) / 2 ? labels.slice(1) : labels
}

function greedy(labels: readonly Label[], width: number): Label[] {
  const kept: Label[] = []
  for (const label of labels) if (isFree([...kept.slice(-1), label], width)) kept.push(label)
  return kept
}

const isFree = (labels: readonly Label[], width: number): boolean =>
  labels.every((label, n) => n === 0 || startOf(label, width) - endOf(labels[n - 1]!, width) >= GAP)

const SHIFT = { start: 0, middle: 0.5, end: 1 } as const
const startOf = (label: Label, width: number): number =>
  label.at * width - SHIFT[anchorOf(label)] * textWidth(label.label)
const endOf = (label: Label, width: number): number => startOf(label, width) + textWidth(label.label)
