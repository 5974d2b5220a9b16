/**
 * `<jules-chart>`: a drawing that stands in the page already, with uPlot in its place where scripts run: zoom by dragging, back by a
 * double click, values under the pointer or the cursor of the keyboard. Its numbers are a JSON block in it, see `Data`.
 * On paper the drawing is printed. Charts of one `group` share their cursor.
 */
import type UPlot from 'uplot'

declare const uPlot: typeof UPlot

/** What the block holds, and what `update` takes. */
interface Data {
  readonly title: string
  readonly unit: 'dollars' | 'part' | 'shares' | 'number'
  readonly form: 'line' | 'area' | 'step'
  readonly isDown: boolean
  readonly height: number
  readonly group: string | null
  readonly kind: 'time' | 'number'
  /** Where each point stands, ascending: one place a point in time, and none for nights. */
  readonly at: readonly number[]
  /** Epoch seconds of each point; of a time axis only. */
  readonly times?: readonly number[]
  /** `at` and `times` are, after their first, how much is added each time, which is a third as long. */
  readonly areGaps?: boolean
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
  readonly marks: readonly { readonly value: number; readonly name: string }[]
}

const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]]
const HINT = 'Drag to zoom, double-click to go back. Keys: arrows, + and -, Escape.'
const clock = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'America/New_York',
  dateStyle: 'short',
  timeStyle: 'short',
})
/** `2025-07-30 09:31` of seconds; each is the end of a bar, so that midnight is that of the date which it ends. */
const stampOf = (time: number): string => {
  const text = clock.format(time * 1000)
  return text.endsWith(' 00:00') ? `${clock.format((time - 60) * 1000).slice(0, 11)}24:00` : text
}
const fixed = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** A value in its unit, with `digits` after the point of what is shown. */
function shown(unit: Data['unit'], value: number, digits: number): string {
  const size =
    unit === 'shares'
      ? Math.abs(value).toLocaleString('en-US', { maximumFractionDigits: 8 })
      : fixed(Math.abs(unit === 'part' ? 100 * value : value), digits)
  const sign = value < 0 && /[1-9]/.test(size) ? '-' : ''
  return `${sign}${unit === 'dollars' ? '$' : ''}${size}${unit === 'part' ? ' %' : ''}`
}

class Chart extends HTMLElement {
  #data: Data | undefined
  #plot: UPlot | undefined
  #live: HTMLElement | undefined
  #readout: HTMLElement | undefined
  /** `2025-07-30 09:31` of each point. */
  #stamps: string[] = []
  readonly #sizes = new ResizeObserver(() => this.#resize())
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)')
  readonly #recolour = (): void => this.#plot?.redraw()

  connectedCallback(): void {
    const block = this.querySelector('script[type="application/json"]')
    if (this.#plot === undefined && block !== null) this.update(JSON.parse(block.textContent ?? '') as Data)
    this.#scheme.addEventListener('change', this.#recolour)
  }

  disconnectedCallback(): void {
    this.#sizes.disconnect()
    this.#scheme.removeEventListener('change', this.#recolour)
    this.#plot?.destroy()
    this.#plot = undefined
    this.#live?.remove()
    this.classList.remove('is-live')
  }

  /** What is drawn, each place and time as it is; undefined before there is anything. */
  get numbers(): Data | undefined {
    return this.#data
  }

  /** Draws other numbers; the same series keep their zoom where it is not the whole. */
  update(given: Data): void {
    const data = given.areGaps === true ? summed(given) : given
    const same =
      this.#data !== undefined &&
      this.#data.unit === data.unit &&
      this.#data.series.map(({ name }) => name).join('\n') === data.series.map(({ name }) => name).join('\n')
    const zoom = this.#plot !== undefined && this.#isZoomed() ? this.#range() : null
    this.#data = data
    this.#stamps = (data.times ?? []).map(stampOf)
    const columns = [data.at, ...data.series.map(({ values }) => values)] as unknown as UPlot.AlignedData
    if (same && this.#plot !== undefined) {
      this.#plot.setData(columns, zoom === null)
      if (zoom !== null) this.#plot.setScale('x', zoom)
      this.#say(this.#plot.cursor.idx ?? null)
    } else if (data.at.length > 0) this.#mount(data, columns)
  }

  #mount(data: Data, columns: UPlot.AlignedData): void {
    this.#plot?.destroy()
    this.#live?.remove()
    const live = document.createElement('div')
    live.className = 'live'
    // A cursor that moves along the chart is what a slider is.
    live.tabIndex = 0
    live.setAttribute('role', 'slider')
    live.setAttribute('aria-label', this.querySelector('.plot')?.getAttribute('aria-label') ?? data.title)
    live.setAttribute('aria-valuemin', '0')
    const readout = document.createElement('span')
    readout.className = 'readout'
    this.classList.add('is-live')
    this.append(live)
    this.#live = live
    this.#readout = readout
    const width = Math.max(200, this.clientWidth)
    this.#plot = new uPlot(this.#options(data, width), columns, live)
    live.append(readout)
    this.#say(null)
    live.addEventListener('keydown', (event) => this.#key(event))
    live.addEventListener('blur', () => this.#plot?.setCursor({ left: -10, top: -10 }))
    this.#sizes.disconnect()
    this.#sizes.observe(this)
  }

  #resize(): void {
    const plot = this.#plot
    // On paper, and in what is folded away, there is no width.
    if (plot === undefined || this.clientWidth === 0 || plot.width === this.clientWidth) return
    plot.setSize({ width: this.clientWidth, height: plot.height })
  }

  #colour(name: string): string {
    return getComputedStyle(this).getPropertyValue(name).trim()
  }

  #options(data: Data, width: number): UPlot.Options {
    const { unit, form, series, marks } = data
    const font = '12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif'
    const axis: UPlot.Axis = {
      stroke: () => this.#colour('--dim'),
      font,
      grid: { stroke: () => this.#colour('--rule'), width: 1 },
      ticks: { stroke: () => this.#colour('--rule'), width: 1, size: 5 },
    }
    const steps = form === 'step' ? uPlot.paths.stepped?.({ align: 1 }) : undefined
    return {
      width,
      height: data.height + 24,
      legend: { show: false },
      // To the right there is room for half of the words of a last tick.
      padding: [10, 30, 0, 0],
      cursor: {
        drag: { x: true, y: false, setScale: true },
        ...(data.group === null ? {} : { sync: { key: data.group, scales: ['x', null] as [string, null] } }),
      },
      scales: {
        x: { time: false },
        y: { dir: data.isDown ? -1 : 1, range: (_plot, low, high) => rangeOf(data, low, high) },
      },
      axes: [
        {
          ...axis,
          space: 80,
          size: 30,
          ...(data.kind === 'time'
            ? {
                splits: (plot: UPlot, _axis: number, from: number, to: number) =>
                  this.#splits(plot, from, to),
                values: (_plot: UPlot, splits: number[]) => this.#dates(splits),
              }
            : { values: (_plot: UPlot, splits: number[]) => splits.map((step) => fixed(step, 0)) }),
        },
        {
          ...axis,
          space: 34,
          size: (_plot, values) =>
            18 + 7.6 * Math.max(7, ...(values ?? []).map((text) => String(text).length)),
          values: (_plot, splits, _axis, _space, step) => splits.map((value) => tick(unit, value, step)),
        },
      ],
      series: [
        {},
        ...series.map(({ name }, k) => ({
          label: name,
          stroke: () => this.#colour(`--s${k % 4}`),
          width: 1.5,
          dash: DASHES[(k + Math.floor(k / 4)) % 4]!,
          spanGaps: series.length > 1,
          points: { show: data.at.length === 1 },
          ...(form === 'area' ? { fill: () => this.#colour('--fill'), fillTo: 0 } : {}),
          ...(steps === undefined ? {} : { paths: steps }),
        })),
      ],
      hooks: {
        setCursor: [(plot) => this.#say(plot.cursor.idx ?? null)],
        // Under the lines, so that a name hides none of them.
        drawAxes: [(plot) => this.#mark(plot, marks, font)],
      },
    }
  }

  /** Targets and limits: lines across that the scale reaches. */
  #mark(plot: UPlot, marks: Data['marks'], font: string): void {
    const { ctx, bbox } = plot
    const scale = devicePixelRatio
    ctx.save()
    ctx.font = font.replace('12', String(12 * scale))
    ctx.textAlign = 'right'
    ctx.textBaseline = 'alphabetic'
    ctx.lineJoin = 'round'
    ctx.fillStyle = this.#colour('--fg')
    const bases: number[] = []
    // From the top: the name below the first line leaves the next one the room below it.
    const order = [...marks].sort((a, b) => plot.valToPos(a.value, 'y') - plot.valToPos(b.value, 'y'))
    for (const { value, name } of order) {
      const y = Math.round(plot.valToPos(value, 'y', true))
      if (y < bbox.top - 1 || y > bbox.top + bbox.height + 1) continue
      ctx.strokeStyle = this.#colour('--fg')
      ctx.lineWidth = scale
      ctx.setLineDash([2 * scale, 4 * scale])
      ctx.beginPath()
      ctx.moveTo(bbox.left, y)
      ctx.lineTo(bbox.left + bbox.width, y)
      ctx.stroke()
      // The name stands on the side of the line that has room for it, free of what is behind it and of other names.
      const x = bbox.left + bbox.width - 6 * scale
      const isFree = bases.every((base) => Math.abs(base - (y - 5 * scale)) >= 13 * scale)
      const base = y > bbox.top + 24 * scale && isFree ? y - 5 * scale : y + 14 * scale
      bases.push(base)
      ctx.setLineDash([])
      ctx.lineWidth = 4 * scale
      ctx.strokeStyle = this.#colour('--bg')
      ctx.strokeText(name, x, base)
      ctx.fillText(name, x, base)
    }
    ctx.restore()
  }

  /** Places of labels: the first points of months, of days or of hours, whichever have room. */
  #splits(plot: UPlot, from: number, to: number): number[] {
    const { at } = this.#data!
    const inside = this.#stamps
      .map((stamp, n) => ({ stamp, at: at[n]! }))
      .filter((p) => p.at >= from && p.at <= to)
    const width = plot.bbox.width / devicePixelRatio
    const room = Math.max(2, Math.floor(width / 90))
    // Half a label has no place right of the last points.
    const end = to - (to - from) * (24 / width)
    // `2025-07`, `2025-07-30`, `2025-07-30 09`, and every point.
    let finer: typeof inside = []
    for (const length of [16, 13, 10, 7]) {
      const starts = inside.filter(
        ({ stamp }, n) => n === 0 || stamp.slice(0, length) !== inside[n - 1]!.stamp.slice(0, length),
      )
      if (starts.length > room && length !== 7) {
        finer = starts
        continue
      }
      // One date alone would say nothing of its hours.
      const some = starts.length > 1 || finer.length === 0 ? starts : finer
      const step = Math.ceil(some.length / room)
      return spaced(
        some.filter((point, n) => n % step === 0 && (n === 0 || point.at <= end)).map((point) => point.at),
        (to - from) * (WIDEST / width),
      )
    }
    return []
  }

  #dates(splits: readonly number[]): string[] {
    const { at } = this.#data!
    const stamps = splits.map((split) => this.#stamps[at.indexOf(split)] ?? '')
    const days = new Set(stamps.map((stamp) => stamp.slice(0, 10)))
    const months = new Set(stamps.map((stamp) => stamp.slice(0, 7)))
    return stamps.map((stamp, n) => {
      if (days.size === 1) return stamp.slice(11)
      if (days.size < stamps.length)
        return stamp.slice(0, 10) === stamps[n - 1]?.slice(0, 10) ? stamp.slice(11) : stamp.slice(5)
      return months.size === stamps.length && stamps.length > 2 ? stamp.slice(0, 7) : stamp.slice(0, 10)
    })
  }

  #range(): { min: number; max: number } {
    const { min, max } = this.#plot!.scales.x!
    return { min: min ?? 0, max: max ?? 0 }
  }

  #isZoomed(): boolean {
    const { at } = this.#data!
    const { min, max } = this.#range()
    return min > at[0]! || max < at[at.length - 1]!
  }

  /** Writes what is at a point below the chart, and tells it to those who hear the page. */
  #say(point: number | null): void {
    const data = this.#data!
    this.#live!.setAttribute('aria-valuemax', String(data.at.length - 1))
    this.#live!.setAttribute('aria-valuenow', String(point ?? data.at.length - 1))
    const words = point === null ? HINT : this.#words(data, point)
    this.#live!.setAttribute('aria-valuetext', point === null ? this.#words(data, data.at.length - 1) : words)
    this.#readout!.textContent = words
  }

  #words({ unit, series, at }: Data, point: number): string {
    const values = series.map(({ name, values }) => {
      // In a chart of several runs a point belongs to one of them: the others have their last value.
      let n = point
      while (n > 0 && values[n] === null) n--
      const value = values[n] ?? null
      return `${name} ${value === null ? '-' : shown(unit, value, 2)}`
    })
    return [this.#stamps[point] ?? fixed(at[point]!, 0), ...values].join(' \u00b7 ')
  }

  #key(event: KeyboardEvent): void {
    const plot = this.#plot!
    const { at } = this.#data!
    const last = at.length - 1
    const now = plot.cursor.idx ?? last
    const moves: Record<string, number> = {
      ArrowLeft: now - 1,
      ArrowDown: now - 1,
      ArrowRight: now + 1,
      ArrowUp: now + 1,
      PageDown: now - Math.ceil(last / 20),
      PageUp: now + Math.ceil(last / 20),
      Home: 0,
      End: last,
    }
    const to = moves[event.key]
    if (to !== undefined) this.#move(Math.min(last, Math.max(0, to)))
    else if (event.key === '+' || event.key === '=') this.#zoom(0.5, now)
    else if (event.key === '-') this.#zoom(2, now)
    else if (event.key === 'Escape') this.#zoom(Number.POSITIVE_INFINITY, now)
    else return
    event.preventDefault()
  }

  #move(point: number): void {
    const plot = this.#plot!
    const x = this.#data!.at[point]!
    const { min, max } = this.#range()
    // The cursor takes the part that is seen along with it.
    if (x < min) plot.setScale('x', { min: x, max: x + max - min })
    if (x > max) plot.setScale('x', { min: x - max + min, max: x })
    plot.setCursor({ left: plot.valToPos(x, 'x'), top: plot.over.clientHeight / 2 })
  }

  #zoom(factor: number, point: number): void {
    const { at } = this.#data!
    const [first, last] = [at[0]!, at[at.length - 1]!]
    const { min, max } = this.#range()
    const length = Math.min(last - first, Math.max((max - min) * factor, 2))
    const middle = Math.min(max, Math.max(min, at[point]!))
    const from = Math.min(last - length, Math.max(first, middle - length / 2))
    this.#plot!.setScale('x', { min: from, max: from + length })
  }
}

function summed({ areGaps: _, ...data }: Data): Data {
  const sums = (gaps: readonly number[]): number[] => {
    let sum = 0
    return gaps.map((gap) => {
      sum += gap
      return sum
    })
  }
  return { ...data, at: sums(data.at), ...(data.times === undefined ? {} : { times: sums(data.times) }) }
}

/** A scale of values with some room, with zero for what is filled to it, and with marks that are not far off. */
function rangeOf({ form, marks }: Data, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1]
  let [from, to] = form === 'area' ? [Math.min(0, low), Math.max(0, high)] : [low, high]
  for (const { value } of marks) {
    const [lower, upper] = [Math.min(from, value), Math.max(to, value)]
    if (upper - lower <= 3 * (to - from)) [from, to] = [lower, upper]
  }
  const room = to === from ? Math.abs(to) * 0.01 || 1 : 0.04 * (to - from)
  return form === 'area' && from === 0 ? [0, to + room] : [from - room, to + room]
}

/** A tick: the digits that its step has, and cents where there are parts of a dollar. */
function tick(unit: Data['unit'], value: number, step: number): string {
  const size = unit === 'part' ? 100 * step : step
  let digits = 0
  while (digits < 8 && Math.abs(Math.round(size * 10 ** digits) / 10 ** digits - size) > 1e-6 * size) digits++
  return shown(unit, value, unit === 'dollars' && digits === 1 ? 2 : digits)
}

/** Of `07-30 09:31`, the longest label, CSS pixels, with what is free beside it. */
const WIDEST = 84

/** Places that are at least `least` apart. */
function spaced(places: readonly number[], least: number): number[] {
  const kept: number[] = []
  for (const place of places)
    if (kept.length === 0 || place - kept[kept.length - 1]! >= least) kept.push(place)
  return kept
}

customElements.define('jules-chart', Chart)
